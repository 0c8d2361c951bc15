"""What PrestaShop's files share: its name, and the words of an order's status in the languages shops run in.

Statuses can be renamed by the shop; one that is not among the words PrestaShop installs is unknown.
"""

from crm.imports.formats.base import fold

SOURCE = "prestashop"

_PAID = """
payment accepted; remote payment accepted; payment remotely accepted; processing in progress; preparation in progress
shipped; delivered; partial delivery; payment authorized and captured
paiement accepté; paiement à distance accepté; en cours de préparation; expédié; livré
zahlung eingegangen; zahlung ausserhalb von prestashop eingegangen; zahlung ausserhalb von thirty bees eingegangen
bestellung in bearbeitung; in bearbeitung; bestellung versandt; versandt; versendet; bestellung ausgeliefert
ausgeliefert; geliefert; zugestellt
pago aceptado; pago a distancia aceptado; pago remoto aceptado; preparación en proceso; preparación en curso
enviado; entregado
pagamento accettato; pagamento remoto accettato; preparazione in corso; spedito; consegnato
betaling aanvaard; betaling geaccepteerd; betaling op afstand aanvaard; wordt momenteel voorbereid
in voorbereiding; verzonden; afgeleverd; geleverd
płatność zaakceptowana; płatność przyjęta; przygotowanie w toku; przygotowanie w trakcie realizacji
wysłane; dostarczone
pagamento aceite; preparação em curso; enviada; entregue
"""
_CANCELLED = """
canceled; cancelled; annulé; annulée; storniert; bestellung storniert; cancelado; annullato; geannuleerd; anulowane
anulowano; cancelada
"""
_REFUNDED = """
refunded; refund; remboursé; remboursement; erstattet; zahlung erstattet; rückerstattet; reembolsado; reembolso
rimborsato; rimborso; terugbetaald; terugbetaling; zwrot; zwrócono; reembolsada
"""
_UNPAID_BEGINS = (
    "awaiting", "payment error", "on backorder", "en attente", "erreur", "warten",
    "fehler", "artikel nicht auf lager", "in attesa", "errore", "error", "en espera", "a la espera", "wachten",
    "in afwachting", "betalingsfout", "fout", "oczekiwanie", "błąd", "a aguardar", "erro ",
)  # fmt: skip
_UNPAID_ENDS = ("pendiente",)
_PAID_ENDS = ("(paid)", "(payé)", "(bezahlt)", "(pagado)", "(pagato)", "(betaald)", "(pago)")


def _words(text: str) -> set[str]:
    return {fold(word) for row in text.split("\n") for word in row.split(";") if word.strip()}


_PAYMENT = (
    dict.fromkeys(_words(_PAID), "paid")
    | dict.fromkeys(_words(_CANCELLED), "unpaid")
    | dict.fromkeys(_words(_REFUNDED), "refunded")
    | {"in attesa di rifornimento": "unknown"}  # paid or not: the word does not tell
    | {"": "paid", "partial refund": "partly_refunded", "partially refunded": "partly_refunded"}
    | {"remboursement partiel": "partly_refunded", "partial payment": "partly_paid", "paiement partiel": "partly_paid"}
)
_GONE = _words(_CANCELLED)


def payment_of(word: str) -> str:
    """Return our word for a status."""
    folded = fold(word)
    if folded in _PAYMENT:
        return _PAYMENT[folded]
    if folded.endswith(_PAID_ENDS):
        return "paid"
    return "unpaid" if folded.startswith(_UNPAID_BEGINS) or folded.endswith(_UNPAID_ENDS) else "unknown"


def is_cancelled(word: str) -> bool:
    return fold(word) in _GONE
