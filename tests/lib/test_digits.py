import pytest

from crm.lib import digits


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", True), ("7", True), ("9" * 18, True), ("9" * 19, False), ("", False), ("-1", False), ("²", False), ("٣", False), (" 1", False)],
)
def test_a_text_fits_a_column_or_it_does_not(text, expected):
    assert digits.fits(text) is expected
    assert digits.read(text) == (int(text) if expected else None)


def test_no_text_is_no_number():
    assert digits.read(None) is None
