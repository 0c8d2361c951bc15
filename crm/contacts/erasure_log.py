"""Remember outside the database who was erased, so that restoring an older copy brings nobody back.

One line for each erasure in DATA_DIR/erased.jsonl: the customer's number, when it was, and keyed hashes of what they
were known by and of the moment their row was made; no names. Who was merged into them has a line too: in an older copy
they are two. It is written before the database says so, and never shortened. A copy that is restored does
not know of later erasures: whoever stands in the file, and in the books under the same number with one of the same
keys, is erased again, as of then (`again`, with the first sweep after a start, or as soon as a restore asks for it).
"""

import datetime as dt
import json
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from crm.accounts.models import Shop
from crm.lib.tokens import keyed_hash

_checked: tuple[int, int] | None = None  # the file as it was when all of it was found in the books


def path() -> Path:
    """Return where the file lies: beside the folder of the uploads."""
    return Path(settings.MEDIA_ROOT).parent / "erased.jsonl"


class Line(NamedTuple):
    """One erasure."""

    contact_id: int
    at: dt.datetime
    keys: frozenset[str]
    row: str  # the hash of when their row was made; "" where an earlier version wrote the line


def write(contact_ids: Iterable[int], *, at: dt.datetime, hashes: Collection[str], row: str = "") -> None:
    """Add an erasure that is about to happen, of a customer first and then of those merged into them."""
    shop, keys = _this_shop(), sorted(hashes)
    of_all = {"shop": shop, "at": at.isoformat(), "keys": keys}
    lines = [json.dumps(of_all | {"customer": pk, "row": "" if count else row}) for count, pk in enumerate(contact_ids)]
    add(path(), lines)


def add(log: Path, lines: Iterable[str]) -> None:
    """Write lines at the end of a log, so that they are there whatever happens next."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(log, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+", encoding="ascii") as file:
        end = file.seek(0, os.SEEK_END)
        is_cut_off = end and os.pread(file.fileno(), 1, end - 1) != b"\n"  # the power failed: begin a line of our own
        file.write("\n" * bool(is_cut_off) + "".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def has_news() -> bool:
    """Tell whether the file was not compared with the books since this process started or it changed."""
    return _state() not in (None, _checked)


def mark_checked() -> None:
    """Remember that all the file says is in the books."""
    global _checked
    _checked = _state()


def read() -> Iterator[Line]:
    """Yield this shop's erasures."""
    if not path().exists():
        return
    mine = _this_shop()
    with open(path(), encoding="ascii") as file:
        for line in file:
            try:
                said = json.loads(line)
                at, keys = dt.datetime.fromisoformat(said["at"]), frozenset(said["keys"])
                found = Line(said["customer"], at, keys, said.get("row", ""))
            except (ValueError, LookupError, TypeError):  # the power failed while it was written
                continue
            if said["shop"] == mine:
                yield found


def _state() -> tuple[int, int] | None:
    try:
        found = path().stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def _this_shop() -> str:
    shop = Shop.objects.first()
    return keyed_hash(f"shop\n{shop.created_at.isoformat()}")[:16] if shop else ""
