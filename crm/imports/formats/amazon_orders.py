"""Amazon's order reports (new orders, unshipped orders, all orders): one row per item, tabs, no quoting.

`item-price` is the price of the whole line. No column holds the order's total: it is what the buyer paid for goods,
shipping and wrapping, less promotions. Taxes are kept beside it, as Amazon collects them or they are in the price.
The buyer's address is a relay of Amazon's: a key, which must never be written to. `All orders` names no buyer.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._marketplace import address, own_number, relay, said
from crm.imports.formats.base import Header, Needs, Options, Person, Purchase, PurchaseLine

SLUG = "amazon_orders"
LABEL = _("Amazon orders")
KIND = base.ORDERS
SOURCE = "amazon"

_ALIASES = {
    "number": ["order-id", "amazon-order-id"], "line": ["order-item-id"], "placed": ["purchase-date"],
    "paid": ["payments-date"], "email": ["buyer-email"], "name": ["buyer-name"], "phone": ["buyer-phone-number"],
    "name2": ["recipient-name"], "street": ["ship-address-1"], "street2": ["ship-address-2"],
    "street3": ["ship-address-3"], "city": ["ship-city"], "region": ["ship-state"], "zip": ["ship-postal-code"],
    "country": ["ship-country"], "currency": ["currency"], "sku": ["sku"], "item": ["product-name"],
    "quantity": ["quantity-purchased", "quantity"], "price": ["item-price"], "item_tax": ["item-tax"],
    "shipping": ["shipping-price"], "shipping_tax": ["shipping-tax"], "wrap": ["gift-wrap-price"],
    "wrap_tax": ["gift-wrap-tax"], "discount": ["item-promotion-discount"],
    "ship_discount": ["ship-promotion-discount"], "status": ["order-status"], "item_status": ["item-status"],
    "channel": ["sales-channel"],
}  # fmt: skip
_OF_THE_LINE = {
    "line", "sku", "item", "quantity", "price", "item_tax", "shipping", "shipping_tax", "wrap", "wrap_tax", "discount",
    "ship_discount", "item_status",
}  # fmt: skip
_PAYMENT = {
    "": "paid", "shipped": "paid", "shipping": "paid", "unshipped": "paid", "partially shipped": "paid",
    "partiallyshipped": "paid", "invoiceunconfirmed": "paid", "complete": "paid", "cancelled": "unpaid",
    "canceled": "unpaid", "pending": "unpaid", "pendingavailability": "unpaid", "unfulfillable": "unpaid",
}  # fmt: skip
_CANCELLED = {"cancelled", "canceled"}
_CURRENCIES = {  # of the marketplaces, for reports without a currency column
    ".com": "USD", ".ca": "CAD", ".com.mx": "MXN", ".com.br": "BRL", ".co.uk": "GBP", ".de": "EUR", ".fr": "EUR",
    ".it": "EUR", ".es": "EUR", ".nl": "EUR", ".ie": "EUR", ".com.be": "EUR", ".se": "SEK", ".pl": "PLN",
    ".com.tr": "TRY", ".co.jp": "JPY", ".in": "INR", ".com.au": "AUD", ".sg": "SGD", ".ae": "AED", ".sa": "SAR",
}  # fmt: skip


def sniff(header: Header) -> float:
    if header.find("order-id", "amazon-order-id") is None or not {"purchase-date", "item-price"} <= header.index.keys():
        return 0.0
    return 0.8 + 0.15 * header.share(["sku", "product-name", "item-tax", "ship-country"])


def needs(header: Header, mapping) -> Needs:
    amounts = ("item-price", "item-tax", "shipping-price", "item-promotion-discount")
    return Needs(
        order_key=own_number(header.find("order-id", "amazon-order-id")),
        amounts=tuple(header.index[name] for name in amounts if name in header),
        dates=(header.index["purchase-date"],),
    )


def parse(groups, options: Options):
    telling = "line" if "order-item-id" in options.header else "item"
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE, telling=telling)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    placed_at = base.required_moment(cells[column["placed"]], options)
    currency = base.currency_code(cells[column["currency"]], _currency(cells, column, options.currency))

    def summed(*names: str) -> int:
        return sum(
            options.minor(column[name], currency)(row[column[name]]) for _line, row in rows for name in names
        )

    lines = [_line(row, column, options, currency) for _line_number, row in rows]
    discount = abs(summed("discount", "ship_discount"))
    shipping = summed("shipping", "wrap")
    word = cells[column["status"]].strip()
    is_cancelled = word.casefold() in _CANCELLED or all(
        row[column["item_status"]].strip().casefold() in _CANCELLED for _line_number, row in rows
    )
    payment = _PAYMENT.get(word.casefold().split(" - ")[0], "unknown")
    options.warn("no_total_column", line_number)
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=max(sum(line.total_minor for line in lines) + shipping - abs(summed("ship_discount")), 0),
        discount_minor=discount, shipping_minor=shipping, tax_minor=summed("item_tax", "shipping_tax", "wrap_tax"),
        payment="unpaid" if is_cancelled else payment, payment_word=word,
        cancelled_at=placed_at if is_cancelled else None, channel=said(cells[column["channel"]]), lines=lines,
        person=_person(cells, column, line_number), line_number=line_number,
    )  # fmt: skip


def _line(cells, column, options: Options, currency: str) -> PurchaseLine:
    many = options.quantity(column["quantity"])(cells[column["quantity"]])
    whole = options.minor(column["price"], currency)(cells[column["price"]])
    discount = abs(options.minor(column["discount"], currency)(cells[column["discount"]]))
    unit = round(whole / many) if many else whole
    return PurchaseLine(said(cells[column["item"]]), said(cells[column["sku"]]), many, unit, whole - discount)


def _currency(cells, column, default: str) -> str:
    """Return the currency of the marketplace the order was placed on, as far as the row tells which."""
    for text in (cells[column["channel"]], relay(cells[column["email"]])):
        place = text.strip().lower().rpartition("amazon")[2]
        if place in _CURRENCIES and "amazon" in text.lower():
            return _CURRENCIES[place]
    return default


def _person(cells, column, line_number: int) -> Person | None:
    phone = said(cells[column["phone"]])
    person = Person(
        source=SOURCE,
        key=relay(cells[column["email"]]),
        name=base.person_name(said(cells[column["name"]]) or said(cells[column["name2"]])),
        email=address(cells[column["email"]]),
        phone="" if "ext" in phone.casefold() else phone,  # a number with an extension is a relay too
        street=base.person_name(*(said(cells[column[name]]) for name in ("street", "street2", "street3"))),
        postcode=said(cells[column["zip"]]),
        city=said(cells[column["city"]]),
        region=said(cells[column["region"]]),
        country=said(cells[column["country"]]),
        line_number=line_number,
    )
    return person if person.key or person.email or person.phone else None
