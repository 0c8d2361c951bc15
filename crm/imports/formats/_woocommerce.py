"""What the WooCommerce layouts share: the words of an order's status."""

from crm.imports.values import clean

SOURCE = "woocommerce"

_PAYMENT = {
    "completed": "paid", "processing": "paid", "refunded": "refunded", "on-hold": "unpaid", "pending": "unpaid",
    "pending payment": "unpaid", "failed": "unpaid", "cancelled": "unpaid", "canceled": "unpaid", "draft": "unpaid",
    "checkout-draft": "unpaid", "": "paid",
}  # fmt: skip


def payment_of(word: str) -> str:
    """Return our word for a status; only completed and processing orders are paid."""
    folded = word.strip().casefold().removeprefix("wc-").replace("on hold", "on-hold")
    return _PAYMENT.get(folded, "unknown")


def is_cancelled(word: str) -> bool:
    return word.strip().casefold().removeprefix("wc-") in {"cancelled", "canceled"}


def customer_key(text: str) -> str:
    """Return a customer's number; guests have 0 or none."""
    number = clean(text)
    return number if number.isdecimal() and number.strip("0") else ""
