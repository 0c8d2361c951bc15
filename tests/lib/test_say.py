"""Codes and months are written in the reader's language; what is no known code stays as it was typed."""

import datetime as dt

import pytest
from django.utils import translation

from crm.lib.templatetags import say


@pytest.mark.parametrize(
    ("reader", "country", "language", "month"),
    [("en", "Germany", "German", "Nov 2026"), ("zh-hans", "德国", "德语", "2026年11月")],
)
def test_codes_and_months_are_said_in_the_readers_language(reader, country, language, month):
    with translation.override(reader):
        assert (say.country("de"), say.language("de"), say.month(dt.date(2026, 11, 1))) == (country, language, month)


def test_hundredths_are_written_as_shares_are():
    assert (say.of_hundred(15), say.of_hundred(None)) == ("15%", "–")


@pytest.mark.parametrize("typed", ["", "Germany", "XYZ"])
def test_what_is_no_code_stays_as_typed(typed):
    assert say.country(typed) == typed


def test_a_script_or_region_behind_a_language_is_left_out():
    assert (say.language("zh-hans"), say.language("en-GB"), say.language("??")) == ("Chinese", "English", "??")
