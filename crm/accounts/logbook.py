"""Who did what: written down once where nothing else remembers it, told together with what other floors remember.

A view that does something worth looking up later names it and writes it down where it is done:

    EXPORTED = logbook.kind("customers_exported", _("Downloaded a list of customers"), Group.TAKEN_OUT)
    logbook.write(EXPORTED, by=request.user, now=now)

A floor with records of its own registers a reader instead (`register`), so that nothing is written twice.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Deed, User

KEPT = dt.timedelta(days=3 * 366)
PAGE = 50


class Group(models.TextChoices):
    LOGIN = "login", _("Logins and passwords")
    PEOPLE = "people", _("People and roles")
    TAKEN_OUT = "out", _("Data taken out")
    PRIVACY = "privacy", _("Erasing and privacy")
    BROUGHT_IN = "in", _("Imports")
    SENT = "sent", _("Sending")
    POINTS = "points", _("Points by hand")
    SETTINGS = "settings", _("Settings and rules")


@dataclass(frozen=True)
class Kind:
    label: Promise
    group: Group


@dataclass(frozen=True)
class Line:
    """One line of the page; `user_id` None is somebody unknown."""

    at: dt.datetime
    user_id: int | None
    text: str
    group: str
    detail: str = ""
    href: str = ""


Reader = Callable[..., list[Line]]
KINDS: dict[str, Kind] = {}
READERS: dict[str, Reader] = {}


def kind(slug: str, label: Promise, group: Group) -> str:
    """Name something that is written down; return the name."""
    KINDS[slug] = Kind(label, group)
    return slug


# What several floors do.
CUSTOMERS_EXPORTED = kind("customers_exported", _("Downloaded a list of customers"), Group.TAKEN_OUT)
SETTINGS_CHANGED = kind("settings_changed", _("Changed the settings"), Group.SETTINGS)


def register(name: str, reader: Reader) -> None:
    """Add a reader: `reader(before=, limit=, user_id=, group=)` gives its newest lines earlier than `before`."""
    READERS[name] = reader


def write(what: str, *, by: User | None, now: dt.datetime, detail: str = "", href: str = "") -> None:
    """Write down that somebody did this."""
    Deed.objects.create(at=now, user=by, kind=what, detail=detail[:200], href=href[:200])


def read(
    *, before: dt.datetime, user_id: int | None = None, group: str = "", limit: int = PAGE
) -> tuple[list[Line], dt.datetime | None]:
    """Return the newest lines before a time, of all readers; and what to ask for next, or None at the end.

    A page never ends between two lines of the same time, because the next one starts strictly before it.
    """
    asked = {"before": before, "limit": limit + 1, "user_id": user_id, "group": group}
    lines = [line for reader in (_deeds, *READERS.values()) for line in reader(**asked)]
    lines.sort(key=lambda line: line.at, reverse=True)
    if len(lines) <= limit:
        return lines, None
    end = lines[limit - 1].at
    return [line for line in lines if line.at >= end], end


def sweep(*, now: dt.datetime) -> int:
    """Forget what is older than three years."""
    return Deed.objects.filter(at__lt=now - KEPT).delete()[0]


def _deeds(*, before: dt.datetime, limit: int, user_id: int | None, group: str) -> list[Line]:
    rows = Deed.objects.filter(at__lt=before)
    if user_id:
        rows = rows.filter(user=user_id)
    if group:
        rows = rows.filter(kind__in=[slug for slug, one in KINDS.items() if one.group == group])
    return [_line(row) for row in rows.order_by("-at", "-pk")[:limit]]


def _line(row: Deed) -> Line:
    known = KINDS.get(row.kind)
    label, group = (str(known.label), known.group) if known else (row.kind, "")
    return Line(row.at, row.user_id, label, group, row.detail, row.href)
