"""Gumroad's sales: one row per purchase, yes and no as 1 and 0, a row of totals at the end.

`Sale Price ($)` is what the whole purchase came to. "Do not contact?" is an explicit status: 1 is a no, 0 is no answer.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._marketplace import leave_out, moment, own_number, said
from crm.imports.formats.base import Header, Needs, Options, Person, Purchase, PurchaseLine, is_yes

SLUG = "gumroad_sales"
LABEL = _("Gumroad sales")
KIND = base.ORDERS
SOURCE = "gumroad"

_ALIASES = {
    "number": ["purchase id"], "item": ["item name"], "variants": ["variants"], "sku": ["sku id"],
    "quantity": ["quantity"], "name": ["buyer name"], "email": ["purchase email", "buyer email"],
    "contact": ["do not contact?", "do not contact"], "date": ["purchase date"],
    "time": ["purchase time (utc timezone)", "purchase time"], "subtotal": ["subtotal ($)"], "tax": ["taxes ($)"],
    "shipping": ["shipping ($)"], "total": ["sale price ($)"], "street": ["street address"], "city": ["city"],
    "zip": ["zip code"], "region": ["state"], "country": ["country"], "channel": ["referrer"],
    "partial": ["partial refund ($)"], "refunded": ["fully refunded?"], "disputed": ["disputed?"],
    "won": ["dispute won?"], "coupon": ["discount code"], "trial": ["free trial purchase?"],
    "preorder": ["pre-order authorization?"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"purchase id", "item name", "sale price ($)", "purchase date"} <= header.index.keys():
        return 0.0
    return 0.8 + 0.15 * header.share(["purchase email", "net total ($)", "fully refunded?", "do not contact?"])


def needs(header: Header, mapping) -> Needs:
    amounts = ("sale price ($)", "subtotal ($)", "partial refund ($)")
    return Needs(
        order_key=own_number(header.index["purchase id"]),
        amounts=tuple(header.index[name] for name in amounts if name in header),
        dates=(header.index["purchase date"],),
    )


def parse(groups, options: Options):
    number = options.header.index["purchase id"]
    wanted = leave_out(groups, options, lambda cells: "skipped_notes" if cells[number].strip() == "Totals" else "")
    return base.each_order(wanted, options, _ALIASES, _purchase, of_the_line=(), telling="number")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    minor = options.minor(column["total"], "USD")
    total = base.required_total(cells[column["total"]], minor)
    refunded = abs(minor(cells[column["partial"]]))
    lost = is_yes(cells[column["disputed"]]) and not is_yes(cells[column["won"]])
    if is_yes(cells[column["refunded"]]) or lost:
        refunded = total
    word = next((name for name in ("trial", "preorder", "disputed") if is_yes(cells[column[name]])), "")
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), currency="USD", total_minor=total,
        placed_at=moment(cells[column["date"]], cells[column["time"]], "UTC", options),
        shipping_minor=minor(cells[column["shipping"]]), tax_minor=minor(cells[column["tax"]]), refunded_minor=refunded,
        payment="unpaid" if word in ("trial", "preorder") else "refunded" if refunded and refunded >= total else "paid",
        payment_word=word, coupon_code=said(cells[column["coupon"]]), channel=said(cells[column["channel"]]),
        lines=[_line(cells, column, options, total)], person=_person(cells, column, line_number),
        line_number=line_number,
    )  # fmt: skip


def _line(cells, column, options: Options, total: int) -> PurchaseLine:
    many = options.quantity(column["quantity"])(cells[column["quantity"]])
    subtotal = cells[column["subtotal"]]
    goods = options.minor(column["subtotal"], "USD")(subtotal) if said(subtotal) else total
    variants = said(cells[column["variants"]]).strip("()")
    name = said(cells[column["item"]]) + (f" ({variants})" if variants else "")
    return PurchaseLine(name, said(cells[column["sku"]]), many, round(goods / many) if many else goods, goods)


def _person(cells, column, line_number: int) -> Person:
    refuses = is_yes(cells[column["contact"]])
    return base.person_of(
        cells, column, source=SOURCE, line_number=line_number, consent="no" if refuses else "",
        consent_detail="Gumroad: Do not contact? = 1" if refuses else "",
    )  # fmt: skip
