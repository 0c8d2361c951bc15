"""The demo shop: an invented bakery that comes in through the same door as real orders, and goes with one click."""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts import setup
from crm.accounts.models import Shop
from crm.campaigns import rendering
from crm.campaigns.models import Campaign, Click, Link, Message, Rotation
from crm.contacts import saved
from crm.contacts.listing import Filter
from crm.contacts.matching import Person
from crm.contacts.models import Contact, Note
from crm.home import inventing
from crm.home.inventing import OFFER_HELD_OUT, OFFER_POINTS, OFFER_QUIET_DAYS, OFFER_WINDOW_DAYS, PRODUCTS, Invented
from crm.imports import intake
from crm.imports.models import Import
from crm.lib import bulk, clock, tokens
from crm.lib import money as money_units
from crm.orders import recording
from crm.orders.models import Order, Product
from crm.orders.recording import Purchase, PurchaseLine
from crm.rewards import catching_up, ledger, rule_changing, triggers
from crm.rewards.models import Entry
from crm.rewards.rules import RULES

CUSTOMERS, YEARS, SEED = 300, 2.0, 7
SOURCE = "demo"
SHOP_NAME = "Linden & Loaf"
_AT_ONCE = 2_000
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
            contact_ids = _write_people(invented, now=now)
            _start_rules(invented, shop=shop, now=now)
            _write_offer(invented, contact_ids, shop=shop, now=now)
            for piece in _pieces(invented.sales, _AT_ONCE):
                purchases = [_purchase(sale, contact_ids, shop.currency, now) for sale in piece]
                intake.take_orders(purchases, now=now)
            _price_products(shop.currency)
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
        files = list(Import.objects.values_list("path", flat=True))
        with triggers.lifted(), connection.cursor() as cursor:
            for model in _emptied():
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")
        transaction.on_commit(lambda: _unlink(files))


def _emptied() -> list[type[models.Model]]:
    """Return our tables, those that point at others first, so that each can be emptied as a whole."""
    left = {
        model
        for config in apps.get_app_configs()
        if not config.name.startswith("django.") and config.label != "accounts"
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


def _write_people(invented: Invented, *, now: dt.datetime) -> list[int]:
    """Take the people in; return their ids beside them."""
    joined = {}
    for sale in invented.sales:
        if sale.person is not None:
            joined.setdefault(sale.person, sale.placed_at)
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
    """Let points be earned from the day the shop opened, and welcome whoever joined in the last year."""
    starter = RULES["per_amount"].starter(currency=shop.currency)
    rule_changing.start(kind="per_amount", params=starter, starts_on=invented.opened_on, now=now)
    today = clock.local_date(now, shop.timezone)
    rule_changing.start(
        kind="welcome",
        params=RULES["welcome"].starter(currency=shop.currency),
        starts_on=max(invented.opened_on, today - dt.timedelta(days=365)),
        now=now,
    )
    catching_up.catch_up(now=now)


def _write_offer(invented: Invented, contact_ids: list[int], *, shop: Shop, now: dt.datetime) -> None:
    """Write the campaign that ran some weeks ago, with the people left out to measure it."""
    at = invented.offer_at
    offered = [(contact_ids[n], person) for n, person in enumerate(invented.people) if person.offered]
    if not offered:
        return
    segment = saved.save(
        Filter({"quiet_days": str(OFFER_QUIET_DAYS)}, now=now), name=_("Quiet for three weeks"), now=now
    )
    local = at.astimezone(ZoneInfo(shop.timezone))
    campaign = Campaign.objects.create(
        name=_("Autumn thank-you"),
        segment=segment,
        points=OFFER_POINTS,
        subject=_("A little thank-you from the bakery"),
        body=_(
            '# Hello {{ first_name|"there" }}\n\nWe have put **{{ points_given }} points** on your account. '
            "The first stollen comes out of the oven this week: [have a look](https://example.com/stollen).\n\n"
            "See you soon!"
        ),
        starts_date=local.date(),
        send_time=local.time(),
        holdout_percent=round(OFFER_HELD_OUT * 100),
        window_days=OFFER_WINDOW_DAYS,
        state=Campaign.State.FINISHED,
    )
    rotation = Rotation.objects.create(
        campaign=campaign,
        local_date=local.date(),
        started_at=at,
        finished_at=at + dt.timedelta(minutes=2),
        points_given_at=at,
        counts={
            state: sum(person.offered == state for _id, person in offered)
            for state in (Message.State.SENT.value, Message.State.HELD_OUT.value)
        },
    )
    letter = rendering.compile_letter(
        subject=campaign.subject, body=campaign.body, shop=shop, campaign_name=campaign.name
    )
    links = [Link.objects.create(campaign=campaign, url=url, url_hash=rendering.url_hash(url)) for url in letter.links]
    messages = [
        Message(
            rotation=rotation,
            contact_id=contact_id,
            address_hash=tokens.keyed_hash(person.email) if person.offered == "sent" else None,
            state=person.offered,
            points=OFFER_POINTS if person.offered == "sent" else 0,
            attempts=1 if person.offered == "sent" else 0,
            due_at=at,
            tried_at=at if person.offered == "sent" else None,
            sent_at=at if person.offered == "sent" else None,
        )
        for contact_id, person in offered
    ]
    Message.objects.bulk_create(messages, batch_size=500)
    opened = at + dt.timedelta(hours=2)
    Click.objects.bulk_create(
        [
            Click(message=message, link=link, at=opened)
            for message, (_id, person) in zip(messages, offered)
            if person.offer_clicked
            for link in links[:1]
        ],
        batch_size=500,
    )
    ledger.post(
        [
            ledger.Posting(
                contact_id=contact_id,
                points=OFFER_POINTS,
                kind=Entry.Kind.CAMPAIGN,
                source=f"campaign:{rotation.pk}:{contact_id}",
                reason=campaign.name,
                at=at,
            )
            for contact_id, person in offered
            if person.offered == "sent"
        ],
        now=now,
    )


def _minor(euros: float, currency: str) -> int:
    """Return a price in minor units, rounded as a price list would be."""
    level = _PRICE_LEVEL.get(currency, 1)
    step = 10 ** (money_units.digits(currency) - 1) if money_units.digits(currency) else 10
    return round(euros * level * 10 ** money_units.digits(currency) / step) * step


def _sku(product: int) -> str:
    return f"LL-{product + 1:02d}"


def _purchase(sale: inventing.Sale, contact_ids: list[int], currency: str, now: dt.datetime) -> Purchase:
    lines = []
    for product, quantity in sale.lines:
        name, category, euros, _cost, _weight = PRODUCTS[product]
        price = _minor(euros, currency)
        lines.append(PurchaseLine(name, _sku(product), quantity, price, price * quantity, category))
    later = min(sale.placed_at + dt.timedelta(days=1), now)
    refunded = lines[0].total_minor if sale.refund_line and not sale.is_cancelled else 0
    total = sum(line.total_minor for line in lines)
    payment = "paid" if not refunded else "partly_refunded" if refunded < total else "refunded"
    return Purchase(
        source=SOURCE,
        number=sale.number,
        placed_at=sale.placed_at,
        currency=currency,
        total_minor=total,
        refunded_minor=refunded,
        refunded_at=later if refunded else None,
        payment=payment,
        cancelled_at=later if sale.is_cancelled else None,
        channel=sale.channel,
        lines=lines,
        contact_id=contact_ids[sale.person] if sale.person is not None else None,
    )


def _price_products(currency: str) -> None:
    """Write the price list: what each product costs its buyer and the shop."""
    rows = []
    for n, (name, _category, euros, cost, _weight) in enumerate(PRODUCTS):
        key = recording.product_key(_sku(n), name)
        product_id = Product.objects.filter(key=key).values_list("id", flat=True).first()
        if product_id:
            rows.append((_minor(euros, currency), _minor(cost, currency), product_id))
    bulk.update(Product, ("price_minor", "cost_minor"), rows)
