"""Rows a format leaves out by its own rule: never silently, each kind counted and put into words.

A format says `options.warn(code, line_number)` once for each such row, with a code of these.
"""

from django.utils.translation import ngettext

PREFIX = "skipped_"


def sentence(code: str, count: int, line_number: int) -> str:
    """Return what to tell the owner about the rows left out under a code."""
    match code:
        case "skipped_fees":
            text = ngettext(
                "%(count)s row is a fee, a payout, a transfer or the like, not a sale, and was left out (line"
                " %(line)s).",
                "%(count)s rows are fees, payouts, transfers and the like, not sales, and were left out (first on line"
                " %(line)s).",
                count,
            )  # fmt: skip
        case "skipped_money_out":
            text = ngettext(
                "%(count)s row is a payment the shop made itself, or its return, and was left out (line %(line)s).",
                "%(count)s rows are payments the shop made itself, or their return, and were left out (first on line"
                " %(line)s).",
                count,
            )  # fmt: skip
        case "skipped_attempts":
            text = ngettext(
                "%(count)s row is a payment that did not go through and was left out (line %(line)s).",
                "%(count)s rows are payments that did not go through and were left out (first on line %(line)s).",
                count,
            )
        case "skipped_tests":
            text = ngettext(
                "%(count)s row is a test, not a sale, and was left out (line %(line)s).",
                "%(count)s rows are tests, not sales, and were left out (first on line %(line)s).",
                count,
            )
        case "skipped_notes":
            text = ngettext(
                "%(count)s row holds notes, not an order, and was left out (line %(line)s).",
                "%(count)s rows hold notes, not orders, and were left out (first on line %(line)s).",
                count,
            )
        case "skipped_abandoned":
            text = ngettext(
                "%(count)s row is a checkout nobody finished, not an order, and was left out (line %(line)s).",
                "%(count)s rows are checkouts nobody finished, not orders, and were left out (first on line %(line)s).",
                count,
            )
        case "skipped_suppliers":
            text = ngettext(
                "%(count)s row is the address of a maker or supplier, not of a customer, and was left out (line"
                " %(line)s).",
                "%(count)s rows are addresses of makers or suppliers, not of customers, and were left out (first on"
                " line %(line)s).",
                count,
            )  # fmt: skip
        case _:
            raise KeyError(code)
    return text % {"count": count, "line": line_number}


def count(warned: dict[str, list[int]]) -> int:
    """Return how many rows were left out, of all that a run was warned of."""
    return sum(number for code, (number, _line) in warned.items() if code.startswith(PREFIX))
