"""Find customers who may be one person, with what speaks for it, the likeliest first. Nothing is changed by it.

`look` reads every customer once and compares only those who share a key: the phone number, the mailbox an e-mail ends
up in (dots, labels and common misspellings of a provider aside), name and place, name and birthday, name and what
stands before the @. A key that too many share says nothing. Each piece of evidence adds or takes weight (after Fellegi
& Sunter 1969, with round figures in place of estimated ones: a shop has no labelled pairs to learn from); from LEAST on
a pair is shown. What the owner said of a pair stays: it is never shown again.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.contacts.identity import mailbox
from crm.contacts.models import Contact, Pair
from crm.lib import bulk

LEAST = 4
MOST_ALIKE = 12  # who share a key; more than that share it for another reason
KEPT = 2_000
CERTAIN, LIKELY = 9, 6
PROVIDERS = (
    "gmail.com", "googlemail.com", "hotmail.com", "hotmail.co.uk", "outlook.com", "live.com", "yahoo.com",
    "yahoo.co.uk", "icloud.com", "me.com", "aol.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "web.de",
    "t-online.de", "freenet.de", "orange.fr", "free.fr", "laposte.net", "libero.it", "ymail.com", "mail.com",
    "proton.me", "protonmail.com", "qq.com", "163.com", "126.com", "mail.ru", "yandex.ru", "naver.com",
    "comcast.net",
)  # fmt: skip


class Evidence(models.TextChoices):
    """What speaks for two customers being one, and against it."""

    MAILBOX = "mailbox", _("the e-mail differs only in dots, a label or a misspelt provider")
    PHONE = "phone", _("the same phone number")
    NAME = "name", _("the same name")
    INITIALS = "initials", _("the same family name and first letter")
    BIRTHDAY = "birthday", _("the same birthday")
    STREET = "street", _("the same street")
    POSTCODE = "postcode", _("the same postcode")
    CITY = "city", _("the same city")
    LOCAL = "local", _("the same e-mail name at another provider")
    OTHER_NAME = "other_name", _("different names")
    OTHER_BIRTHDAY = "other_birthday", _("different birthdays")
    OTHER_PHONE = "other_phone", _("different phone numbers")
    OTHER_EMAIL = "other_email", _("different e-mails")


WEIGHTS = {
    Evidence.MAILBOX: 7, Evidence.PHONE: 5, Evidence.NAME: 3, Evidence.INITIALS: 2, Evidence.BIRTHDAY: 4,
    Evidence.STREET: 3, Evidence.POSTCODE: 3, Evidence.CITY: 1, Evidence.LOCAL: 2, Evidence.OTHER_NAME: -4,
    Evidence.OTHER_BIRTHDAY: -6, Evidence.OTHER_PHONE: -1, Evidence.OTHER_EMAIL: -1,
}  # fmt: skip
_COLUMNS = ("id", "name", "email_key", "phone_key", "street", "postcode", "city", "birthday")


class _Person(NamedTuple):
    id: int
    words: tuple[str, ...]  # of the name, sorted
    initials: str  # family name and first letter
    mailbox: str
    phone: str
    street: str
    postcode: str
    city: str
    birthday: dt.date | None

    @property
    def name(self) -> str:
        """Return a name of two words or more."""
        return " ".join(self.words) if len(self.words) > 1 else ""

    @property
    def local(self) -> str:
        """Return what stands before the @, dots aside; blank where it is too short to say much."""
        local = self.mailbox.partition("@")[0].replace(".", "")
        return local if len(local) >= _SHORTEST else ""


_SHORTEST = 5
_KEYS: tuple[Callable[[_Person], tuple], ...] = (  # what is worth looking for in others, all of it known
    lambda person: (person.phone,),
    lambda person: (person.mailbox,),
    lambda person: (person.name, person.postcode),
    lambda person: (person.name, person.city),
    lambda person: (person.initials, person.postcode),
    lambda person: (person.initials, person.birthday),
    lambda person: (person.name, person.local),
)


def look(*, now: dt.datetime) -> int:
    """Write down who may be one with whom as of now; return how many pairs are shown."""
    people = [_read(row) for row in bulk.rows(Contact.objects.alive().values_list(*_COLUMNS))]
    found = _pairs(people)
    best = sorted(found.items(), key=lambda one: (-one[1][0], one[0]))[:KEPT]
    with transaction.atomic():
        known = set(Pair.objects.exclude(distinct_at=None).values_list("one_id", "other_id"))
        Pair.objects.filter(distinct_at=None).delete()
        alive = set(
            Contact.objects.alive()
            .filter(pk__in=bulk.among(sorted({pk for pair, _said in best for pk in pair})))
            .values_list("pk", flat=True)
        )
        rows = [
            (*pair, weight, evidence)
            for pair, (weight, evidence) in best
            if pair not in known and alive.issuperset(pair)
        ]
        bulk.insert(Pair, ("one_id", "other_id", "weight", "evidence"), rows, ignore_conflicts=True)
    return len(rows)


def open_pairs() -> QuerySet[Pair]:
    """Return the pairs the owner has said nothing of yet, the likeliest first."""
    return Pair.objects.filter(distinct_at=None).order_by("-weight", "id")


def like(contact: Contact, *, most: int = 5) -> list[tuple[Contact, list[Evidence]]]:
    """Return who may be one with a customer right now, with what speaks for it; a few queries."""
    alike = Q(pk__in=[])
    if contact.phone_key:
        alike |= Q(phone_key=contact.phone_key)
    if contact.name and contact.postcode:
        alike |= Q(name=contact.name, postcode=contact.postcode)
    mine = Pair.objects.filter(Q(one=contact) | Q(other=contact)).values_list("one_id", "other_id", "distinct_at")
    apart, noted = set(), set()
    for one, other, distinct_at in mine:
        (apart if distinct_at else noted).add(one + other - contact.pk)
    if noted:
        alike |= Q(pk__in=noted)
    found = Contact.objects.alive().filter(alike).exclude(pk__in=[contact.pk, *apart]).order_by("pk")[:most]
    return [(other, compare(contact, other)) for other in found]


def compare(one: Contact, other: Contact) -> list[Evidence]:
    """Return what speaks for and against two customers being one."""
    return _evidence(*(_read([getattr(person, name) for name in _COLUMNS]) for person in (one, other)))


def weight(evidence: Collection[str]) -> int:
    """Return how much speaks for a pair."""
    return sum(WEIGHTS[one] for one in evidence)


@transaction.atomic
def say_distinct(one_id: int, other_id: int, *, now: dt.datetime) -> None:
    """Remember that two customers are two."""
    both = {"one_id": min(one_id, other_id), "other_id": max(one_id, other_id)}
    Pair.objects.update_or_create(**both, defaults={"distinct_at": now})


def say_maybe_one(one_id: int, other_id: int) -> None:
    """Forget that two customers were said to be two."""
    pairs = Pair.objects.filter(one_id=min(one_id, other_id), other_id=max(one_id, other_id))
    pairs.filter(weight=0).delete()
    pairs.update(distinct_at=None)


def _pairs(people: Collection[_Person]) -> dict[tuple[int, int], tuple[int, list[Evidence]]]:
    seen, found = set(), {}
    for key_of in _KEYS:  # one after the other, for the memory
        blocks: dict[tuple, list[_Person]] = defaultdict(list)
        for person in people:
            if all(key := key_of(person)):
                blocks[key].append(person)
        for alike in blocks.values():
            if not 1 < len(alike) <= MOST_ALIKE:
                continue
            for one, other in combinations(alike, 2):
                pair = min(one.id, other.id), max(one.id, other.id)
                if pair in seen:
                    continue
                seen.add(pair)
                evidence = _evidence(one, other)
                if (speaks := weight(evidence)) >= LEAST:
                    found[pair] = speaks, evidence
    return found


def _evidence(one: _Person, other: _Person) -> list[Evidence]:
    found = []
    if one.mailbox and one.mailbox == other.mailbox:
        found.append(Evidence.MAILBOX)
    if one.phone and one.phone == other.phone:
        found.append(Evidence.PHONE)
    if one.words and one.words == other.words:
        found.append(Evidence.NAME)
    elif one.initials and one.initials == other.initials:
        found.append(Evidence.INITIALS)
    for name, same in (("birthday", Evidence.BIRTHDAY), ("street", Evidence.STREET), ("postcode", Evidence.POSTCODE)):
        if getattr(one, name) and getattr(one, name) == getattr(other, name):
            found.append(same)
    if one.city and one.city == other.city and Evidence.POSTCODE not in found:
        found.append(Evidence.CITY)
    if Evidence.MAILBOX not in found and one.mailbox and other.mailbox:
        if one.local and one.local == other.local:
            found.append(Evidence.LOCAL)
        found.append(Evidence.OTHER_EMAIL)
    if one.words and other.words and not _may_be_one_name(one.words, other.words):
        found.append(Evidence.OTHER_NAME)
    if one.birthday and other.birthday and one.birthday != other.birthday:
        found.append(Evidence.OTHER_BIRTHDAY)
    if one.phone and other.phone and one.phone != other.phone:
        found.append(Evidence.OTHER_PHONE)
    return found


def _may_be_one_name(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Tell whether the shorter name is a part of the longer one, words perhaps cut to their first letter."""
    shorter, longer = sorted((one, other), key=len)
    return all(
        any(mine == theirs or (1 in (len(mine), len(theirs)) and mine[0] == theirs[0]) for theirs in longer)
        for mine in shorter
    )


def _read(row: Collection) -> _Person:
    pk, name, email_key, phone_key, street, postcode, city, birthday = row
    given = "".join(char if char.isalnum() else " " for char in name.casefold()).split()
    family_first = "," in name
    initials = ""
    if len(given) > 1:
        family, first = (given[0], given[-1]) if family_first else (given[-1], given[0])
        initials = f"{family} {first[0]}"
    return _Person(
        pk, tuple(sorted(given)), initials, _mailbox(email_key) if email_key else "", phone_key or "",
        _folded(street), _folded(postcode), _folded(city), birthday,
    )  # fmt: skip


def _folded(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _mailbox(email_key: str) -> str:
    local, _at, domain = email_key.rpartition("@")
    return mailbox(f"{local}@{_meant(domain)}")


@lru_cache(maxsize=50_000)
def _meant(domain: str) -> str:
    """Return the provider a domain misspells by one letter, too many, too few, another or swapped; else itself."""
    if domain in PROVIDERS:
        return domain
    near = [provider for provider in PROVIDERS if abs(len(provider) - len(domain)) < 2 and _is_near(domain, provider)]
    return near[0] if len(near) == 1 else domain


def _is_near(one: str, other: str) -> bool:
    """Tell whether one slip of the fingers lies between two words."""
    if len(one) > len(other):
        one, other = other, one
    start = next((n for n, (a, b) in enumerate(zip(one, other)) if a != b), len(one))
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    rest, other_rest = one[start:], other[start:]
    return rest[1:] == other_rest[1:] or (rest[:2] == other_rest[:2][::-1] and rest[2:] == other_rest[2:])
