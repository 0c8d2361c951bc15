"""Money is exact: a Decimal outside, an integer of minor units inside."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.lib import money


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", "EUR", 1250),
        ("0.005", "EUR", 0),  # half to even
        ("0.015", "EUR", 2),
        ("-0.015", "EUR", -2),
        ("1250", "JPY", 1250),
        ("1.2345", "KWD", 1234),
        ("1.2355", "KWD", 1236),
        ("99999999999999.99", "USD", 9999999999999999),
    ],
)
def test_amounts_become_minor_units(amount, currency, minor):
    assert money.to_minor(Decimal(amount), currency) == minor


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_minor_units_come_back_as_they_went(minor, currency):
    amount = money.from_minor(minor, currency)
    assert money.to_minor(amount, currency) == minor
    assert -amount.as_tuple().exponent == money.digits(currency)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1234.50", "1234.50"), (" 12 ", "12"), ("-3.5", "-3.5"), ("+7", "7"), ("１２．５", "12.5"), ("0.000001", "0.000001")],
)
def test_plain_amounts_are_read(text, expected):
    assert money.read_plain(text) == Decimal(expected)


@pytest.mark.parametrize(
    "text", ["", "1,234.50", "12,50", "1.234.567", "€5", "5 €", "1e3", "NaN", "Infinity", ".5", "5.", "1" * 16, "٣", "--1"]
)
def test_amounts_that_would_need_a_guess_are_refused(text):
    with pytest.raises(money.BadMoney):
        money.read_plain(text)
