"""Square's customer directory. Its e-mail status is an explicit one; instant profiles may have nothing but a card."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports.formats import _square, base
from crm.imports.formats._marketplace import said
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person

SLUG = "square_customers"
LABEL = gettext_lazy("Square customers")
KIND = base.CONTACTS
SOURCE = _square.SOURCE

_ALIASES = {
    "key": ["square customer id", "customer id"], "reference": ["reference id"], "first": ["first name"],
    "last": ["last name", "surname"], "nickname": ["nickname"], "email": ["email address"], "phone": ["phone number"],
    "company": ["company name"], "street": ["street address 1"], "street2": ["street address 2"], "city": ["city"],
    "region": ["state"], "zip": ["postal code"], "birthday": ["birthday"], "memo": ["memo"],
    "first_visit": ["first visit"], "status": ["email subscription status"], "groups": ["groups"],
}  # fmt: skip
_SAID = {"subscribed": "yes", "opted in": "yes", "unsubscribed": "no", "opted out": "no", "bounced": "no"}


def sniff(header: Header) -> float:
    if not {"first name", "email address", "phone number"} <= header.index.keys():
        return 0.0
    marks = ["reference id", "creation source", "first visit", "transaction count", "lifetime spend", "instant profile"]
    return 0.6 + 0.35 * header.share(marks) if header.share(marks) >= 0.3 else 0.0


def needs(header: Header, mapping) -> Needs:
    return Needs(dates=tuple(header.index[name] for name in ("first visit", "last visit") if name in header))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    return base.each(groups, lambda group: _person(*group[0], column, options))


def _person(line_number: int, cells, column, options: Options) -> Person:
    word, first_visit = said(cells[column["status"]]), said(cells[column["first_visit"]])
    extra = {"reference": said(cells[column["reference"]]), "note": said(cells[column["memo"]])}
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, key=said(cells[column["key"]]),
        name=base.person_name(cells[column["first"]], cells[column["last"]]) or said(cells[column["nickname"]]),
        birthday=base.birthday(cells[column["birthday"]]), consent=_SAID.get(word.casefold(), ""),
        consent_detail=f"Square: Email Subscription Status = {word}" if word else "",
        joined_at=options.moment(first_visit) if first_visit else None, authoritative=True,
        tags=[tag for part in cells[column["groups"]].split(",") if (tag := said(part)[:40])],
        extra={name: text for name, text in extra.items() if text},
    )  # fmt: skip
    if not (person.key or person.email or person.phone):
        raise BadValue(_("The row has no customer number, no e-mail and no phone"))
    return person
