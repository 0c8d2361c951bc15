"""PrestaShop's list of orders: one row per order, in the shop's language, without items and without e-mail.

The customer stands there as an initial and a family name, which many people share, so the order is kept without
a customer and the name as its note. `Reference` is shared by the parts of a split order; `ID` is the key.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._prestashop import SOURCE, is_cancelled, payment_of
from crm.imports.formats.base import Header, Needs, Options, Purchase, clean
from crm.orders.purchases import HEAD

SLUG = "prestashop_orders"
LABEL = _("PrestaShop orders")
KIND = base.ORDERS

_ALIASES = {
    "number": ["id"],
    "reference": ["reference", "référence", "bestellnr.", "referenz", "bestell-nr.", "referencia", "riferimento",
                  "referentie", "indeks", "referência"],
    "new": ["new client", "new customer", "nouveau client", "neukunde", "neuer kunde", "nuevo cliente", "nuovo cliente",
            "nieuwe klant", "nowy klient", "novo cliente"],
    "delivery": ["delivery", "livraison", "lieferung", "entrega", "consegna", "levering", "dostawa"],
    "customer": ["customer", "client", "kunde", "cliente", "klant", "klient"],
    "total": ["total", "gesamt", "gesamtbetrag", "totale", "totaal", "razem", "łącznie", "summe"],
    "payment": ["payment", "paiement", "zahlung", "zahlungsart", "pago", "pagamento", "betaling", "płatność"],
    "status": ["status", "état", "estado", "stato", "stan"],
    "placed": ["date", "datum", "fecha", "data"],
    "company": ["company", "société", "entreprise", "firma", "unternehmen", "empresa", "azienda", "bedrijf"],
}  # fmt: skip


def sniff(header: Header) -> float:
    needed = [header.find(*_ALIASES[field]) for field in ("number", "reference", "total", "placed")]
    if None in needed or needed[0] != 0:
        return 0.0
    rest = [header.find(*_ALIASES[field]) is not None for field in ("new", "delivery", "customer", "payment", "status")]
    return 0.45 + 0.1 * sum(rest) if sum(rest) >= 3 and any(rest[:2]) else 0.0


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.index["id"]),
        amounts=(header.find(*_ALIASES["total"]),),
        dates=(header.find(*_ALIASES["placed"]),),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=(), telling="number")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number, said = rows[0][0], cells[column["total"]]
    currency = base.currency_in(said, options.currency)
    word = clean(cells[column["status"]])
    placed_at = base.required_moment(cells[column["placed"]], options)
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=base.required_total(said, options.minor(column["total"], currency)),
        payment=payment_of(word), payment_word=word, cancelled_at=placed_at if is_cancelled(word) else None,
        note=", ".join(filter(None, (clean(cells[column[field]]) for field in ("reference", "customer", "company")))),
        tells=HEAD, line_number=line_number,
    )  # fmt: skip
