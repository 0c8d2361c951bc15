"""Unpack a zip of several files, trusting nothing it says about itself."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.imports.refusals import NotReadable
from crm.imports.spreadsheets import MAX_RATIO, RATIO_FROM, damaged_is_refused

MAX_MEMBERS = 200
MAX_UNPACKED = 4 * 1024**3  # bytes of all members together
_BLOCK = 1024 * 1024


def kind_of(path: Path) -> str:
    """Return what a zip package is: "xlsx", "calamine" (XLSB, ODS) or "archive"."""
    with _damaged_is_refused(), zipfile.ZipFile(path) as package:
        names = {name.replace("\\", "/").lstrip("/").casefold() for name in package.namelist()}
    if "[content_types].xml" in names:
        return "calamine" if any(name.startswith("xl/") and name.endswith("workbook.bin") for name in names) else "xlsx"
    return "calamine" if {"mimetype", "content.xml"} <= names else "archive"


def unpack(path: Path) -> list[tuple[str, Path]]:
    """Write each file of an archive into a temporary file of its own; the caller removes them."""
    unpacked: list[tuple[str, Path]] = []
    left = MAX_UNPACKED
    try:
        with _damaged_is_refused(), zipfile.ZipFile(path) as archive:
            for info in _members(archive):
                with archive.open(info) as source, tempfile.NamedTemporaryFile(
                    prefix="regulars-member-", suffix=PurePosixPath(_name(info)).suffix[:10], delete=False
                ) as target:
                    unpacked.append((_name(info), Path(target.name)))
                    while block := source.read(_BLOCK):
                        left -= len(block)
                        if left < 0:
                            raise _too_large()
                        target.write(block)
    except BaseException:
        for _member, file in unpacked:
            file.unlink(missing_ok=True)
        raise
    return unpacked


@contextmanager
def only_member(path: Path) -> Iterator[IO[bytes]]:
    """Open the one file of an archive that holds one; refuse another archive."""
    with _damaged_is_refused(), zipfile.ZipFile(path) as archive:
        members = _members(archive)
        if len(members) > 1:
            raise NotReadable(
                ngettext(
                    "The archive holds %(count)s file. Unpack it and import the file.",
                    "The archive holds %(count)s files. Unpack it and import them one by one.",
                    len(members),
                )
                % {"count": len(members)}
            )
        with archive.open(members[0]) as file:
            yield file


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of an archive that are meant for us, refusing what cannot be unpacked safely."""
    members = [info for info in archive.infolist() if not info.is_dir() and not _is_noise(info)]
    if not members:
        raise NotReadable(_("The archive is empty."))
    if len(members) > MAX_MEMBERS:
        raise NotReadable(
            _("The archive holds more than %(count)s files. Pack only the exports.") % {"count": MAX_MEMBERS}
        )
    if any(info.flag_bits & 1 for info in members):
        raise NotReadable(_("The archive is locked with a password. Pack it without one."))
    if any(info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1) for info in members):
        raise _too_large()
    if sum(info.file_size for info in members) > MAX_UNPACKED:
        raise _too_large()
    for info in members:
        with archive.open(info) as file:
            if _name(info).casefold().endswith(".zip") and file.read(2) == b"PK":
                raise NotReadable(_("The archive holds another archive. Unpack it and import what is inside."))
    return members


def _damaged_is_refused() -> AbstractContextManager[None]:
    return damaged_is_refused(_("The packed file is damaged or was cut off. Fetch it once more."))


def _name(info: zipfile.ZipInfo) -> str:
    return PurePosixPath(info.filename.replace("\\", "/")).name


def _is_noise(info: zipfile.ZipInfo) -> bool:
    """Tell what systems leave in archives from what was packed."""
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    name = parts[-1] if parts else ""
    return "__MACOSX" in parts or name.startswith(".") or name.casefold() in ("", "thumbs.db", "desktop.ini")


def _too_large() -> NotReadable:
    return NotReadable(_("The archive is too large when unpacked. Pack fewer files together."))
