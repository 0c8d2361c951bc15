"""Merge fields: `{{ first_name }}` or `{{ first_name|"there" }}`.

A list of known words is replaced by plain strings; there is no template engine, so nothing an owner
types can reach an attribute, call a method or run for long.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import clock
from crm.lib.templatetags import say
from crm.portal import links

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_AFTER_NUMBER = re.compile(r"((?:<[^>]*>|[\s*_])+)([^\W\d_]+)")
_INSIDE = re.compile(r"""\s*([a-z_]+)\s*(?:\|\s*["“”'‘’](.*?)["“”'‘’]\s*)?""", re.DOTALL)


@dataclass(frozen=True)
class Facts:
    """Plain values about one person and one mailing, from which every field is written."""

    first_name: str
    full_name: str
    points_balance: int
    points_given: int
    shop_name: str
    last_order_date: str
    days_since_last_order: str
    order_count: int
    my_page: str = ""
    message_id: int | None = None  # of the message that is written; None in a test
    one_of: Mapping[str, str] = field(default_factory=dict)  # what a word after a number is called when that is one


@dataclass(frozen=True)
class Field:
    label: str | Promise
    write: Callable[[Facts], str]
    may_be_empty: bool = False
    is_address: bool = False  # stands where a link may stand


FIELDS: dict[str, Field] = {
    "first_name": Field(_("First name"), lambda facts: facts.first_name, may_be_empty=True),
    "full_name": Field(_("Full name"), lambda facts: facts.full_name, may_be_empty=True),
    "points_given": Field(_("Points given with this message"), lambda facts: say.number(facts.points_given)),
    "points_balance": Field(_("Points they have"), lambda facts: say.number(facts.points_balance)),
    "last_order_date": Field(_("Date of their last order"), lambda facts: facts.last_order_date, may_be_empty=True),
    "days_since_last_order": Field(
        _("Days since their last order"), lambda facts: facts.days_since_last_order, may_be_empty=True
    ),
    "order_count": Field(_("Number of their orders"), lambda facts: say.number(facts.order_count)),
    "shop_name": Field(_("Name of the shop"), lambda facts: facts.shop_name),
    "my_page": Field(_("Link to their own page"), lambda facts: facts.my_page, is_address=True),
}


_COUNTS = {"points_given", "points_balance"}


def register(name: str, field: Field) -> None:
    """Add a field of an upper floor, such as a link that only it can make. Called from AppConfig.ready()."""
    FIELDS[name] = field


@dataclass(frozen=True)
class Use:
    """One place in a text where a field stands."""

    name: str
    fallback: str = ""

    def write(self, facts: Facts) -> str:
        """Return the value on one line, or the fallback where there is none."""
        return " ".join((FIELDS[self.name].write(facts) or self.fallback).split())


class UnknownField(ValueError):
    """The text names fields that do not exist; `names` holds what stood between the braces."""

    def __init__(self, names: list[str]):
        super().__init__(", ".join(names))
        self.names = names


def facts(*, contact: Contact, shop: Shop, points_given: int, now) -> Facts:
    """Collect what the fields may say about a person, in the shop's language and zone."""
    last_date = contact.last_order_at and clock.local_date(contact.last_order_at, shop.timezone)
    with translation.override(shop.language):
        return Facts(
            first_name=contact.first_name,
            full_name=contact.name,
            points_balance=contact.points_balance,
            points_given=points_given,
            shop_name=shop.name,
            last_order_date=say.day(last_date) if last_date else "",
            days_since_last_order=(
                say.number((clock.local_date(now, shop.timezone) - last_date).days) if last_date else ""
            ),
            order_count=contact.order_count,
            my_page=links.address(contact.pk),
            one_of={
                gettext("points"): gettext("point"), gettext("stamps"): gettext("stamp"),
                gettext("credits"): gettext("credit"),
            },
        )  # fmt: skip


def split(text: str) -> list[str | Use]:
    """Cut a text into plain parts and uses of fields; raise UnknownField naming every wrong one."""
    parts, wrong, end = [], [], 0
    for match in _BRACES.finditer(text):
        inside = _INSIDE.fullmatch(match[1])
        if inside is None or inside[1] not in FIELDS:
            wrong.append(match[1].strip() or "{{ }}")
            continue
        parts += [text[end : match.start()], Use(inside[1], inside[2] or "")]
        end = match.end()
    if wrong:
        raise UnknownField(wrong)
    return [part for part in [*parts, text[end:]] if part != ""]


def labelled(text: str) -> str:
    """Return a text for the owner to read, with the name of each field in its place."""
    try:
        return "".join(part if isinstance(part, str) else f"[{FIELDS[part.name].label}]" for part in split(text))
    except UnknownField:
        return text


def used(*texts: str) -> list[Use]:
    """Return every use of a field in these texts."""
    return [part for text in texts for part in split(text) if isinstance(part, Use)]


def unknown(*texts: str) -> list[str]:
    """Return what stands between braces and is no field."""
    names = []
    for text in texts:
        try:
            split(text)
        except UnknownField as error:
            names += error.names
    return names


def fill(parts: Sequence[str | Use], values: Facts) -> str:
    """Put the values in, as plain text."""
    return "".join(part if isinstance(part, str) else part.write(values) for part in agreeing(parts, values))


def agreeing(parts: Iterable, values: Facts) -> Iterator:
    """Yield the parts of a text, the word after a number of one in the singular: "1 stamp", as far as we know it."""
    is_one = False
    for part in parts:
        if is_one and isinstance(part, str) and (found := _AFTER_NUMBER.match(part)):
            part = found[1] + values.one_of.get(found[2], found[2]) + part[found.end() :]
        yield part
        is_one = isinstance(part, Use) and part.name in _COUNTS and part.write(values) == "1"
