"""Lazada orders: one row per piece, no quantity and no total of the order. Numbers of identity cards are dropped.

What was paid for each piece and its share of the shipping add up to the order.
"""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _china, _people, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, Purchase, PurchaseLine, clean
from crm.imports.values import is_scientific

SLUG = "lazada_orders"
LABEL = _("Lazada orders")
KIND = base.ORDERS
SOURCE = "lazada"

_ALIASES = {
    "number": ["ordernumber"], "piece": ["orderitemid"], "placed": ["createtime"], "item": ["itemname"],
    "kind": ["variation"], "sku": ["sellersku"], "sku2": ["lazadasku"], "paid": ["paidprice"], "price": ["unitprice"],
    "discount": ["sellerdiscounttotal"], "shipping": ["shippingfee"], "refunded": ["refundamount"],
    "status": ["status"], "email": ["customeremail"], "customer": ["customername"], "name": ["shippingname"],
    "name2": ["billingname"], "phone": ["shippingphone"], "phone2": ["billingphone"],
    "street": ["shippingaddress"], "city": ["shippingcity", "shippingaddress4"], "region": ["shippingaddress3"],
    "zip": ["shippingpostcode"], "country": ["shippingcountry"],
}  # fmt: skip
_OF_THE_LINE = {
    "piece", "item", "kind", "sku", "sku2", "paid", "price", "discount", "shipping", "refunded", "status",
}  # fmt: skip
_CANCELLED = {"canceled", "cancelled", "lost by 3pl", "damaged by 3pl"}
_GIVEN_BACK = {"returned", "package returned", "shipped back success", "refunded", "return completed"}
_UNPAID = {"unpaid", "failed", "delivery failed", "failed delivery", "shipped back", "in transit: returning to seller"}
_PAID = {
    "pending", "packed", "topack", "ready to ship", "toship", "shipped", "shipping", "delivered", "confirmed",
    "completed", "paid", "repacked",
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"ordernumber", "createtime", "paidprice"} <= header.index.keys():
        return 0.0
    return 0.75 + 0.2 * header.share(["orderitemid", "itemname", "sellersku", "shippingname", "status"])


def needs(header: Header, mapping) -> Needs:
    names = ("paidprice", "unitprice", "shippingfee", "refundamount")
    return Needs(
        order_key=base.KeyIn(header.index["ordernumber"]),
        amounts=tuple(header.index[name] for name in names if name in header),
        dates=(header.index["createtime"],),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    of_the_order = [
        index for name, index in column.items() if name not in _OF_THE_LINE and index != options.missing
    ]
    for group in groups:
        # Without a number for each piece, equal rows are pieces of one product, not one row twice.
        rows = group if column["piece"] == options.missing else base.once(group, column["piece"])
        try:
            yield _purchase(rows, base.merged(rows, of_the_order), column, options)
        except BadValue as error:
            yield from base.bad(group, error)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number, currency = rows[0][0], options.currency
    amounts = ("paid", "price", "discount", "shipping", "refunded")
    read = {name: options.minor(column[name], currency) for name in amounts}

    def minor(row, name: str) -> int:
        return read[name](row[column[name]])

    paid = [minor(row, "paid") for _number, row in rows]
    if min(paid) < 0:
        raise BadValue(_("The order's total is negative"))
    shipping = sum(minor(row, "shipping") for _number, row in rows)
    words = [clean(row[column["status"]]) for _number, row in rows]
    folded = [" ".join(word.casefold().replace("_", " ").split()) for word in words]
    still_open = [place for place, word in enumerate(folded) if word not in _CANCELLED]
    total, refunded = sum(paid) + shipping, 0
    for (_number, row), amount, word in zip(rows, paid, folded):
        said = abs(minor(row, "refunded"))
        refunded += said or (amount if word in _GIVEN_BACK or (still_open and word in _CANCELLED) else 0)
    refunded = min(refunded, total)
    payment = _payment(folded[still_open[0]] if still_open else "canceled")
    if refunded:
        payment = "refunded" if refunded >= sum(paid) else "partly_refunded"
    placed = base.required_moment(cells[column["placed"]], options)
    options.warn("no_total_column", line_number)
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed, currency=currency,
        total_minor=total, shipping_minor=shipping, refunded_minor=refunded, payment=payment,
        payment_word=words[still_open[0]] if still_open else words[0],
        discount_minor=sum(abs(minor(row, "discount")) for _number, row in rows),
        cancelled_at=None if still_open else placed,
        lines=_lines((row for _number, row in rows), paid, column, minor),
        person=_person(cells, column, line_number), line_number=line_number,
    )  # fmt: skip


def _payment(word: str) -> str:
    if word in _CANCELLED or word in _UNPAID:
        return "unpaid"
    return "paid" if word in _PAID or word in _GIVEN_BACK or not word else "unknown"


def _lines(rows: Iterable, amounts: list[int], column, minor) -> list[PurchaseLine]:
    """Return one line for all pieces of a product."""
    lines: dict[tuple, PurchaseLine] = {}
    for row, amount in zip(rows, amounts):
        name = _china.product_name(row[column["item"]], row[column["kind"]])
        sku = clean(row[column["sku"]]) or clean(row[column["sku2"]])
        unit = minor(row, "price") or amount
        line = lines.setdefault((sku, name, unit), PurchaseLine(name, sku, 0, unit, 0))
        line.quantity += 1
        line.total_minor += amount
    return [line for line in lines.values() if line.name or line.sku]


def _person(cells, column, line_number: int) -> Person | None:
    email = next(iter(_people.emails([cells[column["email"]]])), "")
    told = [_china.said(cells[column[name]]) for name in ("phone", "phone2")]
    phone = next((text for text in told if text and not is_scientific(text)), "")
    name = next(filter(None, (_china.said(cells[column[key]]) for key in ("name", "name2", "customer"))), "")
    if not (email or phone):
        return None
    return Person(
        source=SOURCE, name=name[:200], email=email, phone=phone, street=_china.said(cells[column["street"]]),
        city=_china.said(cells[column["city"]]), region=_china.said(cells[column["region"]]),
        postcode=_china.said(cells[column["zip"]]), country=_china.said(cells[column["country"]]),
        line_number=line_number,
    )  # fmt: skip
