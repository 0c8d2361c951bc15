"""Encrypt and decrypt a backup as it streams by: AES-256-GCM in pieces, the key made of a passphrase by scrypt.

    header   16 bytes that name the format, 16 of salt, 7 of nonce
    pieces   of 1 MiB and a tag of 16 bytes; the nonce of each is the header's, a counter of 4 bytes, and 1 for the last

Each piece is bound to its place, to the header and to whether it is the last (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015), so that nothing can be cut off, swapped or joined unnoticed.
"""

import hashlib
import secrets
from typing import BinaryIO

from django.utils.translation import gettext as _

MAGIC = b"regulars-sealed1"
_SALT, _NONCE, _PIECE, _TAG = 16, 7, 1024 * 1024, 16
_HEADER = len(MAGIC) + _SALT + _NONCE


class WrongPassphrase(ValueError):
    """The passphrase does not open this file, or its first bytes are damaged."""


class BrokenSeal(ValueError):
    """The file was cut off or changed."""


def is_sealed(path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


class Sealing:
    """A file that encrypts what is written to it; `close` writes the last piece, the target stays open."""

    def __init__(self, target: BinaryIO, passphrase: str):
        header = MAGIC + secrets.token_bytes(_SALT + _NONCE)
        self._pieces, self._target, self._waiting = _Pieces(header, passphrase), target, bytearray()
        target.write(header)

    def write(self, data) -> int:
        self._waiting += data
        while len(self._waiting) > _PIECE:  # one byte more: a full piece may still be the last
            self._target.write(self._pieces.seal(bytes(self._waiting[:_PIECE]), is_last=False))
            del self._waiting[:_PIECE]
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._target.write(self._pieces.seal(bytes(self._waiting), is_last=True))


def unseal(source: BinaryIO, target: BinaryIO, passphrase: str) -> None:
    """Write what a sealed file holds; raise WrongPassphrase or BrokenSeal, whatever was written by then."""
    header = source.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(MAGIC):
        raise BrokenSeal(_("This file is not an encrypted backup, or its beginning is missing."))
    pieces = _Pieces(header, passphrase)
    piece, is_first = source.read(_PIECE + _TAG), True
    while piece:
        following = source.read(_PIECE + _TAG)
        plain = pieces.open(piece, is_last=not following)
        if plain is None:
            if is_first:
                raise WrongPassphrase(_("The passphrase does not open this backup, or its beginning is damaged."))
            raise BrokenSeal(_("This backup was cut off or changed: it cannot be decrypted to its end."))
        target.write(plain)
        piece, is_first = following, False
    if is_first:
        raise BrokenSeal(_("This backup was cut off or changed: it cannot be decrypted to its end."))


class _Pieces:
    def __init__(self, header: bytes, passphrase: str):
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        salt = header[len(MAGIC) : len(MAGIC) + _SALT]
        key = hashlib.scrypt(passphrase.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=64 * 1024 * 1024, dklen=32)
        self._header, self._start, self._count = header, header[-_NONCE:], 0
        self._cipher, self._invalid = AESGCM(key), InvalidTag

    def _nonce(self, *, is_last: bool) -> bytes:
        nonce = self._start + self._count.to_bytes(4, "big") + bytes([is_last])
        self._count += 1
        return nonce

    def seal(self, plain: bytes, *, is_last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(is_last=is_last), plain, self._header)

    def open(self, sealed: bytes, *, is_last: bool) -> bytes | None:
        try:
            return self._cipher.decrypt(self._nonce(is_last=is_last), sealed, self._header)
        except self._invalid:
            return None
