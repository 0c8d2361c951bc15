"""TikTok Shop's orders: one row per SKU with the order's amounts repeated, below the header a row that describes it.

Numbers end in a tab. The buyer's name, phone and address are masked or not there; who bought is the user name, and
a masked user name is nobody's, since many share a mask.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._marketplace import address, amount, currency_of, handle, leave_out, own_number, said
from crm.imports.formats.base import Header, Needs, Options, Person, Purchase, PurchaseLine, clean

SLUG = "tiktok_orders"
LABEL = _("TikTok Shop orders")
KIND = base.ORDERS
SOURCE = "tiktok"

_ALIASES = {
    "number": ["order id"], "status": ["order status"], "substatus": ["order substatus"],
    "reversal": ["cancelation/return type", "cancellation/return type"], "sku_id": ["sku id"], "sku": ["seller sku"],
    "item": ["product name"], "variation": ["variation"], "quantity": ["quantity"],
    "price": ["sku unit original price"], "line_total": ["sku subtotal after discount"],
    "shipping": ["shipping fee after discount"], "tax": ["taxes"], "total": ["order amount"],
    "refunded": ["order refund amount"], "placed": ["created time"], "paid": ["paid time"],
    "shipped": ["shipped time"], "cancelled": ["cancelled time"], "email": ["buyer email"],
    "buyer": ["buyer username"], "name": ["recipient"], "phone": ["phone #"], "country": ["country"],
    "region": ["state", "province", "region"], "city": ["city", "regency and city", "municipality"],
    "zip": ["zipcode"], "street": ["address line 1", "detail address"],
    "street2": ["address line 2", "additional address information"], "note": ["buyer message"],
    "category": ["product category"], "platform_discount": ["payment platform discount"],
    "channel": ["purchase channel"],
}  # fmt: skip
_OF_THE_LINE = {"number", "sku_id", "sku", "item", "variation", "quantity", "price", "line_total", "category"}
_UNPAID = {"unpaid", "on hold", "belum dibayar", "未付款", "ยังไม่ชำระเงิน", "chưa thanh toán", "não pago"}
_CANCELLED = {"canceled", "cancelled", "dibatalkan", "已取消", "ยกเลิกแล้ว", "đã hủy", "cancelado", "cancel"}


def sniff(header: Header) -> float:
    if not {"order id", "order status", "created time"} <= header.index.keys():
        return 0.0
    marks = ["order substatus", "sku id", "sku unit original price", "order amount", "sku subtotal after discount"]
    return 0.75 + 0.2 * header.share(marks) if header.share(marks) >= 0.4 else 0.0


def needs(header: Header, mapping) -> Needs:
    amounts = ("order amount", "sku unit original price", "sku subtotal after discount", "order refund amount")
    return Needs(
        order_key=own_number(header.index["order id"]),
        amounts=tuple(header.index[name] for name in amounts if name in header),
        dates=(header.index["created time"],),
    )


def parse(groups, options: Options):
    number = options.header.index["order id"]

    def why(cells: list[str]) -> str:
        """Tell the row of descriptions: it has a sentence where an order has its number."""
        text = clean(cells[number])
        return "skipped_notes" if " " in text and not any(char.isdigit() for char in text) else ""

    wanted = leave_out(groups, options, why)
    return base.each_order(wanted, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE, telling="sku_id")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    placed_at = base.required_moment(clean(cells[column["placed"]]), options)
    currency = currency_of(cells[column["total"]] or cells[column["price"]], options.currency)
    lines = [_line(row, column, options, currency) for _line_number, row in rows]
    shipping = options.minor(column["shipping"], currency)(amount(cells[column["shipping"]]))
    if column["total"] == options.missing:
        total = sum(line.total_minor for line in lines) + shipping
        options.warn("no_total_column", line_number)
    else:
        total = base.required_total(amount(cells[column["total"]]), options.minor(column["total"], currency))
    word = clean(cells[column["status"]])
    cancelled = said(cells[column["cancelled"]])
    is_cancelled = bool(cancelled) or any(
        clean(cells[column[name]]).casefold() in _CANCELLED for name in ("status", "substatus", "reversal")
    )
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=total, shipping_minor=shipping,
        tax_minor=options.minor(column["tax"], currency)(amount(cells[column["tax"]])),
        refunded_minor=abs(options.minor(column["refunded"], currency)(amount(cells[column["refunded"]]))),
        payment=_payment(cells, column, options, is_cancelled), payment_word=word,
        cancelled_at=(options.moment(cancelled) if cancelled else placed_at) if is_cancelled else None,
        channel=said(cells[column["channel"]]), note=said(cells[column["note"]]), lines=lines,
        person=_person(cells, column, line_number), line_number=line_number,
    )  # fmt: skip


def _payment(cells, column, options: Options, is_cancelled: bool) -> str:
    """Return the payment: status words come in many languages, the times of paying and shipping in none."""
    if said(cells[column["paid"]]) or (not is_cancelled and said(cells[column["shipped"]])):
        return "paid"
    if is_cancelled or clean(cells[column["status"]]).casefold() in _UNPAID or column["paid"] != options.missing:
        return "unpaid"
    return "unknown"


def _line(cells, column, options: Options, currency: str) -> PurchaseLine:
    many = options.quantity(column["quantity"])(clean(cells[column["quantity"]]))
    unit = options.minor(column["price"], currency)(amount(cells[column["price"]]))
    after = amount(cells[column["line_total"]])
    total = options.minor(column["line_total"], currency)(after) if said(after) else round(unit * many)
    variation = said(cells[column["variation"]])
    name = said(cells[column["item"]]) + (f" ({variation})" if variation and variation != "Default" else "")
    sku = said(cells[column["sku"]]) or said(cells[column["sku_id"]])
    return PurchaseLine(name, sku, many, unit, total, said(cells[column["category"]]))


def _person(cells, column, line_number: int) -> Person | None:
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, key=handle(cells[column["buyer"]]),
        email=address(cells[column["email"]]),
        **{name: handle(cells[column[name]]) for name in ("name", "phone", "street", "city", "region", "country")},
        postcode=handle(cells[column["zip"]]),
    )  # fmt: skip
    return person if person.key or person.email or person.phone else None
