"""Stripe's payments: one row per payment, amounts in whole units of a currency in lower case.

Payments of the test mode and attempts that never became a payment are left out and counted. What was given back stands
in a column. The tick at checkout (opt_in) is a yes; opt_out is a box left empty, which is no answer.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._marketplace import leave_out, moment, own_number, said
from crm.imports.formats.base import Header, Needs, Options, Person, Purchase, PurchaseLine

SLUG = "stripe_payments"
LABEL = _("Stripe payments")
KIND = base.ORDERS
SOURCE = "stripe"

_PLACED = ["created date (utc)", "created (utc)", "created utc", "created"]
_ALIASES = {
    "number": ["id"], "placed": _PLACED, "amount": ["amount"], "refunded": ["amount refunded"],
    "refunded_at": ["refunded date (utc)"], "currency": ["currency"], "status": ["status"], "captured": ["captured"],
    "mode": ["mode"], "livemode": ["livemode"], "item": ["description"], "customer": ["customer id", "customer"],
    "email": ["customer email"], "phone": ["customer phone", "shipping phone"],
    "name": ["customer name", "shipping name", "card name", "customer description"],
    "street": ["shipping address line1", "card address line1"],
    "street2": ["shipping address line2", "card address line2"],
    "city": ["shipping address city", "card address city"],
    "zip": ["shipping address postal code", "card address zip"],
    "region": ["shipping address state", "card address state"],
    "country": ["shipping address country", "card address country", "card issue country"],
    "consent": ["checkout promotional consent"], "dispute": ["dispute status"], "disputed": ["disputed amount"],
    "invoice": ["invoice number"],
}  # fmt: skip
_PAYMENT = {
    "paid": "paid", "succeeded": "paid", "": "paid", "refunded": "refunded", "partially refunded": "partly_refunded",
    "partial refund": "partly_refunded", "partially_refunded": "partly_refunded", "pending": "unpaid",
    "processing": "unpaid", "uncaptured": "unpaid", "requires capture": "unpaid", "disputed": "paid",
    "dispute won": "paid", "dispute lost": "refunded", "lost dispute": "refunded", "won dispute": "paid",
}  # fmt: skip
_NEVER = {"failed", "canceled", "cancelled", "incomplete", "expired", "blocked", "early fraud warning"}


def sniff(header: Header) -> float:
    if not {"id", "amount", "currency", "status"} <= header.index.keys() or header.find(*_PLACED) is None:
        return 0.0
    marks = ["amount refunded", "customer id", "paymentintent id", "captured", "seller message", "customer email"]
    return 0.65 + 0.3 * header.share(marks) if header.share(marks) >= 0.3 else 0.0


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=own_number(header.index["id"]),
        amounts=tuple(header.index[name] for name in ("amount", "amount refunded") if name in header),
        dates=(header.find(*_PLACED),),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)

    def why(cells: list[str]) -> str:
        if cells[column["mode"]].strip().casefold() == "test" or base.is_no(cells[column["livemode"]]):
            return "skipped_tests"
        word = _folded(cells[column["status"]])
        return "skipped_attempts" if word in _NEVER or word.startswith(("requires payment", "requires action")) else ""

    wanted = leave_out(groups, options, why)
    return base.each_order(wanted, options, _ALIASES, _purchase, of_the_line=(), telling="number")


def _folded(word: str) -> str:
    return word.strip().casefold().replace("_", " ")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["amount"], currency)
    total = base.required_total(cells[column["amount"]], minor)
    refunded = abs(options.minor(column["refunded"], currency)(cells[column["refunded"]]))
    if cells[column["dispute"]].strip().casefold() == "lost":
        refunded += abs(options.minor(column["disputed"], currency)(cells[column["disputed"]])) or total
    word = cells[column["status"]].strip()
    payment = _PAYMENT.get(_folded(word), "unknown")
    if payment == "paid" and base.is_no(cells[column["captured"]]):
        payment = "unpaid"  # an authorisation that was never captured
    refunded_at = said(cells[column["refunded_at"]])
    name = said(cells[column["item"]])
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), currency=currency, total_minor=total,
        placed_at=_utc(cells[column["placed"]], options), refunded_minor=refunded,
        refunded_at=_utc(refunded_at, options) if refunded_at else None, payment=payment, payment_word=word,
        note=said(cells[column["invoice"]]), lines=[PurchaseLine(name, "", 1, total, total)] if name else [],
        person=_person(cells, column, line_number), line_number=line_number,
    )  # fmt: skip


def _utc(text: str, options: Options):
    return moment(text, "", "Etc/UTC", options)


def _person(cells, column, line_number: int) -> Person | None:
    ticked = cells[column["consent"]].strip().casefold().replace("-", "_") in ("opt_in", "opted_in")
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, key=said(cells[column["customer"]]),
        email=said(cells[column["email"]]), consent="yes" if ticked else "",
        consent_detail="Stripe: Checkout Promotional Consent = opt_in" if ticked else "",
    )  # fmt: skip
    return person if person.key or person.email or person.phone else None
