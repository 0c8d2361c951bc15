"""orders.csv of our own export of everything: a row per line, what belongs to the order on its first row."""

import re

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._regulars import said, source_of
from crm.imports.formats.base import Header, Needs, Options, Person, Purchase, PurchaseLine

SLUG = "regulars_orders"
LABEL = _("Orders of a Regulars export")
KIND = base.ORDERS
SOURCE = "regulars"

_AMOUNTS = ("total", "discount", "shipping", "tax", "refunded", "line price", "line total")
_REFUND = re.compile(r"(?P<key>.+)=(?P<minor>\d+)@(?P<at>[^ ]+)")


def sniff(header: Header) -> float:
    return 1.0 if {"regulars order", "line total", "refunds told"} <= header.index.keys() else 0.0


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.index["regulars order"]),
        amounts=tuple(header.index[name] for name in _AMOUNTS if name in header), dates=(header.index["placed"],),
    )  # fmt: skip


def parse(groups, options: Options):
    place = options.header.index

    def purchase(group) -> Purchase:
        line_number, head = group[0]
        currency = base.currency_code(head[place["currency"]], options.currency)

        def text(name: str) -> str:
            return said(head[place.get(name, options.missing)])

        def minor(name: str, cells=head) -> int:
            return options.minor(place[name], currency)(cells[place[name]])

        lines = [
            PurchaseLine(
                name=said(cells[place["line name"]]), sku=said(cells[place["line sku"]]),
                quantity=float(cells[place["line quantity"]] or 1), unit_price_minor=minor("line price", cells),
                total_minor=minor("line total", cells), category=said(cells[place["line category"]]),
            )
            for _number, cells in group
            if cells[place["line total"]]
        ]  # fmt: skip
        refunds = tuple(
            (found["key"], int(found["minor"]), options.moment(found["at"]))
            for part in text("refunds told").split(" | ")
            if (found := _REFUND.fullmatch(part))
        )
        return Purchase(
            source=source_of(text("source"), SOURCE), number=base.order_number(text("number")),
            placed_at=base.required_moment(text("placed"), options), currency=currency, kind=text("kind") or "sale",
            total_minor=minor("total"), discount_minor=minor("discount"), shipping_minor=minor("shipping"),
            tax_minor=minor("tax"), refunded_minor=minor("refunded"), refunded_at=options.moment(text("refunded at")),
            payment=text("payment") or "paid", payment_word=text("payment word"),
            cancelled_at=options.moment(text("cancelled")), channel=text("channel"), coupon_code=text("coupon"),
            note=text("note"), lines=lines, refunds=refunds, person=_person(text, line_number), line_number=line_number,
        )  # fmt: skip

    return base.each(groups, purchase)


def _person(text, line_number: int) -> Person | None:
    key = text("customer source number") or text("regulars customer")
    if not key:
        return None
    return Person(
        source=source_of(text("customer source"), SOURCE), key=key, name=text("customer name"),
        email=text("customer email"), line_number=line_number,
    )  # fmt: skip
