"""What the Today page shows, gathered from every floor below."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import Count, Max
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop, User
from crm.contacts.groups import GROUPS
from crm.contacts.models import Contact, Segment
from crm.home import figures
from crm.home.figures import WINDOW, Period, Takings
from crm.lib import clock
from crm.lib.templatetags import say


@dataclass(frozen=True)
class Books:
    """The takings of the page: the key figures' days and the chart's bars, up to the day they speak of."""

    until: dt.date
    is_past: bool  # the newest order is older than the key figures reach, so they count back from it
    days: list[Takings]
    period: Period
    bars: list[Takings]


def greeting(user: User, *, now: dt.datetime, zone: str) -> str:
    """Greet by the shop's hour."""
    hour = now.astimezone(ZoneInfo(zone)).hour
    words = {"name": user.get_short_name()}
    if hour < 12:
        return _("Good morning, %(name)s") % words
    if hour < 18:
        return _("Good afternoon, %(name)s") % words
    return _("Good evening, %(name)s") % words


def books(*, shop: Shop, period: Period, now: dt.datetime) -> Books | None:
    """Return the takings, or None where no order counts yet.

    Who brings in an old file would see zeros only; then everything counts back from the newest order.
    """
    newest = figures.newest_order_on(shop=shop, now=now)
    if newest is None:
        return None
    today = clock.local_date(now, shop.timezone)
    is_past = (today - newest).days >= WINDOW
    until = newest if is_past else today
    wanted = max(2 * WINDOW, period.days) if period.grouped != "month" else 2 * WINDOW
    days = figures.by_day(until - dt.timedelta(days=wanted - 1), until, shop=shop)
    if period.grouped == "day":
        bars = days[-period.days :]
    elif period.grouped == "week":
        bars = figures.by_week(days[-period.days :])
    else:
        bars = figures.revenue(period, until=until, shop=shop)
    return Books(until, is_past, days, period, bars)


def lead(*, shop: Shop, books: Books | None, now: dt.datetime) -> str:
    """Say one true thing about yesterday."""
    if books is None:
        return _("No orders yet.")
    if books.is_past:
        return _("Your newest order is from %(date)s; the figures count back from that day.") % {
            "date": say.day(books.until)
        }
    today, yesterday = books.days[-1], books.days[-2]
    if today.orders:
        return ngettext(
            "%(count)s order so far today, %(amount)s.", "%(count)s orders so far today, %(amount)s.", today.orders
        ) % {"count": say.number(today.orders), "amount": say.money(today.minor, shop.currency)}
    if yesterday.orders:
        return ngettext(
            "%(count)s order yesterday, %(amount)s.", "%(count)s orders yesterday, %(amount)s.", yesterday.orders
        ) % {
            "count": say.number(yesterday.orders),
            "amount": say.money(yesterday.minor, shop.currency),
        }
    last = next(day for day in reversed(books.days) if day.orders)
    return _("No orders yesterday. The last ones came on %(date)s: %(amount)s.") % {
        "date": say.day(last.first),
        "amount": say.money(last.minor, shop.currency),
    }


def finding(bars: list[Takings], *, shop: Shop) -> str:
    """Say in one sentence what the revenue chart shows."""
    whole = figures.total(bars)
    named = whole.minor - whole.unnamed_minor
    words = {
        "amount": say.money(whole.minor, shop.currency),
        "first": say.day(whole.first),
        "last": say.day(whole.last),
    }
    if named <= 0:
        return _("%(amount)s from %(first)s to %(last)s.") % words
    share = say.percent(whole.returning_minor / named)
    return _(
        "%(amount)s from %(first)s to %(last)s; %(share)s of what known customers spent came from returning ones."
    ) % {**words, "share": share}


@dataclass(frozen=True)
class Groups:
    parts: list[tuple]  # what {% segmentbar %} wants: label, count, colour, address
    as_of: dt.date


def groups() -> Groups | None:
    """Return how the customers divide into groups, or None before the first night run."""
    counts = dict(
        Contact.objects.exclude(group="").values("group").annotate(n=Count("id")).values_list("group", "n").order_by()
    )
    as_of = Segment.objects.filter(kind=Segment.Kind.COMPUTED).aggregate(newest=Max("as_of"))["newest"]
    if not counts or as_of is None:
        return None
    address = reverse("contacts:list")
    parts = [
        (group.label, counts.get(slug, 0), group.colour, f"{address}?group={slug}") for slug, group in GROUPS.items()
    ]
    return Groups(parts, as_of)
