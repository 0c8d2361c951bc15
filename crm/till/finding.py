"""Who stands at the counter: by card, phone number, a coupon of their own, or a part of the name."""

import datetime as dt
from dataclasses import dataclass, field

from crm.contacts import listing
from crm.contacts.models import Contact
from crm.coupons import codes
from crm.coupons.models import Code
from crm.portal import cards

SHOWN = 12


@dataclass(frozen=True)
class Found:
    people: list[Contact] = field(default_factory=list)
    codes: str = ""  # a coupon that was scanned, to be used
    is_more: bool = False

    @property
    def only(self) -> Contact | None:
        return self.people[0] if len(self.people) == 1 else None


def find(text: str, *, now: dt.datetime) -> Found:
    """Return who is meant by what was typed or scanned."""
    text = cards.text_in(text).strip()
    if contact := cards.contact_of(text):
        return Found([contact])
    if people := with_phone(text):
        return Found(people)
    if contact := _with_coupon(text):
        return Found([contact], codes=text)
    if len(text) < 2 and text.isascii():  # 王 is a whole family name
        return Found()
    people = list(listing.Filter({"q": text[:100]}, now=now).ordered.defer("extra")[: SHOWN + 1])
    return Found(people[:SHOWN], is_more=len(people) > SHOWN)


def latest() -> list[Contact]:
    """Return who bought last: people come back for a second thing."""
    people = Contact.objects.alive().exclude(last_order_at=None).order_by("-last_order_at", "-pk")
    return list(people.defer("extra")[: SHOWN // 2])


def with_phone(text: str) -> list[Contact]:
    """Return who has this phone number."""
    found = listing.with_phone(text)
    return [] if found is None else list(found.defer("extra").order_by("pk")[:SHOWN])


def _with_coupon(text: str) -> Contact | None:
    """Return whose coupon this is; a word that everybody may use is nobody's."""
    if not codes.fold(text):
        return None
    owned = Code.objects.filter(code_hash__in=list(codes.hashes(text)), contact__erased_at=None)
    code = owned.exclude(contact=None).select_related("contact").first()
    return code.contact if code else None
