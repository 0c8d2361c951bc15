"""Mailchimp audience exports: whether people are subscribed stands in the name of the file and in no column.

subscribed_…, unsubscribed_…, cleaned_… and nonsubscribed_… are the names Mailchimp gives; the files of people who left
or bounced also have columns of their own, which tell whatever the file is called. Cleaned addresses bounced: they are
not to be written to. Times are UTC.
"""

import csv
import re

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _people, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean
from crm.imports.values import UTC, is_scientific, moment_reader

SLUG = "mailchimp"
LABEL = _("Mailchimp audience")
KIND = base.CONTACTS
SOURCE = "mailchimp"

_ALIASES = {
    "email": ["email address"], "first": ["first name"], "last": ["last name"], "phone": ["phone number", "phone"],
    "company": ["company", "company name"], "address": ["address"], "zip": ["zip code", "zip"],
    "country": ["country", "cc"], "region": ["state"], "birthday": ["birthday"], "tags": ["tags"],
    "key": ["euid", "leid"],
    "opted": ["optin time", "confirm time"], "confirmed": ["confirm time"], "left": ["unsub time"],
    "cleaned": ["clean time"], "why": ["unsub reason"],
}  # fmt: skip
_OWN = {  # what Mailchimp keeps for itself
    "member rating", "optin time", "optin ip", "confirm time", "confirm ip", "latitude", "longitude", "gmtoff",
    "dstoff", "timezone", "cc", "region", "last changed", "leid", "euid", "notes", "unsub time",
    "unsub campaign title", "unsub campaign id", "unsub reason", "unsub reason other",
    "clean time", "clean campaign title", "clean campaign id",
}  # fmt: skip
_NAMED = re.compile(r"(?:^|[^a-z])(non-?subscribed|unsubscribed|cleaned|subscribed)(?![a-z])")
_ANSWERS = {"subscribed": "yes", "unsubscribed": "no", "cleaned": "no"}

_moment = moment_reader(UTC, day_first=None)


def sniff(header: Header) -> float:
    if "email address" not in header or header.find("euid", "leid", "member rating") is None:
        return 0.0
    return 0.75 + 0.2 * header.share(["member rating", "optin time", "confirm time", "euid", "tags"])


def needs(header: Header, mapping) -> Needs:
    return Needs()


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    status = _status(options)
    rest = _people.rest(options.header, {index for name, index in column.items() if name != "cleaned"}, _OWN)
    for group in groups:
        line_number, cells = group[0]
        try:
            if not status:
                options.warn("status_in_file_name", line_number)
            yield _person(cells, column, status, rest, options, line_number)
        except BadValue as error:
            yield from base.bad(group, error)


def _status(options: Options) -> str:
    """Return what the file says of everybody in it; its columns tell more surely than its name."""
    if "clean time" in options.header:
        return "cleaned"
    if "unsub time" in options.header:
        return "unsubscribed"
    named = _NAMED.search(options.file_name.casefold())
    return named[1].replace("-", "") if named else ""


def _person(cells, column, status: str, rest, options: Options, line_number: int) -> Person:
    found = _people.emails([cells[column["email"]]])
    if not found:
        raise BadValue(_("“%(text)s” is not an e-mail address") % {"text": clean(cells[column["email"]])[:60]})
    born, noted = _people.birthday(cells[column["birthday"]], day_first=bool(options.day_first))
    since = base.joined(cells[column["confirmed"]] or cells[column["opted"]], options, line_number, _moment)
    when = clean(cells[column["left"]]) or clean(cells[column["cleaned"]]) or clean(cells[column["confirmed"]])
    key = clean(cells[column["key"]])
    return Person(
        source=SOURCE,
        key="" if is_scientific(key) else key,
        name=_people.full_name(cells[column["first"]], cells[column["last"]]),
        email=found[0],
        phone=next(iter(_people.phones([cells[column["phone"]]])), ""),
        company=base.company(cells[column["company"]]),
        street=clean(cells[column["address"]]).replace("  ", ", "),
        postcode=clean(cells[column["zip"]]),
        region=clean(cells[column["region"]]),
        country=clean(cells[column["country"]]),
        birthday=born,
        tags=_tags(cells[column["tags"]]),
        extra={**noted, **rest(cells)},
        consent=_ANSWERS.get(status, ""),
        consent_detail=f"Mailchimp: {status} {when}".strip(),
        joined_at=since,
        authoritative=True,
        line_number=line_number,
    )


def _tags(text: str) -> list[str]:
    """Return the tags of a cell, which is a line of CSV itself: "A","B"."""
    return _people.tags("\n".join(next(csv.reader([text]), [])), separators="\n")
