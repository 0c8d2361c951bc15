"""Write amounts, dates, shares and counts the way the reader's language does."""

import datetime as dt

from babel import Locale
from babel import dates as babel_dates
from babel import numbers as babel_numbers
from django import template
from django.utils import timezone, translation

from crm.lib import money as money_units

register = template.Library()


def locale() -> Locale:
    """Return the Babel locale of the active language."""
    return Locale.parse("zh_Hans_CN" if (translation.get_language() or "").startswith("zh") else "en")


@register.filter
def money(minor, currency: str) -> str:
    """Write minor units as an amount: 1248050|money:"EUR" is €12,480.50."""
    if minor is None or minor == "":
        return "–"
    return babel_numbers.format_currency(money_units.from_minor(int(minor), currency), currency, locale=locale())


@register.filter
def rough_money(minor, currency: str) -> str:
    """Write an estimate without the cents: €12,480."""
    if minor is None or minor == "":
        return "–"
    return babel_numbers.format_currency(
        round(money_units.from_minor(int(minor), currency)), currency, locale=locale(), currency_digits=False,
        format="¤#,##0",
    )


@register.filter
def number(value) -> str:
    """Write a count: 1,284."""
    return "–" if value is None or value == "" else babel_numbers.format_decimal(value, locale=locale())


@register.filter
def units(value) -> str:
    """Write how many of a thing, which may be a part of one: 24, 3.5; many are written whole."""
    if value is None or value == "":
        return "–"
    return number(round(value) if abs(value) >= 10 or value == round(value) else round(value, 1))


@register.filter
def percent(share, places: int = 0) -> str:
    """Write a share between 0 and 1: 0.418|percent:1 is 41.8%."""
    if share is None or share == "":
        return "–"
    pattern = "#,##0" + ("." + "0" * int(places) if int(places) else "") + "%"
    return babel_numbers.format_percent(share, pattern, locale=locale())


@register.filter
def of_hundred(value, places: int = 0) -> str:
    """Write a number of hundredths: 15|of_hundred is 15%."""
    return percent(None if value is None or value == "" else value / 100, places)


@register.filter
def day(value) -> str:
    """Write a date, in the shop's zone where it is a moment: Nov 21, 2026."""
    if not value:
        return "–"
    if isinstance(value, dt.datetime):
        value = timezone.localtime(value).date()
    elif isinstance(value, str):
        value = dt.date.fromisoformat(value[:10])
    return babel_dates.format_date(value, "medium", locale=locale())


@register.filter
def short_day(value) -> str:
    """Write a date without its year: Nov 21."""
    if not value:
        return "–"
    if isinstance(value, dt.datetime):
        value = timezone.localtime(value).date()
    return babel_dates.format_skeleton("MMMd", value, locale=locale())


@register.filter
def moment(value) -> str:
    """Write a date and time in the shop's zone: Nov 21, 2026, 09:30."""
    if not value:
        return "–"
    local = timezone.localtime(value)
    return f"{babel_dates.format_date(local, 'medium', locale=locale())} {local:%H:%M}"


@register.filter
def ago(value, now: dt.datetime | None = None) -> str:
    """Write how long ago: 2 hours ago."""
    if not value:
        return "–"
    delta = value - (now or timezone.now())
    return babel_dates.format_timedelta(delta, add_direction=True, locale=locale())


@register.filter
def month(date: dt.date) -> str:
    """Write a month: Nov 2026."""
    return babel_dates.format_skeleton("yMMM", date, locale=locale())


@register.filter
def language(code: str) -> str:
    """Write a language's name in the reader's own: de is German; what is no known code stays as it is."""
    return locale().languages.get(code.replace("-", "_").split("_")[0].lower(), code) if code else ""


@register.filter
def country(code: str) -> str:
    """Write a country's name in the reader's own: DE is Germany; what is no known code stays as it is."""
    return locale().territories.get(code.upper(), code) if code else ""


@register.filter
def in_my_words(texts) -> str:
    """Choose the reader's language from {"en": ..., "zh-hans": ...}."""
    if not isinstance(texts, dict):
        return texts or ""
    return texts.get(translation.get_language() or "en") or texts.get("en", "")
