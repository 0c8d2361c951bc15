"""BigCommerce orders: one row per order with the items packed in `Product Details`, or one row per item.

The shop edits the template, so any column but number, date and total may be missing. "Incomplete" is an abandoned
checkout and no order. Day and month stand as the shop set them.
"""

import re

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._bigcommerce import SOURCE, customer_key, unpacker
from crm.imports.formats._marketplace import leave_out
from crm.imports.formats.base import Header, Needs, Options, Purchase, PurchaseLine, clean
from crm.orders.purchases import HEAD

SLUG = "bigcommerce_orders"
LABEL = _("BigCommerce orders")
KIND = base.ORDERS

_TOTAL = ["order total (inc tax)", "order total", "order total (ex tax)"]
_ALIASES = {
    "number": ["order id"], "customer": ["customer id"], "full_name": ["customer name"],
    "email": ["customer email", "billing email"], "email2": ["billing email"],
    "phone": ["customer phone", "billing phone"], "phone2": ["billing phone"], "placed": ["order date"],
    "status": ["order status"], "tax": ["tax total"], "shipping": ["shipping cost (inc tax)", "shipping cost (ex tax)"],
    "coupon": ["coupon details"], "total": _TOTAL, "currency": ["order currency code"],
    "note": ["customer message", "order notes"], "first": ["billing first name"], "last": ["billing last name"],
    "company": ["billing company"], "street": ["billing street 1", "billing address 1", "billing address line 1"],
    "street2": ["billing street 2", "billing address 2", "billing address line 2"],
    "city": ["billing suburb", "billing city"], "region": ["billing state"], "zip": ["billing zip"],
    "country": ["billing country"], "packed": ["product details"], "refunded": ["refund amount"],
    "channel": ["channel name"],
    "item": ["product name"], "sku": ["product sku"], "quantity": ["product qty", "product quantity"],
    "price": ["product unit price"], "line_total": ["product total price"], "product": ["product id"],
}  # fmt: skip
_OF_THE_LINE = {"item", "sku", "quantity", "price", "line_total", "product"}
_PAYMENT = {
    "": "paid", "awaiting fulfillment": "paid", "awaiting shipment": "paid", "awaiting pickup": "paid",
    "partially shipped": "paid", "shipped": "paid", "completed": "paid", "refunded": "refunded",
    "partially refunded": "partly_refunded", "pending": "unpaid", "awaiting payment": "unpaid",
    "declined": "unpaid", "cancelled": "unpaid", "canceled": "unpaid",
}  # fmt: skip
_unpack = unpacker(
    "Product ID", "Product Qty", "Product SKU", "Product Name", "Product Weight", "Product Variation Details",
    "Product Unit Price", "Product Total Price",
)  # fmt: skip
_COUPON = re.compile(r"coupon code:\s*([^,|]+)", re.IGNORECASE)


def sniff(header: Header) -> float:
    if not {"order id", "order date"} <= header.index.keys() or header.find(*_TOTAL) is None:
        return 0.0
    if header.find("order total (inc tax)", "order total (ex tax)", "product details", "billing suburb") is None:
        return 0.0
    own = ["order status", "subtotal (inc tax)", "subtotal (ex tax)", "product details", "order currency code"]
    own += ["customer email", "billing suburb", "order total (inc tax)"]
    return 0.4 + 0.55 * header.share(own) if header.share(own) > 0.25 else 0.0


def needs(header: Header, mapping) -> Needs:
    amounts = (header.find(*_TOTAL), header.find("product unit price"))
    return Needs(
        order_key=base.KeyIn(header.index["order id"]),
        amounts=tuple(index for index in amounts if index is not None),
        dates=(header.index["order date"],),
    )


def parse(groups, options: Options):
    status = options.columns(_ALIASES)["status"]
    orders = leave_out(
        groups, options, lambda cells: "skipped_abandoned" if clean(cells[status]).casefold() == "incomplete" else ""
    )
    return base.each_order(orders, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE, telling="product")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    word = clean(cells[column["status"]])
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["total"], currency)
    placed_at = base.required_moment(cells[column["placed"]], options)
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=base.required_total(cells[column["total"]], minor), shipping_minor=minor(cells[column["shipping"]]),
        tax_minor=minor(cells[column["tax"]]), refunded_minor=abs(minor(cells[column["refunded"]])),
        payment=_PAYMENT.get(word.casefold(), "unknown"), payment_word=word,
        cancelled_at=placed_at if word.casefold() in ("cancelled", "canceled") else None,
        channel=clean(cells[column["channel"]]), coupon_code=_coupon(cells[column["coupon"]]),
        note=cells[column["note"]].strip(),
        lines=_packed(cells[column["packed"]], minor, options) or base.lines_of(rows, column, options, currency),
        person=_person(cells, column, line_number), line_number=line_number,
        tells=HEAD if column["packed"] == column["item"] == options.missing else "",
    )  # fmt: skip


def _packed(cell: str, minor, options: Options) -> list[PurchaseLine]:
    quantity = options.quantity(options.missing)
    lines = []
    for item in _unpack(cell):
        many = quantity(item.get("product qty", ""))
        unit, said = minor(item.get("product unit price", "")), item.get("product total price", "")
        lines.append(
            PurchaseLine(
                name=item.get("product name", ""), sku=item.get("product sku", ""), quantity=many,
                unit_price_minor=unit, total_minor=minor(said) if said else round(unit * many),
            )
        )  # fmt: skip
    return lines


def _coupon(cell: str) -> str:
    codes = [clean(code) for code in _COUPON.findall(cell)]
    return ", ".join(codes) if codes else clean(cell) if ":" not in cell else ""


def _person(cells, column, line_number: int):
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, key=customer_key(cells[column["customer"]])
    )
    person.name = person.name or clean(cells[column["full_name"]])
    person.email = person.email or clean(cells[column["email2"]])
    person.phone = person.phone or clean(cells[column["phone2"]])
    return person
