"""What an export of everything holds: a CSV file for each kind of thing, written row by row.

The names of files and columns are the same in every language, because our own import reads customers.csv, products.csv
and orders.csv again (imports.formats.regulars_*). Amounts are in whole money, moments in the shop's zone with offset.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.campaigns.models import Campaign, Message
from crm.contacts import segments
from crm.contacts.models import Consent, Contact, ContactKey, Note, Segment
from crm.coupons.models import Code, Coupon, Use
from crm.lib import bulk
from crm.lib.money import from_minor
from crm.listening.models import Answer, Line
from crm.orders import returning
from crm.orders.models import Order, OrderLine, Product, Refund
from crm.rewards.models import Entry, Redemption

AT_ONCE = 2_000


@dataclass(frozen=True)
class Table:
    name: str
    about: Promise
    header: list[str]
    rows: Callable[["Writer"], Iterator[list]]
    count: Callable[[], int]


class Writer:
    """How this shop's values are written."""

    def __init__(self, shop: Shop):
        self.currency, self.zone = shop.currency, ZoneInfo(shop.timezone)

    def moment(self, value: dt.datetime | None) -> str:
        return value.astimezone(self.zone).isoformat(" ") if value else ""

    def money(self, minor: int | None, currency: str = "") -> str:
        return "" if minor is None else f"{from_minor(minor, currency or self.currency):f}"


def pieces(queryset: QuerySet) -> Iterator[list]:
    """Yield all rows by primary key, a few thousand at a time, whatever their number."""
    last = 0
    ordered = queryset.order_by("pk")
    while found := list(ordered.filter(pk__gt=last)[:AT_ONCE]):
        yield found
        last = found[-1].pk


def _keys(contact_ids: list[int]) -> dict[int, tuple[str, str]]:
    """Return the first number each customer has on a platform."""
    keys = ContactKey.objects.filter(contact_id__in=bulk.among(contact_ids)).exclude(source__startswith="was:")
    found: dict[int, tuple[str, str]] = {}
    for contact_id, source, value in keys.order_by("pk").values_list("contact_id", "source", "value"):
        found.setdefault(contact_id, (source, value))
    return found


_ADDRESS = ["name", "email", "phone", "company", "street", "postcode", "city", "region", "country"]


def _customers(w: Writer) -> Iterator[list]:
    for people in pieces(Contact.objects.alive()):
        ids = [person.pk for person in people]
        keys = _keys(ids)
        said = dict(
            Consent.objects.filter(contact_id__in=bulk.among(ids)).order_by("pk").values_list("contact_id", "detail")
        )
        for person in people:
            yield [
                person.pk, *keys.get(person.pk, ("", "")), *(getattr(person, name) for name in _ADDRESS),
                person.birthday, person.language, ";".join(person.tags), person.consent, said.get(person.pk, ""),
                w.moment(person.joined_at), "yes" if person.never_discount else "no", person.order_count,
                w.money(person.spent_minor), w.currency, person.points_balance, person.group,
                json.dumps(person.extra, ensure_ascii=False) if person.extra else "",
            ]  # fmt: skip


def _consents(w: Writer) -> Iterator[list]:
    for rows in pieces(Consent.objects.all()):
        for one in rows:
            yield [one.contact_id, one.state, one.source, one.detail, w.moment(one.at)]


def _orders(w: Writer) -> Iterator[list]:
    named = Order.objects.annotate(customer_name=F("contact__name"), customer_email=F("contact__email"))
    for orders in pieces(named):
        ids = [order.pk for order in orders]
        keys = _keys([order.contact_id for order in orders if order.contact_id])
        lines: dict[int, list] = {}
        found = OrderLine.objects.filter(order_id__in=bulk.among(ids)).order_by("order_id", "position")
        for order_id, *line in bulk.rows(found.values_list("order_id", *_LINE)):
            lines.setdefault(order_id, []).append(line)
        refunds: dict[int, list] = {}
        for refund in Refund.objects.filter(order_id__in=bulk.among(ids)).order_by("pk"):
            refunds.setdefault(refund.order_id, []).append(refund)
        for order in orders:
            yield from _order(order, keys, lines.get(order.pk, []), refunds.get(order.pk, []), w)


def _order(order: Order, keys: dict, lines: list, refunds: list, w: Writer) -> Iterator[list]:
    slips = [one for one in refunds if one.key.startswith("return:")]  # those come again with their return slip
    told = [one for one in refunds if one not in slips and one.key != returning.TOTAL]
    platform = next((one for one in refunds if one.key == returning.TOTAL), None)
    refunded = sum(one.amount_minor for one in refunds) - sum(one.amount_minor for one in slips)
    payment = "paid" if slips and order.payment in ("refunded", "partly_refunded") else order.payment
    head = [
        order.pk, order.source, order.number, w.moment(order.placed_at), order.kind, order.currency,
        *(w.money(m, order.currency) for m in (order.total_minor, order.discount_minor, order.shipping_minor,
                                               order.tax_minor, refunded)),
        w.moment(platform.at if platform else None), payment, order.payment_word, w.moment(order.cancelled_at),
        order.channel, order.coupon_code, order.note,
        order.contact_id, *keys.get(order.contact_id, ("", "")), order.customer_name, order.customer_email,
        " | ".join(f"{one.key}={one.amount_minor}@{one.at.isoformat()}" for one in told),
    ]  # fmt: skip
    rest = [order.pk, *[""] * (len(head) - 1)]
    for number, line in enumerate(lines or [None]):
        yield [*(rest if number else head), *(_line(line, order.currency, w) if line else [""] * 6)]


_LINE = ("name", "sku", "product__category", "quantity", "unit_price_minor", "total_minor")


def _line(line: list, currency: str, w: Writer) -> list:
    name, sku, category, quantity, price, total = line
    many = quantity if quantity % 1 else int(quantity)
    return [name, sku, category, many, w.money(price, currency), w.money(total, currency)]


def _refunds(w: Writer) -> Iterator[list]:
    for rows in pieces(Refund.objects.select_related("order")):
        for one in rows:
            amount = w.money(one.amount_minor, one.order.currency)
            yield [one.order_id, one.order.number, one.key, amount, one.order.currency, w.moment(one.at), one.reason]


def _products(w: Writer) -> Iterator[list]:
    for rows in pieces(Product.objects.all()):
        for one in rows:
            yield [
                one.pk, one.sku, one.name, one.category, w.money(one.price_minor), w.money(one.cost_minor), w.currency,
                "yes" if one.is_active else "no", "" if one.stock is None else one.stock, one.stock_at,
            ]  # fmt: skip


def _points(w: Writer) -> Iterator[list]:
    for rows in pieces(Entry.objects.select_related("account")):
        for one in rows:
            yield [
                one.pk, one.account.contact_id, one.points, one.kind, one.source, one.order_ref, one.reason,
                w.moment(one.at), w.moment(one.activates_at), w.moment(one.expires_at),
            ]  # fmt: skip


def _redemptions(w: Writer) -> Iterator[list]:
    for rows in pieces(Redemption.objects.select_related("account", "reward")):
        for one in rows:
            yield [
                one.pk, one.account.contact_id, one.points, one.reward.name if one.reward else "",
                w.money(one.worth_minor, one.currency), one.currency, one.state, one.note, w.moment(one.reserved_at),
            ]  # fmt: skip


def _coupons(w: Writer) -> Iterator[list]:
    for rows in pieces(Coupon.objects.all()):
        for one in rows:
            yield [
                one.pk, one.name, one.gives, one.percent, w.money(one.amount_minor), one.starts_on, one.ends_on,
                one.most_uses, one.most_per_customer, w.money(one.budget_minor), one.used_count,
                w.money(one.given_minor), one.code_count,
            ]  # fmt: skip


def _uses(w: Writer) -> Iterator[list]:
    for rows in pieces(Use.objects.select_related("coupon", "code")):
        for one in rows:
            yield [
                one.pk, one.coupon.name, one.code.text or one.code.number, one.contact_id, one.order_id, one.state,
                w.money(one.discount_minor), w.currency, w.moment(one.reserved_at), w.moment(one.redeemed_at),
            ]  # fmt: skip


def _gift_cards(w: Writer) -> Iterator[list]:
    for rows in pieces(Code.objects.exclude(balance_minor=None).select_related("coupon")):
        for one in rows:
            yield [
                one.pk, one.coupon.name, one.number, one.contact_id, w.money(one.balance_minor), w.currency,
                w.moment(one.created_at), w.moment(one.stopped_at),
            ]  # fmt: skip


def _campaigns(w: Writer) -> Iterator[list]:
    for rows in pieces(Campaign.objects.select_related("segment")):
        for one in rows:
            yield [
                one.pk, one.name, one.segment.name if one.segment else "", one.state, one.repeat, one.subject, one.body,
                one.points, w.moment(one.next_at), w.moment(one.created_at),
            ]  # fmt: skip


def _messages(w: Writer) -> Iterator[list]:
    for rows in pieces(Message.objects.annotate(campaign=F("rotation__campaign_id"), day=F("rotation__local_date"))):
        for one in rows:
            sent = w.moment(one.sent_at)
            yield [one.pk, one.campaign, one.day, one.contact_id, one.state, one.points, one.variant, sent]


def _members(w: Writer) -> Iterator[list]:
    for segment in Segment.objects.order_by("pk"):
        for people in pieces(segments.people(segment).only("pk").order_by()):
            for person in people:
                yield [segment.slug, segment.name, person.pk]


def _notes(w: Writer) -> Iterator[list]:
    for rows in pieces(Note.objects.all()):
        for one in rows:
            yield [one.contact_id, w.moment(one.at), one.author, one.text]


def _conversations(w: Writer) -> Iterator[list]:
    for rows in pieces(Line.objects.select_related("conversation")):
        for one in rows:
            said = one.conversation
            yield [
                said.pk, said.contact_id, said.name, said.email, said.phone, said.subject, said.state, w.moment(one.at),
                one.direction, one.via, one.by, one.text, "; ".join(one.attachments), one.points, one.state, one.to,
            ]  # fmt: skip


def _feedback(w: Writer) -> Iterator[list]:
    for rows in pieces(Answer.objects.all()):
        for one in rows:
            yield [
                one.contact_id, one.order_id, w.moment(one.at), one.asks, one.score, one.feeling, one.comment,
                "yes" if one.may_quote else "no",
            ]  # fmt: skip


def _count(model) -> Callable[[], int]:
    return model.objects.count


TABLES = [
    Table(
        "customers", _("Your customers. Can be imported again."),
        ["regulars_customer", "source", "source_number", *_ADDRESS, "birthday", "language", "tags", "consent",
         "consent_detail", "joined", "never_discount", "order_count", "spent", "currency", "points", "group", "extra"],
        _customers, _count(Contact),
    ),
    Table(
        "products", _("Your products. Can be imported again."),
        ["regulars_product", "sku", "name", "category", "price", "cost", "currency", "on_sale", "stock",
         "stock_counted"],
        _products, _count(Product),
    ),
    Table(
        "orders", _("Orders: a row for each line, what belongs to the order on its first row. Can be imported again."),
        ["regulars_order", "source", "number", "placed", "kind", "currency", "total", "discount", "shipping", "tax",
         "refunded", "refunded_at", "payment", "payment_word", "cancelled", "channel", "coupon", "note",
         "regulars_customer", "customer_source", "customer_source_number", "customer_name", "customer_email",
         "refunds_told", "line_name", "line_sku", "line_category", "line_quantity", "line_price", "line_total"],
        _orders, _count(OrderLine),
    ),
    Table(
        "refunds", _("Money given back, one by one. orders.csv holds it too."),
        ["regulars_order", "number", "key", "amount", "currency", "at", "reason"], _refunds, _count(Refund),
    ),
    Table(
        "consents", _("Every yes and no, with where it came from. The last one of a customer holds."),
        ["regulars_customer", "state", "source", "detail", "at"], _consents, _count(Consent),
    ),
    Table(
        "notes", _("What you wrote about customers."), ["regulars_customer", "at", "author", "note"],
        _notes, _count(Note),
    ),
    Table(
        "conversations", _("What customers wrote and what was answered, line by line."),
        ["conversation", "regulars_customer", "name", "email", "phone", "subject", "state", "at", "direction", "way",
         "by", "text", "attachments", "points", "answer_state", "sent_to"],
        _conversations, _count(Line),
    ),
    Table(
        "feedback", _("Answers to the question after a purchase."),
        ["regulars_customer", "regulars_order", "at", "question", "score", "feeling", "comment", "may_be_quoted"],
        _feedback, _count(Answer),
    ),
    Table(
        "points", _("Every movement of points. Their sum is what customers hold."),
        ["entry", "regulars_customer", "points", "kind", "source", "regulars_order", "reason", "at", "spendable_from",
         "expires"],
        _points, _count(Entry),
    ),
    Table(
        "points_redeemed", _("Points turned into something."),
        ["redemption", "regulars_customer", "points", "reward", "worth", "currency", "state", "note", "at"],
        _redemptions, _count(Redemption),
    ),
    Table(
        "coupons", _("Coupons and what has been given by them."),
        ["coupon", "name", "gives", "percent", "amount", "from", "until", "most_uses", "most_per_customer", "budget",
         "used", "given", "codes"],
        _coupons, _count(Coupon),
    ),
    Table(
        "coupon_uses", _("Each use of a coupon or gift card. Codes of their own are given by their number."),
        ["use", "coupon", "code", "regulars_customer", "regulars_order", "state", "discount", "currency", "reserved",
         "redeemed"],
        _uses, _count(Use),
    ),
    Table(
        "gift_cards", _("Gift cards and what is left on them."),
        ["card", "coupon", "number", "regulars_customer", "balance", "currency", "made", "stopped"],
        _gift_cards, Code.objects.exclude(balance_minor=None).count,
    ),
    Table(
        "campaigns", _("What you wrote to customers."),
        ["campaign", "name", "segment", "state", "repeat", "subject", "message", "points", "next", "made"],
        _campaigns, _count(Campaign),
    ),
    Table(
        "messages", _("Who got which campaign, when, and what became of it."),
        ["message", "campaign", "day", "regulars_customer", "state", "points", "version", "sent"],
        _messages, _count(Message),
    ),
    Table(
        "groups", _("Who is in which group of customers."), ["group", "name", "regulars_customer"], _members, lambda: 0,
    ),
]  # fmt: skip
