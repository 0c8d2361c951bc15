"""Make codes: one shared word, many codes at once, one for each of some people, a gift card."""

import datetime as dt
import re
from collections.abc import Collection, Iterator

from django.db import IntegrityError, transaction
from django.db.models import F

from crm.contacts.models import Contact
from crm.coupons import codes
from crm.coupons.models import Code, Coupon
from crm.lib import bulk

MOST_AT_ONCE = 200_000
SHORTEST_WORD = 4
_CHUNK = 10_000
_COLUMNS = (
    "coupon_id", "code_hash", "text", "number", "contact_id", "used_count", "most_uses", "balance_minor", "created_at",
)  # fmt: skip


class WordTaken(ValueError):
    """Another coupon has this word."""


class WordTooShort(ValueError):
    """The word has fewer letters than a code needs."""


def share(coupon: Coupon, *, word: str, now: dt.datetime) -> Code:
    """Give a coupon its shared word."""
    text = codes.fold(word)
    if len(text) < SHORTEST_WORD:
        raise WordTooShort(word)
    try:
        with transaction.atomic():
            number = _reserve(coupon.pk, 1)
            return Code.objects.create(
                coupon=coupon, code_hash=codes.hashed(text), text=text, number=number, most_uses=coupon.most_per_code,
                created_at=now,
            )  # fmt: skip
    except IntegrityError:
        raise WordTaken(word) from None


@transaction.atomic
def issue(coupon: Coupon, *, count: int, now: dt.datetime, contact_ids: Collection[int] | None = None) -> int:
    """Make `count` codes, or one for each of these people who has none yet; return how many were made.

    Nobody who is never to be given money off gets one; a gift card is paid for, and anybody may have it.
    """
    people: list[int | None]
    if contact_ids is None:
        people = [None] * min(count, MOST_AT_ONCE)
    else:
        wanted = Contact.objects.alive().filter(id__in=bulk.among(contact_ids))
        if coupon.gives != Coupon.Gives.GIFT_CARD:
            wanted = wanted.open_to_discounts()
        wanted = wanted.exclude(id__in=Code.objects.filter(coupon=coupon, contact__isnull=False).values("contact"))
        people = list(wanted.order_by("id").values_list("id", flat=True))
    if not people:
        return 0
    first, prefix = _reserve(coupon.pk, len(people)), prefix_of(coupon)
    balance = coupon.amount_minor if coupon.gives == Coupon.Gives.GIFT_CARD else None
    for start in range(0, len(people), _CHUNK):
        bulk.insert(
            Code,
            _COLUMNS,
            [
                (
                    coupon.pk, codes.hashed(codes.made(coupon.pk, number, prefix=prefix)), "", number, contact_id, 0,
                    coupon.most_per_code, balance, now,
                )
                for number, contact_id in enumerate(people[start : start + _CHUNK], start=first + start)
            ],
        )  # fmt: skip
    return len(people)


def text_of(code: Code) -> str:
    """Return a code as the customer types it."""
    return code.text or codes.shown(code.coupon_id, code.number, code.code_hash, prefix=prefix_of(code.coupon))


def texts(coupon: Coupon) -> Iterator[tuple[Code, str]]:
    """Yield all codes of a coupon with their texts, in the order they were made."""
    prefix = prefix_of(coupon)
    for code in Code.objects.filter(coupon=coupon).order_by("number").iterator(chunk_size=_CHUNK):
        yield code, code.text or codes.shown(coupon.pk, code.number, code.code_hash, prefix=prefix)


def prefix_of(coupon: Coupon) -> str:
    """Return the readable beginning of a coupon's codes: letters of its name, up to six."""
    return re.sub(r"[^A-Z]", "", codes.fold(coupon.name))[:6]


def _reserve(coupon_id: int, count: int) -> int:
    """Return the first of `count` numbers nobody else gets; the coupon's row is locked until the transaction ends."""
    Coupon.objects.filter(pk=coupon_id).update(code_count=F("code_count") + count)
    return Coupon.objects.values_list("code_count", flat=True).get(pk=coupon_id) - count + 1
