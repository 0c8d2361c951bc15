"""Statements of payouts and fees, which are no orders: known, so that they are refused with a word on what to take.

Read as orders they would count every fee as a purchase, and each sale once more beside the platform's own file.
"""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats.base import BadRow, Header, Needs, Options
from crm.imports.refusals import NotReadable

SLUG = "ledgers"
LABEL = _("A statement of payouts and fees (not orders)")
KIND = base.ORDERS
SOURCE = "ledger"

_LEDGERS = (  # the names of columns that tell it, and what to say
    (
        {"title", "info", "fees & taxes", "net", "tax details"},
        _("This is Etsy's monthly statement: fees and payouts, not orders. Download “Sold orders” and “Sold order"
          " items” under Settings, Options, Download data."),
    ),
    (
        {"payment id", "buyer username", "order id", "gross amount", "net amount"},
        _("This is Etsy's list of payments, not orders. Download “Sold orders” and “Sold order items” under Settings,"
          " Options, Download data."),
    ),
    (
        {"balance transaction id", "reporting category"},
        _("This is Stripe's balance report: it names no customers. Export Payments and Customers instead."),
    ),
    *(
        (names, _("This is Amazon's settlement report: fees and payouts, not orders. Take the order report instead."))
        for names in (
            {"settlement id", "type", "order id", "product sales"},
            {"settlement-id", "transaction-type", "order-id"},
            {"abrechnungsnummer", "typ", "bestellnummer", "umsätze"},
            {"date/heure", "type", "ventes de produits"},
            {"data/ora:", "tipo", "vendite"},
            {"fecha y hora", "tipo", "ventas de productos"},
        )
    ),
    (
        {"transaction id", "kind", "processed at", "gateway"},
        _("This is Shopify's list of payment transactions, not orders. Export Orders instead."),
    ),
    (
        {"payout id", "payout date", "payout status", "charges"},
        _("This is a list of payouts, not orders. Export the orders or the transactions instead."),
    ),
)  # fmt: skip


def sniff(header: Header) -> float:
    return 0.97 if _sentence(header) else 0.0


def _sentence(header: Header) -> str:
    return next((str(sentence) for names, sentence in _LEDGERS if names <= header.index.keys()), "")


def needs(header: Header, mapping) -> Needs:
    raise NotReadable(_sentence(header))


def parse(groups, options: Options) -> Iterator[BadRow]:
    raise NotReadable(_sentence(options.header))
