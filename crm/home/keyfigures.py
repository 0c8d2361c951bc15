"""The four key figures of the Today page, each with what it was 30 days earlier and the line behind it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts.models import Segment
from crm.home import figures
from crm.home.figures import WINDOW, Takings
from crm.lib.templatetags import say
from crm.rewards.models import Account, Entry

LINE_DAYS = 14
LINE_WEEKS = 12
AT_RISK = "slipping-regulars"  # the segment the night run keeps


@dataclass(frozen=True)
class KeyFigure:
    label: str
    value: str
    note: str
    href: str = ""
    delta: float | None = None
    is_share: bool = False  # the figure is a share itself: its change is told of 100
    good_when: str = "up"
    points: list[float] = field(default_factory=list)


def read(*, shop: Shop, days: Sequence[Takings], today: dt.date) -> list[KeyFigure]:
    """Return the figures; `days` are the last days of takings, at least twice 30, ending on the day they speak of."""
    return [
        _revenue(days, shop=shop),
        _repeat_rate(days),
        _at_risk(),
        _points(shop=shop, today=today),
    ]


def _change(now: float | None, before: float | None) -> float | None:
    return (now - before) / before if before and now is not None else None


def _difference(now: float | None, before: float | None) -> float | None:
    return now - before if before is not None and now is not None else None


def _window(days: Sequence[Takings]) -> tuple[Takings, Takings]:
    return figures.total(days[-WINDOW:]), figures.total(days[-2 * WINDOW : -WINDOW])


def _revenue(days: Sequence[Takings], *, shop: Shop) -> KeyFigure:
    now, before = _window(days)
    return KeyFigure(
        label=_("Revenue, 30 days"),
        value=say.money(now.minor, shop.currency),
        note=_("was %(amount)s in the 30 days before") % {"amount": say.money(before.minor, shop.currency)},
        href=reverse("orders:list"),
        delta=_change(now.minor, before.minor),
        points=[day.minor for day in days[-LINE_DAYS:]],
    )


def _repeat_rate(days: Sequence[Takings]) -> KeyFigure:
    now, before = _window(days)
    # A single day is too few orders for a share, so each point of the line is the 30 days up to its day.
    line = [
        figures.total(days[end - WINDOW : end]).repeat_rate for end in range(len(days) - LINE_DAYS + 1, len(days) + 1)
    ]
    if now.repeat_rate is None:
        note = _("no order by a known customer in the last 30 days")
    elif before.repeat_rate is None:
        note = _("of orders in 30 days came from returning customers")
    else:
        note = _("was %(share)s in the 30 days before") % {"share": say.percent(before.repeat_rate, 1)}
    return KeyFigure(
        label=_("Repeat orders, 30 days"),
        value=say.percent(now.repeat_rate, 1),
        note=note,
        delta=_difference(now.repeat_rate, before.repeat_rate),
        is_share=True,
        points=[rate or 0 for rate in line] if now.repeat_rate is not None else [],
    )


def _at_risk() -> KeyFigure:
    segment = Segment.objects.filter(slug=AT_RISK).first()
    if segment is None or segment.as_of is None:
        return KeyFigure(label=_("Regulars slipping away"), value="–", note=_("known after the first night run"))
    sizes = list(
        segment.sizes.filter(date__gt=segment.as_of - dt.timedelta(weeks=LINE_WEEKS), date__lte=segment.as_of)
        .order_by("date")
        .values_list("date", "member_count")
    )
    weekly: dict[int, int] = {}
    for date, count in sizes:  # the last size of each week, counted back from the newest
        weekly[(segment.as_of - date).days // 7] = count
    earlier = [count for date, count in sizes if date <= segment.as_of - dt.timedelta(days=WINDOW)]
    words = {"date": say.short_day(segment.as_of)}
    if earlier:
        note = _("came three times or more · were %(count)s a month before · as of %(date)s")
        note %= {**words, "count": say.number(earlier[-1])}
    else:
        note = _("came three times or more · as of %(date)s") % words
    return KeyFigure(
        label=_("Regulars slipping away"),
        value=say.number(segment.member_count),
        note=note,
        href=segment.get_absolute_url(),
        delta=_change(segment.member_count, earlier[-1]) if earlier else None,
        good_when="down",
        points=[weekly[week] for week in sorted(weekly, reverse=True)],
    )


def _points(*, shop: Shop, today: dt.date) -> KeyFigure:
    outstanding = Account.objects.aggregate(sum=Sum("balance"))["sum"] or 0
    dates = [today - dt.timedelta(days=n) for n in reversed(range(WINDOW))]
    moved = figures.sums_by_day(
        f"SELECT {{n}}, SUM(points) FROM {Entry._meta.db_table} WHERE at >= %s AND at < %s", dates, shop=shop
    )
    line, left = [], outstanding
    for (points,) in reversed(moved):
        line.append(left)
        left -= points
    return KeyFigure(
        label=_("Points outstanding"),
        value=say.number(outstanding),
        note=ngettext(
            "point in your customers' hands, was %(before)s a month ago",
            "points in your customers' hands, were %(before)s a month ago",
            outstanding,
        )
        % {"before": say.number(left)},
        href=reverse("rewards:home"),
        delta=_change(outstanding, left),
        good_when="up",
        points=line[LINE_DAYS - 1 :: -1],
    )
