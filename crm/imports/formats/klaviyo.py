"""Klaviyo profiles: consent has a column, and beside it a list of reasons not to mail even who is subscribed."""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _people, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean
from crm.imports.values import is_scientific

SLUG = "klaviyo"
LABEL = _("Klaviyo profiles")
KIND = base.CONTACTS
SOURCE = "klaviyo"

_ALIASES = {
    "email": ["email", "email address"], "key": ["klaviyo id", "profile id"], "first": ["first name"],
    "last": ["last name"], "phone": ["phone number", "phone"], "company": ["organization", "company"],
    "street": ["address", "address 1", "street address"], "street2": ["address 2"], "city": ["city"],
    "region": ["state / region", "region", "state"], "country": ["country"], "zip": ["zip code", "zip"],
    "consent": ["email marketing consent"], "consent_at": ["email marketing consent timestamp"],
    "suppressed": ["email suppressions", "email suppression"], "joined": ["profile created on", "date added"],
    "birthday": ["birthday", "birthdate", "date of birth"], "language": ["locale", "language"],
}  # fmt: skip
_OWN = {"source", "date added", "last active", "latitude", "longitude", "timezone", "title", "image"}
_NONE = {"", "[]", "none", "{}", "false", "no"}


def sniff(header: Header) -> float:
    if header.find("email", "email address") is None:
        return 0.0
    if header.find("klaviyo id", "email suppressions") is None and not {
        "email marketing consent", "profile created on"
    } <= header.index.keys():  # fmt: skip
        return 0.0
    return 0.8 + 0.15 * header.share(["klaviyo id", "email marketing consent", "profile created on", "first name"])


def needs(header: Header, mapping) -> Needs:
    dates = (header.find(*_ALIASES[name]) for name in ("joined", "birthday"))
    return Needs(dates=tuple(index for index in dates if index is not None))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    rest = _people.rest(options.header, set(column.values()), _OWN)
    return base.each(groups, lambda group: _person(*group[0], column, rest, options))


def _person(line_number: int, cells, column, rest, options: Options) -> Person:
    key, found = clean(cells[column["key"]]), _people.emails([cells[column["email"]]])
    phones = _people.phones([cells[column["phone"]]])
    if is_scientific(key):
        key = ""
    if not (key or found or phones):
        raise BadValue(_("The row has no e-mail, no phone and no number"))
    said, suppressed = clean(cells[column["consent"]]), clean(cells[column["suppressed"]])
    consent, detail = _people.answer(said), f"Klaviyo: {said} {clean(cells[column['consent_at']])}".strip()
    if suppressed.casefold() not in _NONE:
        consent, detail = "no", f"Klaviyo: suppressed {suppressed}"[:250]
    born, noted = _people.birthday(cells[column["birthday"]], day_first=options.day_first)
    return Person(
        source=SOURCE,
        key=key,
        name=_people.full_name(cells[column["first"]], cells[column["last"]]),
        email=next(iter(found), ""),
        phone=next(iter(phones), ""),
        company=base.company(cells[column["company"]]),
        street=base.person_name(cells[column["street"]], cells[column["street2"]]),
        postcode=clean(cells[column["zip"]]),
        city=clean(cells[column["city"]]),
        region=clean(cells[column["region"]]),
        country=clean(cells[column["country"]]),
        birthday=born,
        language=clean(cells[column["language"]])[:10],
        extra={**noted, **rest(cells)},
        consent=consent if found or consent == "no" else "",
        consent_detail=detail,
        joined_at=base.joined(cells[column["joined"]], options, line_number),
        authoritative=True,
        line_number=line_number,
    )
