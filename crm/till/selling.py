"""A purchase at the counter: priced, then paid with points and coupons and recorded, all in one transaction.

    price = selling.price(wish, now=now)                                      what comes off; changes nothing
    order_id = selling.sell(wish, form_key=.., agreed_minor=price.to_pay_minor, now=now)
    typed.cancel_order(order_id, now=now)                                     points and coupons go back

A form is sold once, however often it is sent: its key is that of the order, of the points and of the coupons.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.db.models import Min, Sum

from crm.accounts.models import Shop
from crm.contacts import merging
from crm.coupons import codes as letters
from crm.coupons import pricing
from crm.coupons import redeeming as coupons
from crm.coupons.models import Code, Coupon, Use
from crm.coupons.pricing import Basket, Line
from crm.imports import typed
from crm.imports.models import TypedOrder
from crm.lib import clock
from crm.lib.attempts import whole
from crm.orders.models import Order, Product
from crm.orders.recording import Purchase, PurchaseLine
from crm.rewards import redeeming as rewards
from crm.rewards.ledger import NotEnoughPoints
from crm.rewards.models import Entry, Lot, Redemption, Reward

CHANNEL = "till"


class PriceChanged(ValueError):
    """What is to pay was not agreed on, or is another sum by now: ask."""

    def __init__(self, price: "Price"):
        super().__init__(f"{price.to_pay_minor} are to pay.")
        self.price = price


class SoldDifferently(ValueError):
    """This form was sold before, with something else on it."""


class Gone(LookupError):
    """This form was sold before, and its order was removed since."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the customer wants to buy and to use for it; the amount in minor units of the shop's currency."""

    contact_id: int
    amount_minor: int
    codes: Sequence[str] = ()
    reward: Reward | None = None
    points: int | None = None  # None: as many as may be used
    note: str = ""

    @property
    def is_plain(self) -> bool:
        """Tell whether nothing comes off, so that there is nothing to agree on."""
        return not self.codes and self.reward is None


@dataclass(frozen=True)
class Price:
    basket: Basket
    gifts: list[Product]  # products a coupon gives: in the basket at their price, and taken off again
    taken: list[coupons.Offer] = field(default_factory=list)
    points: int = 0
    points_minor: int = 0

    @property
    def left_minor(self) -> int:
        """Return what is left after the coupons."""
        return self.basket.total_minor - sum(offer.discount_minor for offer in self.taken)

    @property
    def floor_minor(self) -> int:
        """Return what points may not take it below: the cost of the products in it."""
        return pricing.floor(coupons.left(self.taken, self.basket))

    @property
    def to_pay_minor(self) -> int:
        return self.left_minor - self.points_minor


@dataclass(frozen=True)
class Receipt:
    """What came of a sale, read from the books."""

    order: Order
    uses: list[Use]
    redemption: Redemption | None
    earned: int
    earned_from: dt.date | None  # where points wait for a hold period to end


def price(wish: Wish, *, now: dt.datetime) -> Price:
    """Return what comes off and what is to pay; raise what coupons.check and rewards.reserve raise."""
    gifts = _gifts(wish.codes)
    basket = Basket([Line(None, 1, wish.amount_minor)])
    basket.lines += [
        Line(product.pk, 1, product.price_minor or 0, product.category.casefold(), product.cost_minor, is_gift=True)
        for product in gifts
    ]
    taken = coupons.check(wish.codes, basket=basket, contact_id=wish.contact_id, now=now) if wish.codes else []
    priced = Price(basket, gifts, taken)
    if wish.reward is None:
        return priced
    bounds = {"order_minor": priced.left_minor, "floor_minor": priced.floor_minor}
    offer = rewards.offer(wish.contact_id, reward=wish.reward, **bounds)
    points = wish.points if wish.points is not None else max(offer.most, offer.least)
    rewards.check(wish.reward, points, **bounds)
    if points > offer.balance:
        raise NotEnoughPoints(offer.balance)
    is_money = wish.reward.kind == Reward.Kind.MONEY
    return Price(basket, gifts, taken, points, rewards.worth(wish.reward, points) if is_money else 0)


def sell(wish: Wish, *, form_key: str, agreed_minor: int | None, now: dt.datetime) -> int:
    """Record the purchase with all that pays for it, once for each form; return the order's id.

    Raise PriceChanged, SoldDifferently, Gone, or what coupons.reserve and rewards.reserve raise; then nothing was done.
    """
    if slip := TypedOrder.objects.filter(form_key=form_key).first():
        return _sold(slip, wish)
    try:
        return whole(_sell)(wish, form_key=form_key, agreed_minor=agreed_minor, now=now)
    except ValueError:  # refused, perhaps because the same form came in meanwhile and used it all
        if slip := TypedOrder.objects.filter(form_key=form_key).first():
            return _sold(slip, wish)
        raise


def receipt(order_id: int, *, contact_id: int) -> Receipt | None:
    """Return what came of a sale to this customer; None where there is no such sale."""
    orders = Order.objects.filter(pk=order_id, contact=contact_id, source=typed.SOURCE, channel=CHANNEL)
    order = orders.first()
    slip = TypedOrder.objects.filter(order=order).first() if order else None
    if slip is None:
        return None
    entries = Entry.objects.filter(kind=Entry.Kind.ORDER, order_ref=order.pk)
    waiting = Lot.objects.filter(pk__in=entries.values("pk"), state=Lot.State.PENDING)
    since = waiting.aggregate(first=Min("activates_at"))["first"]
    paid_with = {"key": typed.paying_key(slip.form_key)}
    uses = Use.objects.filter(**paid_with).select_related("coupon").order_by("pk")
    return Receipt(
        order=order,
        uses=list(uses),
        redemption=Redemption.objects.filter(**paid_with).select_related("reward").first(),
        earned=entries.aggregate(sum=Sum("points"))["sum"] or 0,
        earned_from=clock.local_date(since, Shop.current().timezone) if since else None,
    )


def _sell(wish: Wish, *, form_key: str, agreed_minor: int | None, now: dt.datetime) -> int:
    wish = replace(wish, contact_id=merging.led([wish.contact_id]).get(wish.contact_id, wish.contact_id))
    key, priced = typed.paying_key(form_key), price(wish, now=now)
    if priced.to_pay_minor != agreed_minor:
        raise PriceChanged(priced)
    who = wish.contact_id
    if wish.codes:
        coupons.reserve(wish.codes, basket=priced.basket, contact_id=who, key=key, now=now)
    if wish.reward:
        rewards.redeem(
            who, reward=wish.reward, points=priced.points, order_minor=priced.left_minor,
            floor_minor=priced.floor_minor, key=key, now=now,
        )  # fmt: skip
    order_id = typed.new_order(_purchase(wish, priced, now=now), form_key=form_key, now=now)
    if wish.codes:
        coupons.redeem(key, order_id=order_id, now=now)
    return order_id


def _purchase(wish: Wish, priced: Price, *, now: dt.datetime) -> Purchase:
    """Return what is written into the books: the amount, and lines only for what has a name."""
    gifts = [
        PurchaseLine(
            name=product.name, sku=product.sku, category=product.category,
            unit_price_minor=product.price_minor or 0, total_minor=product.price_minor or 0,
        )
        for product in priced.gifts
    ]  # fmt: skip
    return Purchase(
        source=typed.SOURCE, number="", placed_at=now, currency=Shop.current().currency, channel=CHANNEL,
        total_minor=priced.to_pay_minor, discount_minor=priced.basket.total_minor - priced.to_pay_minor,
        coupon_code=", ".join(offer.code.text for offer in priced.taken if offer.code.text),  # shared words only
        note=wish.note, lines=gifts, contact_id=wish.contact_id,
    )  # fmt: skip


def _gifts(texts: Sequence[str]) -> list[Product]:
    """Return the products these codes give for free; the till only knows an amount, so they join it."""
    hashes = [code_hash for text in texts for code_hash in letters.hashes(text)]
    giving = Code.objects.filter(code_hash__in=hashes, coupon__gives=Coupon.Gives.PRODUCT)
    return [code.coupon.product for code in giving.select_related("coupon__product").order_by("pk")]


def _sold(slip: TypedOrder, wish: Wish) -> int:
    """Return the order a form became before; raise where the form said something else then."""
    if slip.order_id is None:
        raise Gone(slip.form_key)
    order, key = Order.objects.get(pk=slip.order_id), typed.paying_key(slip.form_key)
    gifts = sum(order.lines.values_list("total_minor", flat=True))
    then = (
        order.contact_id,
        order.total_minor + order.discount_minor - gifts,
        Use.objects.filter(key=key).count(),
        Redemption.objects.filter(key=key).values_list("reward", flat=True).first(),
    )
    if then != (wish.contact_id, wish.amount_minor, len(wish.codes), wish.reward and wish.reward.pk):
        raise SoldDifferently(slip.form_key)
    return order.pk
