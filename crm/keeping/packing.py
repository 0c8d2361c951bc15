"""One file that holds everything: a ZIP whose last 64 bytes are the SHA-256 of all before them.

Any program opens it, and one changed or missing byte anywhere is noticed. Written and read as a stream, in bounded
memory; encrypted on its way where there is a passphrase (keeping.sealing).

    manifest.json      what it is, of which version, what is in it (keeping.manifests), with the SHA-256 of each part
    database.sqlite3   or database.pgdump
    files/...          uploaded files
    secret_key         the box's own; not there where the key comes from the environment
"""

import datetime as dt
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.utils.translation import gettext as _

from crm.keeping import sealing

MANIFEST, FILES = "manifest.json", "files/"
DATABASES = ("database.sqlite3", "database.pgdump")
_DIGEST, _BLOCK = 64, 1024 * 1024
_BYTES_OF_ZIP_END = 22
_LONGEST_MANIFEST = 64 * 1024 * 1024
_SAID = {
    "format": int, "made_at": str, "database": str, "migrations": list, "key": str, "rows": dict, "sums": dict,
    "sha256": dict,
}  # fmt: skip
# What Python's zipfile raises: not there, damaged, packed by a method we do not know, locked with a ZIP password.
_UNREADABLE = (KeyError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)


class NotABackup(ValueError):
    """The file is none of our backups, or damaged; the words say which."""


@dataclass(frozen=True)
class Part:
    name: str
    path: Path
    is_packed: bool = False  # compressed already


class _Digested:
    """Hands on what is written, but for the last 64 bytes, in whose place it ends with the digest of all before."""

    def __init__(self, target):
        self._target, self._digest, self._kept = target, hashlib.sha256(), b""

    def write(self, data) -> int:
        whole = self._kept + bytes(data)
        done, self._kept = whole[:-_DIGEST], whole[-_DIGEST:]
        self._digest.update(done)
        self._target.write(done)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._target.write(self._digest.hexdigest().encode())


def write(target: BinaryIO, *, manifest: dict, parts: Iterable[Part], passphrase: str = "") -> None:
    """Pack the parts and the manifest into `target`; a part that vanished meanwhile is left out."""
    outer = sealing.Sealing(target, passphrase) if passphrase else None
    digested = _Digested(outer or target)
    sums = {}
    with zipfile.ZipFile(digested, "w", allowZip64=True) as archive:
        archive.comment = b"0" * _DIGEST
        for part in parts:
            try:
                source = open(part.path, "rb")  # noqa: SIM115 -- closed below
            except FileNotFoundError:
                continue
            with source:
                sums[part.name] = _add(archive, part, source)
        archive.writestr(MANIFEST, json.dumps(manifest | {"sha256": sums}, ensure_ascii=False, indent=1))
    digested.close()
    if outer:
        outer.close()


def _add(archive: zipfile.ZipFile, part: Part, source: BinaryIO) -> str:
    about = zipfile.ZipInfo(part.name)
    about.compress_type = zipfile.ZIP_STORED if part.is_packed else zipfile.ZIP_DEFLATED
    about._compresslevel = 1  # three times as fast as the usual 6, a tenth bigger
    about.external_attr = 0o600 << 16
    digest = hashlib.sha256()
    with archive.open(about, "w", force_zip64=True) as target:
        while block := source.read(_BLOCK):
            digest.update(block)
            target.write(block)
    return digest.hexdigest()


class Archive:
    """A backup whose bytes were found to be whole."""

    def __init__(self, archive: zipfile.ZipFile):
        self._zip = archive
        try:
            if archive.getinfo(MANIFEST).file_size > _LONGEST_MANIFEST:
                raise ValueError
            self.manifest = json.loads(archive.read(MANIFEST))
            is_ours = all(isinstance(self.manifest[name], kind) for name, kind in _SAID.items())
            dt.datetime.fromisoformat(self.manifest["made_at"])
        except (*_UNREADABLE, ValueError, TypeError):
            is_ours = False
        if not is_ours:
            raise NotABackup(_("This file is not a backup of Regulars."))

    def names(self) -> list[str]:
        return list(self.manifest["sha256"])

    def database(self) -> str:
        """Return the name of the part that is the database."""
        found = [name for name in self.names() if name in DATABASES]
        if len(found) != 1:
            raise NotABackup(_("This file is not a backup of Regulars."))
        return found[0]

    def size(self, *names: str) -> int:
        """Return how many bytes these parts take when unpacked, or all: no part is ever read further."""
        inside = {one.filename: one.file_size for one in self._zip.infolist()}
        return sum(inside.get(name, 0) for name in names or self.names())

    def extract(self, name: str, target: Path) -> Path:
        """Write a part to its place and make sure that it is what was packed."""
        digest = hashlib.sha256()
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._zip.open(name) as source, open(target, "xb", opener=private) as file:
                while block := source.read(_BLOCK):
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
        except _UNREADABLE:
            raise NotABackup(_("“%(name)s” in this backup cannot be read.") % {"name": name}) from None
        if digest.hexdigest() != self.manifest["sha256"][name]:
            raise NotABackup(_("“%(name)s” in this backup is not what was packed.") % {"name": name})
        return target

    def extract_files(self, folder: Path) -> int:
        """Write the uploaded files below a folder; return how many."""
        names = [name for name in self.names() if name.startswith(FILES)]
        for name in names:
            inside = PurePosixPath(name.removeprefix(FILES))
            if inside.is_absolute() or ".." in inside.parts:
                raise NotABackup(_("“%(name)s” in this backup leads out of its folder.") % {"name": name})
            self.extract(name, folder / inside)
        return len(names)


@contextmanager
def opened(path: Path, *, scratch: Path, passphrase: str = "") -> Iterator[Archive]:
    """Open a backup of which every byte is as it was written; raise NotABackup, or sealing's errors."""
    plain = path
    if sealing.is_sealed(path):
        plain = scratch / "unsealed.zip"
        with open(path, "rb") as source, open(plain, "wb", opener=private) as target:
            sealing.unseal(source, target, passphrase)
    try:
        _prove_whole(plain)
        try:
            with zipfile.ZipFile(plain) as archive:
                yield Archive(archive)
        except zipfile.BadZipFile:
            raise NotABackup(_("This file is not a backup of Regulars.")) from None
    finally:
        if plain != path:
            plain.unlink()


def _prove_whole(path: Path) -> None:
    left = path.stat().st_size - _DIGEST
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        if left < _BYTES_OF_ZIP_END or file.read(2) != b"PK":
            raise NotABackup(_("This file is not a backup of Regulars."))
        file.seek(0)
        while left and (block := file.read(min(_BLOCK, left))):
            digest.update(block)
            left -= len(block)
        if file.read() != digest.hexdigest().encode():
            raise NotABackup(_("This backup is damaged: it was cut off, or changed or packed anew after it was made."))


def private(path, flags) -> int:
    return os.open(path, flags, 0o600)
