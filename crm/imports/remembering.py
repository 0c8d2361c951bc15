"""Remember what the owner said a header means, and say it again for the next file that has it."""

import datetime as dt
import hashlib
from collections.abc import Mapping

from crm.imports.formats import FORMATS
from crm.imports.formats.base import Header
from crm.imports.models import KnownHeader
from crm.imports.values import fold

# Found by how the text looks, not by a mark or by being valid:
GUESSED_ENCODINGS = frozenset({"cp1251", "cp1252", "cp932", "gb18030"})


def fingerprint(header: Header) -> str:
    """Return what a header is known by: the names of its columns in their order, whatever case and spacing."""
    return hashlib.sha256("\x1f".join(map(fold, header.names)).encode("utf-8", "surrogatepass")).hexdigest()


def recall(header: Header) -> KnownHeader | None:
    """Return what the owner said about this header, if anything that still makes sense."""
    known = KnownHeader.objects.filter(fingerprint=fingerprint(header)).first()
    return known if known and known.format in FORMATS else None


def options_of(known: KnownHeader, *, encoding: str) -> dict:
    """Return the remembered options for a file found to be in `encoding`; what it surely is, is not overruled."""
    return {
        name: value
        for name, value in known.options.items()
        if name != "encoding" or encoding in GUESSED_ENCODINGS
    }  # fmt: skip


def remember(
    header: Header, *, format: str, mapping: Mapping[str, int], options: Mapping, now: dt.datetime
) -> KnownHeader:
    """Keep the owner's answer; the newest one counts."""
    said = {"format": format, "mapping": dict(mapping), "options": dict(options), "said_at": now}
    return KnownHeader.objects.update_or_create(fingerprint=fingerprint(header), defaults=said)[0]


def forget(header: Header) -> bool:
    """Ask again the next time; return whether there was an answer."""
    return bool(KnownHeader.objects.filter(fingerprint=fingerprint(header)).delete()[0])
