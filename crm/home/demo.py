"""The demo shop: an invented bakery that comes in through the same door as real orders, and goes with one click."""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts import setup
from crm.accounts.models import Shop
from crm.campaigns.models import Message, Rotation
from crm.contacts import segments
from crm.contacts.matching import Person
from crm.contacts.models import Contact, ContactKey, Note, Segment
from crm.coupons import issuing, redeeming
from crm.coupons.models import Coupon
from crm.coupons.pricing import Basket, Line
from crm.home import demo_campaigns, demo_inbox, inventing
from crm.home.inventing import PRODUCTS, Invented, Sale
from crm.imports import intake
from crm.imports.models import Import
from crm.lib import bulk, clock
from crm.lib import money as money_units
from crm.orders import recording
from crm.orders.models import Order, OrderLine, Product
from crm.orders.purchases import Item
from crm.orders.recording import Purchase, PurchaseLine
from crm.rewards import catching_up, referring, rule_changing, triggers
from crm.rewards.models import Account, Entry, Lot, Referral

CUSTOMERS, YEARS, SEED = 300, 2.0, 7
SOURCE = "demo"
SHOP_NAME = "Linden & Loaf"
_AT_ONCE = 2_000
_WORDS = {"ten_percent": "SPRING10", "free_espresso": "ESPRESSO", "summer": "PICNIC10", "two_weeks": "TWOWEEKS"}
# What a euro's worth of bread costs elsewhere, roughly; other currencies keep the euro's figures.
_PRICE_LEVEL = {
    "JPY": 160,
    "CNY": 7,
    "HKD": 8,
    "TWD": 32,
    "KRW": 1400,
    "INR": 60,
    "SEK": 11,
    "NOK": 11,
    "DKK": 7,
    "CZK": 24,
}


class NotEmpty(RuntimeError):
    """The shop holds customers or orders already: invented ones must not be mixed among them."""


class NotADemo(RuntimeError):
    """The shop holds real data: nothing is removed."""


@dataclass(frozen=True)
class Filled:
    customers: int
    orders: int
    lines: int
    truth: dict


_FILLED = (Contact, ContactKey, Order, OrderLine, Product, Account, Entry, Lot, Message, Rotation)
AFTERWARDS: dict[str, Callable[..., object]] = {}


def when_filled(name: str, act: Callable[..., object]) -> None:
    """Have an upper floor do `act(now=)` once a demo shop is filled, such as working out its first scores."""
    AFTERWARDS[name] = act


def fill(*, now: dt.datetime, customers: int = CUSTOMERS, years: float = YEARS, seed: int = SEED) -> Filled:
    """Fill the empty shop with a bakery's customers and orders up to now; make the shop where there is none."""
    with transaction.atomic():
        shop = Shop.objects.first()
        if shop is None:
            shop = setup.ensure_shop(currency="EUR", timezone="Europe/Berlin")
            shop.name, shop.kind = SHOP_NAME, Shop.Kind.CAFE
        if Contact.objects.exists() or Order.objects.exists():
            raise NotEmpty
        shop.is_demo = True
        shop.save()
        invented = inventing.invent(customers=customers, years=years, seed=seed, now=now, zone=shop.timezone)
        with translation.override(shop.language):
            joined = invented.first_sales()
            contact_ids = _write_people(invented, joined, now=now)
            _refer(invented, contact_ids, joined)
            _start_rules(invented, shop=shop, now=now)
            _write_products(invented, shop=shop, now=now)
            codes = _write_coupons(invented, shop=shop)
            demo_campaigns.write(invented, contact_ids, codes, shop=shop, now=now)
            for piece in _pieces(invented.sales, _AT_ONCE):
                bulk.refresh_statistics(*_FILLED)  # one transaction: nobody else sees yet how the tables have grown
                _take_sales(piece, contact_ids, codes, shop=shop, now=now)
            bulk.refresh_statistics(*_FILLED)
            demo_campaigns.automate(shop=shop, now=now)
            demo_inbox.write(seed=seed, now=now)
            for segment in Segment.objects.filter(kind=Segment.Kind.SAVED):  # nobody was quiet before the orders came
                segments.note_size(segment, as_of=clock.local_date(now, shop.timezone))
        for act in AFTERWARDS.values():
            act(now=now)
    lines = sum(len(sale.lines) for sale in invented.sales)
    return Filled(len(contact_ids), len(invented.sales), lines, invented.truth())


def write_truth(filled: Filled, path: Path) -> None:
    """Write what was drawn as JSON, for tests that want to know how well the analyst found it."""
    path.write_text(json.dumps(filled.truth, ensure_ascii=False, indent=1))


def remove(*, now: dt.datetime) -> None:
    """Delete everything but the owner and their settings; raise NotADemo in a real shop.

    Every table of ours is emptied, whichever app owns it: whatever was built on invented data is invented too.
    """
    with transaction.atomic():
        if not Shop.objects.filter(is_demo=True).update(is_demo=False):
            raise NotADemo
        files = list(Import.objects.exclude(path="").values_list("path", flat=True))
        with triggers.lifted(), connection.cursor() as cursor:
            for model in _emptied():
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")
        transaction.on_commit(lambda: _unlink(files))


def _emptied() -> list[type[models.Model]]:
    """Return our tables, those that point at others first, so that each can be emptied as a whole."""
    left = {
        model
        for config in apps.get_app_configs()
        if not config.name.startswith("django.") and config.label not in ("accounts", "keeping")
        for model in config.get_models(include_auto_created=True)
    }
    ordered = []
    while left:
        pointed_at = {
            field.related_model
            for model in left
            for field in model._meta.concrete_fields
            if field.is_relation and field.related_model is not model
        }
        free = sorted(left - pointed_at, key=lambda model: model._meta.label)
        ordered += free
        left -= set(free)
    return ordered


def _unlink(files: list[str]) -> None:
    for name in files:
        path = (settings.MEDIA_ROOT / name).resolve()
        if path.is_relative_to(settings.MEDIA_ROOT):
            path.unlink(missing_ok=True)


def _pieces(rows: Sequence, size: int) -> Iterator[Sequence]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _write_people(invented: Invented, joined: Mapping[int, dt.datetime], *, now: dt.datetime) -> list[int]:
    """Take the people in; return their ids beside them."""
    people = [
        Person(
            source=SOURCE,
            key=str(person.number),
            name=person.name,
            email=person.email,
            phone=person.phone,
            postcode=person.postcode,
            city=person.city,
            country="DE",
            birthday=person.birthday,
            language=person.language,
            tags=person.tags,
            consent=person.consent if person.consent != "unknown" else "",
            consent_detail=_("Invented with the demo"),
            joined_at=joined.get(n, now),
            authoritative=True,
        )
        for n, person in enumerate(invented.people)
    ]
    contact_ids = []
    for piece in _pieces(people, _AT_ONCE):
        contact_ids += intake.take_people(piece, now=now).contact_ids
    notes = [
        Note(contact_id=contact_ids[n], text=person.note, at=joined.get(n, now), author=_("Demo"))
        for n, person in enumerate(invented.people)
        if person.note
    ]
    Note.objects.bulk_create(notes, batch_size=500)
    return contact_ids


def _start_rules(invented: Invented, *, shop: Shop, now: dt.datetime) -> None:
    """Let points be earned from the day the shop opened; a welcome is for whoever joined in the last year."""
    a_year_ago = clock.local_date(now, shop.timezone) - dt.timedelta(days=365)
    for kind, params in rule_changing.usual(shop).items():
        starts_on = max(invented.opened_on, a_year_ago) if kind == "welcome" else invented.opened_on
        rule_changing.start(kind=kind, params=params, starts_on=starts_on, now=now)
    catching_up.catch_up(now=now)


def _write_coupons(invented: Invented, *, shop: Shop) -> dict[str, str]:
    """Write the coupons the campaigns carried; return their words by offer."""
    words = {}
    for mailing in invented.mailings:
        if not mailing.offer.gives:
            continue
        today, is_percent = clock.local_date(mailing.at, shop.timezone), mailing.offer.gives == "percent"
        gift = None if is_percent else _products()[inventing.GIFT]
        coupon = Coupon.objects.create(
            name=demo_campaigns.said(mailing.offer, "", kind=shop.kind).name,
            gives=Coupon.Gives.PERCENT if is_percent else Coupon.Gives.PRODUCT, percent=10 if is_percent else None,
            product_id=gift, starts_on=today, ends_on=today + dt.timedelta(days=mailing.offer.window_days),
            code_kind=Coupon.CodeKind.SHARED, most_per_customer=1, created_at=mailing.at,
        )  # fmt: skip
        words[mailing.offer.slug] = issuing.share(coupon, word=_WORDS[mailing.offer.slug], now=mailing.at).text
    return words


def _take_sales(
    sales: Sequence[Sale], contact_ids: list[int], codes: Mapping[str, str], *, shop: Shop, now: dt.datetime
) -> None:
    """Take sales in, and make final what their coupons took off."""
    products = _products()
    taken_off = {sale.number: _discount(sale, contact_ids, codes, products, shop) for sale in sales if sale.coupon}
    purchases = [_purchase(sale, contact_ids, shop.currency, now, taken_off.get(sale.number, 0)) for sale in sales]
    order_ids = intake.take_orders(purchases, now=now).recorded.order_ids
    for sale, order_id in zip(sales, order_ids):
        if taken_off.get(sale.number):
            redeeming.redeem(_coupon_key(sale), now=sale.placed_at, order_id=order_id)


def _discount(
    sale: Sale, contact_ids: list[int], codes: Mapping[str, str], products: Mapping[int, int], shop: Shop
) -> int:
    """Return what a sale's coupon takes off, held for it; nothing where it cannot be used."""
    basket = Basket([
        Line(
            products[n], quantity, _minor(PRODUCTS[n][2], shop.currency) * quantity, PRODUCTS[n][1].casefold(),
            _minor(PRODUCTS[n][3], shop.currency),
        )
        for n, quantity in sale.lines
    ])  # fmt: skip
    try:
        [use] = redeeming.reserve(
            [codes[sale.coupon]], basket=basket, contact_id=contact_ids[sale.person], key=_coupon_key(sale),
            now=sale.placed_at,
        )  # fmt: skip
    except redeeming.Refused:
        return 0
    return use.discount_minor


def _coupon_key(sale: Sale) -> str:
    return f"{SOURCE}:{sale.number}"


def _refer(invented: Invented, contact_ids: list[int], joined: Mapping[int, dt.datetime]) -> None:
    """Note who sent whom, a moment before the friend first bought."""
    for friend, advocate in invented.referrals:
        referring.refer(
            contact_ids[friend], advocate_id=contact_ids[advocate], via=Referral.Via.LINK, now=joined[friend]
        )


def _minor(euros: float, currency: str) -> int:
    """Return a price in minor units, rounded as a price list would be."""
    level = _PRICE_LEVEL.get(currency, 1)
    step = 10 ** (money_units.digits(currency) - 1) if money_units.digits(currency) else 10
    return round(euros * level * 10 ** money_units.digits(currency) / step) * step


def _sku(product: int) -> str:
    return f"LL-{product + 1:02d}"


def _purchase(
    sale: Sale, contact_ids: list[int], currency: str, now: dt.datetime, taken_off: int
) -> Purchase:
    lines = []
    for product, quantity in sale.lines:
        name, category, euros, _cost, _weight = PRODUCTS[product]
        price = _minor(euros, currency)
        lines.append(PurchaseLine(name, _sku(product), quantity, price, price * quantity, category))
    later = min(sale.placed_at + dt.timedelta(days=1), now)
    refunded = lines[0].total_minor if sale.refund_line and not sale.is_cancelled else 0
    total = sum(line.total_minor for line in lines) - taken_off
    payment = "paid" if not refunded else "partly_refunded" if refunded < total else "refunded"
    return Purchase(
        source=SOURCE,
        number=sale.number,
        placed_at=sale.placed_at,
        currency=currency,
        total_minor=total,
        discount_minor=taken_off,
        refunded_minor=refunded,
        refunded_at=later if refunded else None,
        payment=payment,
        cancelled_at=later if sale.is_cancelled else None,
        channel=sale.channel,
        lines=lines,
        contact_id=contact_ids[sale.person] if sale.person is not None else None,
    )


def _write_products(invented: Invented, *, shop: Shop, now: dt.datetime) -> None:
    """Write the price list, what each product costs the shop, and what was counted of some."""
    counted_on = clock.local_date(now, shop.timezone) - dt.timedelta(days=inventing.COUNTED_DAYS_AGO)
    items = [
        Item(
            sku=_sku(n), name=name, category=category, price_minor=_minor(euros, shop.currency),
            cost_minor=_minor(cost, shop.currency), stock=invented.stock.get(n), stock_on=counted_on,
        )
        for n, (name, category, euros, cost, _weight) in enumerate(PRODUCTS)
    ]  # fmt: skip
    intake.take_products(items, now=now)


def _products() -> dict[int, int]:
    """Return the ids of the price list's products, by their place in it."""
    known = dict(Product.objects.values_list("key", "id"))
    return {n: known[recording.product_key(_sku(n), product[0])] for n, product in enumerate(PRODUCTS)}
