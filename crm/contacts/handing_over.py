"""Hand over all that is kept of a person: as data for another program, and as a page to read.

Each floor registers a reader of its part (`register`); a test sees that every foreign key to Contact is covered. A part
is plain values: text, numbers, dates, moments, lists, dicts, and `Amount`s. In data.json amounts are decimals as text
with their currency, dates and moments ISO 8601, keys English and stable (docs/reference/your-data.md); in
your-data.html the same is written in the reader's language.
"""

import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.contacts import forgetting
from crm.contacts.models import Contact
from crm.lib import clock
from crm.lib.money import from_minor
from crm.lib.templatetags import say

SCHEMA = "regulars-person/1"


class Amount(NamedTuple):
    """Money as it is handed over."""

    minor: int
    currency: str


class Reader(NamedTuple):
    read: Callable[..., dict]
    covers: tuple[str, ...]


READERS: dict[str, Reader] = {}
LABELS: dict[str, str | Promise] = {
    "yes": _("yes"), "no": _("no"), "at": _("When"), "number": _("Number"), "name": _("Name"), "reason": _("Reason"),
    "amount": _("Amount"), "text": _("Text"), "kind": _("Kind"), "state": _("State"), "source": _("Where from"),
}  # fmt: skip


def register(
    name: str, reader: Callable[..., dict], *, covers: tuple[str, ...] = (),
    labels: Mapping[str, str | Promise] | None = None,
) -> None:  # fmt: skip
    """Add a part: `reader(contact_id=) -> dict`. `labels` puts its keys, and its own name, into words."""
    READERS[name] = Reader(reader, covers)
    LABELS.update(labels or {})


def collect(contact: Contact, *, shop: Shop, now: dt.datetime) -> dict:
    """Return everything the box keeps of a person, part by part."""
    parts = {name: reader.read(contact_id=contact.pk) for name, reader in READERS.items()}
    return {"schema": SCHEMA, "made_at": now, "shop": shop.name, "customer_number": contact.pk, **parts}


def archive(
    contact: Contact, *, shop: Shop, now: dt.datetime, by_user: int | None = None, language: str = ""
) -> bytes:
    """Return the archive that is handed over, and remember that it was: to the owner, or to the customer."""
    packed = io.BytesIO()
    with translation.override(language or shop.language), timezone.override(ZoneInfo(shop.timezone)):
        everything = collect(contact, shop=shop, now=now)
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
            package.writestr("data.json", as_json(everything))
            package.writestr("your-data.html", as_page(everything, shop=shop))
    forgetting.record(
        forgetting.Act.HANDED_OVER, contact.pk, at=now, by_user=by_user, by_customer=by_user is None
    )
    return packed.getvalue()


def file_name(contact: Contact, *, shop: Shop, now: dt.datetime) -> str:
    """Return what the archive is called: the shop, the customer's number, the day."""
    day = clock.local_date(now, shop.timezone).isoformat()
    return "-".join(filter(None, (slugify(shop.name), "customer", str(contact.pk), day))) + ".zip"


def as_json(everything: dict) -> str:
    """Return it for programs."""
    return json.dumps(_plain(everything), ensure_ascii=False, indent=1)


def as_page(everything: dict, *, shop: Shop) -> str:
    """Return it for people, in the language in force."""
    parts = [(label(name), shown(value)) for name, value in everything.items() if isinstance(value, dict)]
    context = {"shop": shop, "made_at": everything["made_at"], "parts": parts}
    return render_to_string("contacts/your_data.html", context)


def _plain(value):
    match value:
        case Amount(minor, currency):
            return {"amount": str(from_minor(minor, currency)), "currency": currency}
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        case dt.date():
            return value.isoformat()
        case dict():
            return {str(name): _plain(one) for name, one in value.items()}
        case list() | tuple() | set():
            return [_plain(one) for one in value]
        case Promise():
            return str(value)
    return value


class Shown(NamedTuple):
    """A value as the page draws it: words, a list of named values, or a table."""

    words: str = ""
    facts: list[tuple[str, "Shown"]] = []
    columns: list[str] = []
    rows: list[list["Shown"]] = []


def shown(value) -> Shown:
    """Return a value as people read it."""
    if _is_nothing(value):
        return Shown("–")
    match value:
        case Amount(minor, currency):
            return Shown(say.money(minor, currency))
        case dt.datetime():
            return Shown(say.moment(value))
        case dt.date():
            return Shown(say.day(value))
        case bool():
            return Shown(str(LABELS["yes" if value else "no"]))
        case dict():
            return Shown(facts=[(label(name), shown(one)) for name, one in value.items() if not _is_nothing(one)])
        case list() | tuple() if all(isinstance(one, dict) for one in value):
            names = list(dict.fromkeys(name for one in value for name in one))
            rows = [[shown(one.get(name)) for name in names] for one in value]
            return Shown(columns=[label(name) for name in names], rows=rows)
        case list() | tuple():
            return Shown(", ".join(shown(one).words for one in value))
    return Shown(str(value))


def _is_nothing(value) -> bool:
    return value is None or value in ("", [], {}) or (isinstance(value, dict) and all(map(_is_nothing, value.values())))


def label(name: str) -> str:
    """Return a key in words; one nobody put into words reads like them anyhow."""
    return str(LABELS.get(name) or str(name).replace("_", " ").capitalize())
