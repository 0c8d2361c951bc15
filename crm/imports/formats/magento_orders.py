"""Magento 2 orders, exported from the grid: one row per order, no items, the address in one cell.

The number keeps its zeros. Amounts are in the shop's own currency (`Base`), the one its totals are counted in.
"closed" means money was given back: as much as `Total Refunded` says, else all.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats.base import Header, Needs, Options, Purchase, clean
from crm.orders.purchases import HEAD

SLUG = "magento_orders"
LABEL = _("Magento 2 orders")
KIND = base.ORDERS
SOURCE = "magento"

_TOTAL = ["grand total (base)", "grand total (purchased)", "grand total"]
_ALIASES = {
    "number": ["id", "order #"], "channel": ["purchase point"], "placed": ["purchase date"],
    "bill_to": ["bill-to name"], "name": ["customer name"], "email": ["customer email"], "total": _TOTAL,
    "status": ["status"], "shipping": ["shipping and handling"], "refunded": ["total refunded"],
    "address": ["billing address"],
}  # fmt: skip
_PAYMENT = {
    "": "paid", "complete": "paid", "processing": "paid", "closed": "refunded", "pending": "unpaid",
    "pending payment": "unpaid", "pending paypal": "unpaid", "holded": "unpaid", "on hold": "unpaid",
    "payment review": "unpaid", "suspected fraud": "unpaid", "fraud": "unpaid", "canceled": "unpaid",
    "cancelled": "unpaid",
}  # fmt: skip


def sniff(header: Header) -> float:
    if "purchase date" not in header or header.find("id", "order #") is None or header.find(*_TOTAL) is None:
        return 0.0
    own = ["purchase point", "bill-to name", "ship-to name", "customer email", "grand total (base)", "status"]
    return 0.55 + 0.4 * header.share(own)


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.find("id", "order #")),
        amounts=(header.find(*_TOTAL),),
        dates=(header.index["purchase date"],),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=(), telling="number")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    currency = base.currency_in(cells[column["total"]], options.currency)
    minor = options.minor(column["total"], currency)
    word = clean(cells[column["status"]])
    placed_at = base.required_moment(cells[column["placed"]], options)
    folded = base.fold(word)
    person = base.person_of(cells, column, source=SOURCE, line_number=line_number)
    person.name = person.name or clean(cells[column["bill_to"]])
    person.street = clean(" ".join(cells[column["address"]].split()))[:200]
    refunded = abs(minor(cells[column["refunded"]]))
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=base.required_total(cells[column["total"]], minor),
        shipping_minor=minor(cells[column["shipping"]]), refunded_minor=refunded,
        payment="paid" if folded == "closed" and refunded else _PAYMENT.get(folded, "unknown"), payment_word=word,
        cancelled_at=placed_at if folded in ("canceled", "cancelled") else None,
        channel=clean(cells[column["channel"]].split("\n")[-1]), person=person if person.email else None,
        line_number=line_number, tells=HEAD,
    )  # fmt: skip
