"""One person's story, newest first, told by every floor that knows a part of it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

PAGE = 20


@dataclass(frozen=True)
class Moment:
    at: dt.datetime
    icon: str
    text: str
    href: str = ""
    detail: str = ""
    amount_minor: int | None = None
    currency: str = ""


@dataclass(frozen=True)
class Page:
    moments: list[Moment]
    older_before: dt.datetime | None  # hand this to the next call; None: the story begins here


Reader = Callable[..., list[Moment]]
READERS: dict[str, Reader] = {}


def register(name: str, reader: Reader) -> None:
    """Add a reader: `reader(contact_id=, before=, limit=)` gives its newest moments earlier than `before`."""
    READERS[name] = reader


def read(*, contact_id: int, before: dt.datetime, limit: int = PAGE) -> Page:
    """Return the newest moments before a time, all readers merged.

    A page never ends between two moments of the same time, because the next one starts strictly before it.
    """
    asked, ask = {}, limit + 1
    for name, reader in READERS.items():
        asked[name] = reader(contact_id=contact_id, before=before, limit=ask)
    merged = _merge(asked)
    if len(merged) <= limit:
        return Page(merged, None)
    cut = merged[limit - 1].at
    for name, moments in asked.items():
        wider = ask
        while len(asked[name]) == wider and moments[-1].at >= cut:
            wider *= 4
            moments = asked[name] = READERS[name](contact_id=contact_id, before=before, limit=wider)
    merged = _merge(asked)
    page = [moment for moment in merged if moment.at >= cut]
    return Page(page, cut if len(page) < len(merged) else None)


def _merge(asked: dict[str, list[Moment]]) -> list[Moment]:
    return sorted(
        (moment for moments in asked.values() for moment in moments), key=lambda moment: moment.at, reverse=True
    )
