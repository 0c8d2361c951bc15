"""What the owner types in: an order, a correction of one, a person. All of it goes through the door."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from crm.contacts import identity, matching
from crm.contacts.matching import Person
from crm.contacts.models import Contact
from crm.coupons import redeeming as coupons
from crm.imports import intake
from crm.imports.models import TypedOrder
from crm.lib.attempts import whole
from crm.orders import returning
from crm.orders.models import Order
from crm.orders.recording import Purchase, PurchaseLine
from crm.rewards import redeeming as rewards
from crm.rewards.models import Redemption

SOURCE = identity.TYPED
FIRST_NUMBER = 1000


class ChangedMeanwhile(RuntimeError):
    """The order was saved by somebody or something else after the form was drawn."""


class LessThanRefunded(ValueError):
    """The corrected total is below what was given back already."""

    def __init__(self, refunded_minor: int):
        super().__init__(refunded_minor)
        self.refunded_minor = refunded_minor


def line(*, name: str, quantity: Decimal, unit_price_minor: int, sku: str = "") -> PurchaseLine:
    """Return a line whose total is quantity times price, rounded half to even."""
    total = int((quantity * unit_price_minor).to_integral_value(rounding="ROUND_HALF_EVEN"))
    return PurchaseLine(
        name=name, sku=sku, quantity=float(quantity), unit_price_minor=unit_price_minor, total_minor=total
    )


@whole
def new_order(purchase: Purchase, *, form_key: str, now: dt.datetime) -> int | None:
    """Take a typed order in under the next free number, once per form; return its id, None if it is gone again."""
    try:
        with transaction.atomic():
            slip = TypedOrder.objects.create(form_key=form_key)
    except IntegrityError:
        return TypedOrder.objects.get(form_key=form_key).order_id
    purchase.source, purchase.number = SOURCE, f"T-{FIRST_NUMBER + slip.pk}"
    taken = intake.take_orders([purchase], now=now)
    slip.order_id = taken.recorded.order_ids[0]
    slip.save(update_fields=["order"])
    return slip.order_id


def paying_key(form_key: str) -> str:
    """Return the key under which points and coupons pay for the order of a form."""
    return f"till:{form_key}"


@whole
def cancel_order(order_id: int, *, now: dt.datetime) -> bool:
    """Cancel an order: what was earned goes, what it was paid with at the till comes back; tell whether that is news.

    Doing it again changes nothing.
    """
    if slip := TypedOrder.objects.filter(order=order_id).first():
        key = paying_key(slip.form_key)
        if Redemption.objects.filter(key=key).exists():
            rewards.roll_back(key, now=now)
        coupons.roll_back(key, now=now)
    return intake.take_cancellation(order_id, at=now, now=now)


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What may be corrected on an order; amounts in minor units of its currency."""

    placed_at: dt.datetime
    payment: str
    lines: list[PurchaseLine]
    discount_minor: int
    shipping_minor: int
    note: str
    contact_id: int | None
    person: Person | None


@whole
def correct_order(order_id: int, *, version: int, correction: Correction, now: dt.datetime) -> None:
    """Write the corrected order over the one that is there, keeping its source, its number and its refunds.

    The platform's total is not the sum of its lines, so the difference the correction makes is added to it.
    """
    order = Order.objects.select_for_update(of=("self",)).get(pk=order_id, kind=Order.Kind.SALE)
    if order.version != version:
        raise ChangedMeanwhile
    before = sum(order.lines.values_list("total_minor", flat=True)) - order.discount_minor + order.shipping_minor
    after = sum(item.total_minor for item in correction.lines) - correction.discount_minor + correction.shipping_minor
    total = max(order.total_minor + after - before, 0)
    if total < order.refunded_minor:
        raise LessThanRefunded(order.refunded_minor)
    platform_refund = order.refunds.filter(key=returning.TOTAL).first()
    intake.take_orders(
        [
            Purchase(
                source=order.source,
                number=order.number,
                placed_at=correction.placed_at,
                currency=order.currency,
                total_minor=total,
                discount_minor=correction.discount_minor,
                shipping_minor=correction.shipping_minor,
                tax_minor=order.tax_minor,
                refunded_minor=_platforms_sum(order) if platform_refund else 0,
                refunded_at=platform_refund.at if platform_refund else None,
                payment=correction.payment,
                payment_word=order.payment_word if correction.payment == order.payment else "",
                cancelled_at=order.cancelled_at,
                channel=order.channel,
                coupon_code=order.coupon_code,
                note=correction.note,
                lines=correction.lines,
                person=correction.person,
                contact_id=correction.contact_id,
            )
        ],
        now=now,
    )
    Order.objects.filter(pk=order_id).update(corrected_at=now)


def _platforms_sum(order: Order) -> int:
    """Return what the platform says it gave back in all: one by one, and the rest."""
    told = order.refunds.filter(Q(key=returning.TOTAL) | Q(key__startswith=f"{order.source}:"))
    return told.aggregate(sum=Sum("amount_minor"))["sum"]


@whole
def new_person(person: Person, *, form_key: str, greeting: str = "", apart: bool = False, now: dt.datetime) -> int:
    """Take a typed person in, once per form; `apart` keeps them apart from whoever has the same phone number."""
    phone = person.phone
    person.source, person.key, person.authoritative = SOURCE, form_key, True
    person.joined_at = person.joined_at or now
    if apart:
        person.phone = ""
    taken = intake.take_people([person], now=now)
    contact_id = taken.contact_ids[0]
    if contact_id not in taken.matched.created:
        return contact_id
    fields = (
        "name",
        "email",
        "company",
        "street",
        "postcode",
        "city",
        "region",
        "country",
        "birthday",
        "language",
        "tags",
    )
    typed = {field for field in fields if getattr(person, field)}
    typed |= {field for field, value in (("phone", phone), ("greeting", greeting)) if value}
    keys = matching.key_columns(email=person.email, phone=phone, country=person.country)
    Contact.objects.filter(pk=contact_id).update(
        greeting=greeting, phone=phone, phone_key=keys["phone_key"], typed_fields=sorted(typed)
    )
    return contact_id
