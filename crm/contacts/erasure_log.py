"""Remember outside the database who was erased, so that restoring an older copy brings nobody back.

One line for each erasure in DATA_DIR/erased.jsonl: the customer's number, when it was, and keyed hashes of what they
were known by; no names. It is written before the database says so, and never shortened. A copy that is restored does
not know of later erasures: whoever stands in the file, and in the books under the same number with one of the same
keys, is erased again, as of then (`again`, with the first sweep after a start, or as soon as a restore asks for it).
"""

import datetime as dt
import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from django.conf import settings

from crm.accounts.models import Shop
from crm.lib.tokens import keyed_hash

_checked: tuple[int, int] | None = None  # the file as it was when all of it was found in the books


def path() -> Path:
    """Return where the file lies: beside the folder of the uploads."""
    return Path(settings.MEDIA_ROOT).parent / "erased.jsonl"


def write(contact_id: int, *, at: dt.datetime, hashes: Collection[str]) -> None:
    """Add an erasure that is about to happen."""
    line = json.dumps({"shop": _this_shop(), "customer": contact_id, "at": at.isoformat(), "keys": sorted(hashes)})
    path().parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="ascii") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def has_news() -> bool:
    """Tell whether the file was not compared with the books since this process started or it changed."""
    return _state() not in (None, _checked)


def mark_checked() -> None:
    """Remember that all the file says is in the books."""
    global _checked
    _checked = _state()


def read() -> Iterator[tuple[int, dt.datetime, frozenset[str]]]:
    """Yield this shop's erasures: customer, when, and the hashes of what they were known by."""
    if not path().exists():
        return
    mine = _this_shop()
    with open(path(), encoding="ascii") as file:
        for line in file:
            try:
                said = json.loads(line)
            except ValueError:  # the power failed while it was written; then the database does not say so either
                continue
            if said["shop"] == mine:
                yield said["customer"], dt.datetime.fromisoformat(said["at"]), frozenset(said["keys"])


def _state() -> tuple[int, int] | None:
    try:
        found = path().stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def _this_shop() -> str:
    shop = Shop.objects.first()
    return keyed_hash(f"shop\n{shop.created_at.isoformat()}")[:16] if shop else ""
