"""What the set-up and settings pages offer: currencies, time zones, languages, in the reader's language."""

import zoneinfo
from functools import lru_cache

from babel import Locale
from babel.core import get_global
from django.utils import translation

COMMON_CURRENCIES = ["EUR", "USD", "GBP", "CNY", "HKD", "TWD", "SGD", "CHF", "JPY", "AUD", "CAD"]


def _locale() -> Locale:
    return Locale.parse("zh_Hans_CN" if (translation.get_language() or "").startswith("zh") else "en")


def currencies() -> list[tuple[str, str]]:
    """Return (code, "EUR – Euro"), the common ones first, then every current currency by code."""
    names = _locale().currencies
    others = sorted(code for code in _current_codes() if code not in COMMON_CURRENCIES)
    return [(code, f"{code} – {names.get(code, code)}") for code in [*COMMON_CURRENCIES, *others]]


@lru_cache
def _current_codes() -> frozenset[str]:
    """Return the ISO 4217 codes some territory uses today."""
    today = {
        code
        for uses in get_global("territory_currencies").values()
        for code, _start, end, is_tender in uses
        if end is None and is_tender
    }
    return frozenset(today)


@lru_cache
def zones() -> list[tuple[str, str]]:
    """Return (name, name) of every zone a person may live in, by name."""
    regions = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    names = sorted(name for name in zoneinfo.available_timezones() if name.startswith(regions))
    return [(name, name.replace("_", " ")) for name in ["UTC", *names]]
