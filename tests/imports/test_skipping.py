"""Rows left out by a format's rule are counted and put into words."""

import re
from pathlib import Path

import pytest

from crm.imports import formats, skipping
from crm.imports.formats import paypal_activity

from .formats import test_paypal_activity as paypal

FOLDER = Path(formats.__file__).parent
CODES = sorted({code for path in FOLDER.glob("*.py") for code in re.findall(r'"(skipped_\w+)"', path.read_text())})


@pytest.mark.parametrize("code", CODES)
def test_every_code_a_format_uses_has_its_words(code):
    one, many = skipping.sentence(code, 1, 7), skipping.sentence(code, 3, 7)
    assert (one.startswith("1 row "), many.startswith("3 rows ")) == (True, True)
    assert ("line 7" in one, "first on line 7" in many) == (True, True)


def test_an_unknown_code_is_a_mistake():
    with pytest.raises(KeyError):
        skipping.sentence("skipped_something", 1, 1)


def test_the_owner_is_told(take, db):
    rows = [
        paypal.ROW,
        {**paypal.ROW, "Transaction ID": "T2", "Type": "General Currency Conversion"},
        {**paypal.ROW, "Transaction ID": "T3", "Gross": "-9.00"},
        {**paypal.ROW, "Transaction ID": "T4", "Gross": "nothing"},
    ]
    result = take(paypal.table(*rows), currency="USD").result
    assert (result["format"], result["rows"], result["orders"]["created"], result["rejected"], result["skipped"]) == (
        paypal_activity.SLUG, 4, 1, 1, 2,
    )  # fmt: skip
    assert result["warnings"][-2:] == [
        "1 row is a fee, a payout, a transfer or the like, not a sale, and was left out (line 3).",
        "1 row is a payment the shop made itself, or its return, and was left out (line 4).",
    ]
