"""Use a code: check, reserve, redeem, roll back. THE CONTRACT for the till, the API and the customer's page.

    offers = check([text], basket=basket, contact_id=.., now=now)     what they would take off; changes nothing
    held = reserve([text], basket=basket, contact_id=.., key="order:17", now=now)
    redeem("order:17", now=now, order_id=17)      the order was paid
    roll_back("order:17", now=now)                it was not, or it was undone later

- `key` names the act: under one key a code is used once, for ever. `reserve` with the same key and the same wish
  returns what there is; with another wish it raises KeyUsedDifferently.
- A reservation nobody redeems goes back after `reserved_until` (the sweep `coupons`). What went back stays back.
- Limits and the budget are held by guarded statements in the transaction of the use: sixteen processes cannot use a
  code 501 times where it may be used 500 times, on either database.
- Refused carries a reason for the owner and for programs with a key; what their customers hear is theirs to say. `who`
  tries is counted: too many wrong codes, and the door stays shut for a while.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.accounts import throttling
from crm.accounts.models import Shop
from crm.contacts import segments
from crm.coupons import codes, pricing
from crm.coupons.models import Code, Coupon, CustomerUse, Use
from crm.coupons.pricing import Basket, Terms
from crm.lib import clock
from crm.lib.templatetags import say
from crm.orders.models import Order

HELD_FOR = dt.timedelta(minutes=30)
_TRIES, _PER = 20, dt.timedelta(minutes=10)


class Refused(ValueError):
    """The code cannot be used; `reason` is a word for programs, the text a sentence for the owner."""

    def __init__(self, reason: str, sentence: str | Promise):
        super().__init__(str(sentence))
        self.reason, self.sentence = reason, str(sentence)


class TooManyTries(RuntimeError):
    """Somebody tried too many codes that do not exist."""


class KeyUsedDifferently(ValueError):
    """The key stands for another use of this code."""


class NotReserved(LookupError):
    """Nothing was reserved under this key."""


class WentBack(RuntimeError):
    """The reservation went back: reserve again under another key."""


@dataclass(frozen=True)
class Offer:
    """What a code takes off a basket."""

    code: Code
    coupon: Coupon
    discount_minor: int


def check(
    texts: Sequence[str], *, basket: Basket, now: dt.datetime, contact_id: int | None = None, who: str = ""
) -> list[Offer]:
    """Return what each code would take off this basket, all of them together; raise Refused."""
    found = [_find(text, who=who, now=now) for text in texts]
    return _offers(found, basket=basket, contact_id=contact_id, now=now)


def left(offers: Sequence[Offer], basket: Basket) -> Basket:
    """Return the basket as these offers leave it."""
    return pricing.left(basket, [_terms(offer.code) for offer in offers])


def reserve(
    texts: Sequence[str], *, basket: Basket, key: str, now: dt.datetime, contact_id: int | None = None, who: str = ""
) -> list[Use]:
    """Hold a use of each code under a key, all or none; raise Refused, KeyUsedDifferently."""
    request_hash = _request_hash(texts, basket, contact_id)
    if earlier := _under(key, request_hash):
        return earlier
    found = [_find(text, who=who, now=now) for text in texts]
    try:
        with transaction.atomic():
            held = [
                Use.objects.create(
                    code=offer.code, coupon=offer.coupon, contact_id=contact_id, key=key, request_hash=request_hash,
                    state=Use.State.RESERVED, discount_minor=offer.discount_minor,
                    basket_minor=basket.total_minor, reserved_at=now, reserved_until=now + HELD_FOR,
                )
                for offer in _offers(found, basket=basket, contact_id=contact_id, now=now)
            ]  # fmt: skip
            for one in sorted(held, key=lambda one: (one.coupon_id, one.code_id)):
                _take(one)
            return held
    except IntegrityError:  # somebody else reserved under this key meanwhile
        if earlier := _under(key, request_hash):
            return earlier
        raise


def redeem(key: str, *, now: dt.datetime, order_id: int | None = None) -> list[Use]:
    """Make what is reserved under a key final; doing it again changes nothing. Raise NotReserved, WentBack."""
    with transaction.atomic():
        changed = Use.objects.filter(key=key, state=Use.State.RESERVED).update(
            state=Use.State.REDEEMED, redeemed_at=now, reserved_until=None, order=order_id
        )
        found = list(Use.objects.filter(key=key).select_related("coupon", "code").order_by("pk"))
    if not found:
        raise NotReserved(key)
    if not changed and all(one.state == Use.State.ROLLED_BACK for one in found):
        raise WentBack(key)
    return found


def roll_back(key: str, *, now: dt.datetime) -> int:
    """Take every use under a key back, each exactly once; return how many were taken back now."""
    return sum(_give_back(pk, now=now) for pk in Use.objects.filter(key=key).values_list("pk", flat=True))


def sweep(*, now: dt.datetime) -> int:
    """Take back reservations nobody redeemed in time."""
    late = Use.objects.filter(state=Use.State.RESERVED, reserved_until__lt=now).order_by("pk")
    return sum(_give_back(pk, now=now, only_late=True) for pk in list(late.values_list("pk", flat=True)[:1_000]))


# ---- checking


def _offers(found: list[Code], *, basket: Basket, contact_id: int | None, now: dt.datetime) -> list[Offer]:
    """Return what the codes take off; raise Refused where one of them may not be used, or takes off nothing."""
    if len({code.pk for code in found}) < len(found):
        raise Refused("twice", _("The same code stands there twice."))
    if len(found) > 1 and not all(code.coupon.combines for code in found):
        raise Refused("not_together", _("It cannot be used together with another code."))
    for code in found:
        _check_terms(code, basket=basket, contact_id=contact_id, now=now)
        _check_limits(code, contact_id=contact_id)
    taken = pricing.discounts(basket, [_terms(code) for code in found])
    for code, discount in zip(found, taken):
        if not discount:
            raise Refused("no_effect", _("Nothing in this order gets cheaper by it."))
        if code.coupon.budget_minor is not None and code.coupon.given_minor + discount > code.coupon.budget_minor:
            raise Refused("budget", _("The money set aside for it is used up."))
    return [Offer(code, code.coupon, discount) for code, discount in zip(found, taken)]


def _find(text: str, *, who: str, now: dt.datetime) -> Code:
    """Return the code; a wrong one is counted against whoever tries."""
    folded = codes.fold(text)
    known = Code.objects.select_related("coupon").filter(code_hash__in=list(codes.hashes(folded)))
    code = known.first() if folded else None
    if code is None:
        if who and not throttling.allow("coupon", who, limit=_TRIES, per=_PER, now=now):
            raise TooManyTries
        raise Refused("unknown", _("There is no such code."))
    return code


def _check_terms(code: Code, *, basket: Basket, contact_id: int | None, now: dt.datetime) -> None:
    """Raise Refused where the code or its coupon does not fit this moment, this customer or this basket."""
    coupon, shop = code.coupon, Shop.current()
    today = clock.local_date(now, shop.timezone)
    if coupon.stopped_at or code.stopped_at:
        raise Refused("stopped", _("You stopped it."))
    if today < coupon.starts_on:
        raise Refused("too_early", _("It begins on %(date)s.") % {"date": say.day(coupon.starts_on)})
    if coupon.ends_on and today > coupon.ends_on:
        raise Refused("too_late", _("It ended on %(date)s.") % {"date": say.day(coupon.ends_on)})
    if code.contact_id and code.contact_id != contact_id:
        raise Refused("somebody_else", _("It belongs to another customer."))
    if coupon.least_minor and (worth := basket.worth_minor) < coupon.least_minor:
        missing = say.money(coupon.least_minor - worth, shop.currency)
        raise Refused("too_little", _("%(amount)s more are needed.") % {"amount": missing})
    if contact_id is None and (coupon.segment_id or coupon.first_order_only or coupon.most_per_customer):
        raise Refused("who", _("Say which customer it is: this coupon is not for everybody."))
    if coupon.segment_id and not segments.people(coupon.segment).filter(pk=contact_id).exists():
        raise Refused("not_in_group", _("It is only for the group “%(name)s”.") % {"name": coupon.segment.label})
    if coupon.first_order_only and Order.objects.counting().filter(contact=contact_id).exists():
        raise Refused("not_first", _("It is only for a first order."))
    if code.balance_minor == 0:
        raise Refused("empty", _("Nothing is left on the gift card."))


def _check_limits(code: Code, *, contact_id: int | None) -> None:
    """Raise Refused where a limit is reached; the guarded statements of `_take` have the last word."""
    coupon = code.coupon
    if coupon.most_uses is not None and coupon.used_count >= coupon.most_uses:
        raise Refused("used_up", _("It was used as often as it may be."))
    if code.most_uses is not None and code.used_count >= code.most_uses:
        last = code.uses.exclude(state=Use.State.ROLLED_BACK).order_by("-pk").first()
        when = say.day(last.reserved_at) if last else ""
        raise Refused("code_used", _("This code was used on %(date)s.") % {"date": when})
    if coupon.most_per_customer and contact_id:
        used = CustomerUse.objects.filter(coupon=coupon, contact=contact_id).values_list("count", flat=True).first()
        if (used or 0) >= coupon.most_per_customer:
            raise Refused("customer_used", _("This customer has used it already."))


def _terms(code: Code) -> Terms:
    coupon = code.coupon
    return Terms(
        gives=coupon.gives, percent=coupon.percent or 0, amount_minor=coupon.amount_minor or 0,
        product_id=coupon.product_id, buy_quantity=coupon.buy_quantity or 0, get_quantity=coupon.get_quantity or 0,
        products=frozenset(coupon.products.values_list("pk", flat=True)), categories=frozenset(coupon.categories),
        may_go_below_cost=coupon.may_go_below_cost, balance_minor=code.balance_minor or 0,
    )  # fmt: skip


# ---- moving the counters


def _take(held: Use) -> None:
    """Count a use where every limit allows it; else raise Refused and let the transaction go back."""
    minor = held.discount_minor
    coupon = Coupon.objects.filter(
        Q(most_uses=None) | Q(used_count__lt=F("most_uses")),
        Q(budget_minor=None) | Q(given_minor__lte=F("budget_minor") - minor),
        pk=held.coupon_id, stopped_at=None,
    )  # fmt: skip
    if not coupon.update(used_count=F("used_count") + 1, given_minor=F("given_minor") + minor):
        raise Refused("used_up", _("It was used as often as it may be."))
    code = Code.objects.filter(
        Q(most_uses=None) | Q(used_count__lt=F("most_uses")),
        Q(balance_minor=None) | Q(balance_minor__gte=minor),
        pk=held.code_id, stopped_at=None,
    )  # fmt: skip
    if not code.update(used_count=F("used_count") + 1, balance_minor=F("balance_minor") - _from_card(held)):
        raise Refused("code_used", _("This code was used meanwhile."))
    if held.contact_id and not _count_customer(held):
        raise Refused("customer_used", _("This customer has used it already."))


def _count_customer(held: Use) -> bool:
    """Count a use of this customer unless they have used it as often as they may; one statement on both databases."""
    table, most = connection.ops.quote_name(CustomerUse._meta.db_table), held.coupon.most_per_customer
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (coupon_id, contact_id, count) VALUES (%s, %s, 1) "
            f"ON CONFLICT (coupon_id, contact_id) DO UPDATE SET count = {table}.count + 1 "
            + (f"WHERE {table}.count < %s " if most else "")
            + "RETURNING count",
            [held.coupon_id, held.contact_id, *([most] if most else [])],
        )
        return cursor.fetchone() is not None


@transaction.atomic
def _give_back(use_id: int, *, now: dt.datetime, only_late: bool = False) -> bool:
    """Take one use back and uncount it; whoever comes second finds it taken back."""
    mine = Use.objects.filter(pk=use_id, released_at=None)
    if only_late:
        mine = mine.filter(state=Use.State.RESERVED, reserved_until__lt=now)
    if not mine.update(state=Use.State.ROLLED_BACK, released_at=now, reserved_until=None):
        return False
    held = Use.objects.select_related("coupon").get(pk=use_id)
    Coupon.objects.filter(pk=held.coupon_id).update(
        used_count=F("used_count") - 1, given_minor=F("given_minor") - held.discount_minor
    )
    Code.objects.filter(pk=held.code_id).update(
        used_count=F("used_count") - 1, balance_minor=F("balance_minor") + _from_card(held)
    )
    if held.contact_id:
        used = CustomerUse.objects.filter(coupon=held.coupon_id, contact=held.contact_id, count__gt=0)
        used.update(count=F("count") - 1)
    return True


def _from_card(held: Use) -> int:
    return held.discount_minor if held.coupon.gives == Coupon.Gives.GIFT_CARD else 0


def _under(key: str, request_hash: str) -> list[Use]:
    """Return what was reserved under a key for this wish; raise KeyUsedDifferently where it was for another."""
    found = list(Use.objects.filter(key=key).select_related("coupon", "code").order_by("pk"))
    if any(one.request_hash != request_hash for one in found):
        raise KeyUsedDifferently(key)
    return found


def _request_hash(texts: Sequence[str], basket: Basket, contact_id: int | None) -> str:
    said = json.dumps([[codes.fold(text) for text in texts], asdict(basket), contact_id], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
