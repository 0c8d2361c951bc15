"""OpenCart orders, as export extensions write its order table: one row per order, or one per product.

OpenCart keeps an order's amounts in the shop's own currency beside the buyer's currency and its rate
(`currency_value`); where that is not 1, the amounts are the shop's. Status 0 is a checkout nobody finished.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._marketplace import leave_out
from crm.imports.formats.base import Header, Needs, Options, Purchase, clean
from crm.imports.values import read_amount
from crm.orders.purchases import HEAD

SLUG = "opencart_orders"
LABEL = _("OpenCart orders")
KIND = base.ORDERS
SOURCE = "opencart"

_PLACED = ["date added", "date of purchase", "order date"]
_TOTAL = ["total", "order total", "total (price)"]
_ALIASES = {
    "number": ["order id"], "customer": ["customer id"], "full_name": ["customer", "customer name"],
    "first": ["firstname", "payment firstname"], "last": ["lastname", "payment lastname"],
    "email": ["email", "customer email"], "phone": ["telephone", "customer telephone"],
    "company": ["payment company", "customer company"], "street": ["payment address 1"],
    "street2": ["payment address 2"], "city": ["payment city"], "zip": ["payment postcode"],
    "region": ["payment zone"], "country": ["payment country"], "note": ["comment"], "total": _TOTAL,
    "status": ["order status", "status", "order status id"], "currency": ["currency code"], "rate": ["currency value"],
    "placed": _PLACED, "channel": ["store name"], "shipping": ["shipping total", "shipping cost"],
    "tax": ["tax total", "total tax"], "coupon": ["coupon", "coupon code"],
    "item": ["product name", "product", "name"], "sku": ["sku", "product sku", "model", "product model"],
    "quantity": ["quantity", "product quantity"], "price": ["price", "product price"],
    "line_total": ["product total", "line total"],
}  # fmt: skip
_OF_THE_LINE = {"item", "sku", "quantity", "price", "line_total"}
_PAYMENT = {
    "": "paid", "processing": "paid", "processed": "paid", "shipped": "paid", "complete": "paid", "completed": "paid",
    "canceled reversal": "paid", "pending": "unpaid", "denied": "unpaid", "failed": "unpaid", "expired": "unpaid",
    "voided": "unpaid", "canceled": "unpaid", "cancelled": "unpaid", "refunded": "refunded", "reversed": "refunded",
    "chargeback": "refunded",
}  # fmt: skip
_STATUS = {  # of a fresh installation
    "1": "pending", "2": "processing", "3": "shipped", "5": "complete", "7": "canceled", "8": "denied",
    "9": "canceled reversal", "10": "failed", "11": "refunded", "12": "reversed", "13": "chargeback", "14": "expired",
    "15": "processed", "16": "voided",
}  # fmt: skip


def sniff(header: Header) -> float:
    if "order id" not in header or header.find(*_PLACED) is None or header.find(*_TOTAL) is None:
        return 0.0
    own = ["telephone", "date added", "store name", "payment zone", "payment address 1", "order status id"]
    own += ["customer telephone", "firstname", "currency value", "invoice no", "payment firstname"]
    count = sum(name in header for name in own)
    return min(0.5 + 0.1 * count, 0.95) if count >= 2 else 0.0


def needs(header: Header, mapping) -> Needs:
    amounts = (header.find(*_TOTAL), header.find(*_ALIASES["price"]))
    return Needs(
        order_key=base.KeyIn(header.index["order id"]),
        amounts=tuple(index for index in amounts if index is not None),
        dates=(header.find(*_PLACED),),
    )


def parse(groups, options: Options):
    status = options.columns(_ALIASES)["status"]
    orders = leave_out(groups, options, lambda cells: "skipped_abandoned" if clean(cells[status]) == "0" else "")
    return base.each_order(orders, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    said = clean(cells[column["status"]])
    word = _STATUS.get(said, said).casefold()
    currency = base.currency_code(cells[column["currency"]], options.currency)
    if (read_amount(cells[column["rate"]], ".") or 1) != 1:
        currency = options.currency
    minor = options.minor(column["total"], currency)
    placed_at = base.required_moment(cells[column["placed"]], options)
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=base.required_total(cells[column["total"]], minor), shipping_minor=minor(cells[column["shipping"]]),
        tax_minor=minor(cells[column["tax"]]), payment=_PAYMENT.get(word, "unknown"), payment_word=said,
        cancelled_at=placed_at if word in ("canceled", "cancelled") else None, channel=clean(cells[column["channel"]]),
        coupon_code=clean(cells[column["coupon"]]), note=cells[column["note"]].strip(),
        lines=base.lines_of(rows, column, options, currency), person=_person(cells, column, line_number),
        line_number=line_number, tells=HEAD if column["item"] == options.missing else "",
    )  # fmt: skip


def _person(cells, column, line_number: int):
    number = clean(cells[column["customer"]])
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number,
        key=number if number.isdecimal() and int(number) > 0 else "",
    )  # fmt: skip
    person.name = person.name or clean(cells[column["full_name"]])
    return person
