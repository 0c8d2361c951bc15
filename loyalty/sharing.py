"""Numbers of the shop that can be handed on: counts with noise, so that nobody can tell whether a person is in them.

Each report costs some of the year's privacy budget (epsilon, counted in thousandths), because noise drawn anew could be
averaged away; when it is used up, there is no further report until next year. A report is drawn once and kept.
The privacy is that of one customer: it makes no more than a factor of exp(epsilon) between any report and the one that
would have been drawn had this customer never been here.
"""

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction

from django.db import IntegrityError, models, transaction
from django.db.models import Count, F, Q, Sum
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import clock, money
from crm.orders.models import Order
from loyalty.estimators import noise
from loyalty.models import Disclosure, PrivacyYear

STRENGTHS = {  # epsilon in thousandths
    "strong": (_("Very blurred"), 250),
    "middle": (_("Blurred"), 500),
    "light": (_("Lightly blurred"), 1_000),
}
TIMES, QUARTERS, SALES = "times", "quarters", "sales"
SHARES = {TIMES: Fraction(1, 4), QUARTERS: Fraction(1, 2), SALES: Fraction(1, 4)}  # of a report's epsilon
QUARTERS_BACK = 4
BANDS = ((0, 0), (1, 1), (2, 2), (3, 5), (6, 10), (11, None))  # orders so far, both ends counted


class BudgetSpent(Exception):
    """The rest of this year's privacy budget is less than the report costs."""


@dataclass(frozen=True)
class Scales:
    """How far each table is blurred: the scale of its noise, and how far off a number is at most, 19 times of 20."""

    scale: dict[str, Fraction]

    @property
    def margin(self) -> dict[str, int]:
        return {name: noise.margin(scale) for name, scale in self.scale.items()}


def scales(epsilon_milli: int, *, most_each: int) -> Scales:
    """Return the noise of a report; one customer counts once, once a quarter, and up to `most_each` in sales."""
    steps = {TIMES: 1, QUARTERS: QUARTERS_BACK, SALES: most_each}
    return Scales({name: Fraction(steps[name] * 1000, epsilon_milli) / share for name, share in SHARES.items()})


def left(year: int) -> int:
    """Return the thousandths of epsilon not used yet this year."""
    spent = PrivacyYear.objects.filter(year=year).values_list("spent_milli", flat=True).first()
    return PrivacyYear.BUDGET_MILLI - (spent or 0)


def disclose(*, shop: Shop, strength: str, most_each: int, form_key: str, now: dt.datetime) -> Disclosure:
    """Draw a report, once for each form, and pay for it; raise BudgetSpent.

    `most_each`: whole units of the shop's currency that one customer counts for in the sales at most.
    """
    earlier = Disclosure.objects.filter(form_key=form_key).first()
    if earlier is not None:
        return earlier
    today = clock.local_date(now, shop.timezone)
    epsilon = STRENGTHS[strength][1]
    try:
        with transaction.atomic():
            _pay(today.year, epsilon)
            blur = scales(epsilon, most_each=most_each)
            true = {TIMES: _times(), QUARTERS: _quarters(shop, today), SALES: _sales(shop, today, most_each)}
            tables = {
                name: {
                    "margin": blur.margin[name],
                    "rows": [[key, max(count + noise.laplace(blur.scale[name]), 0)] for key, count in rows],
                }
                for name, rows in true.items()
            }
            return Disclosure.objects.create(
                form_key=form_key, as_of=today, epsilon_milli=epsilon, most_each=most_each, currency=shop.currency,
                tables=tables, made_at=now,
            )  # fmt: skip
    except IntegrityError:
        earlier = Disclosure.objects.filter(form_key=form_key).first()  # the same form, sent twice at once
        if earlier is None:
            raise
        return earlier


def _pay(year: int, epsilon: int) -> None:
    PrivacyYear.objects.bulk_create([PrivacyYear(year=year)], ignore_conflicts=True)
    affordable = PrivacyYear.objects.filter(year=year, spent_milli__lte=PrivacyYear.BUDGET_MILLI - epsilon)
    if not affordable.update(spent_milli=F("spent_milli") + epsilon):
        raise BudgetSpent


def quarters(today: dt.date) -> list[tuple[dt.date, dt.date]]:
    """Return (first day, first day after) of the last whole quarters, the oldest first."""
    end = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    found = []
    for _quarter in range(QUARTERS_BACK):
        start = (end - dt.timedelta(days=80)).replace(day=1)  # in the first month of the quarter before
        found.insert(0, (start, end))
        end = start
    return found


def _times() -> list[tuple[list, int]]:
    """Return how many customers ordered how often: that is their own affair, where a grade depends on the others."""
    bands = {
        str(place): Count("id", filter=Q(order_count__gte=low) & (Q() if high is None else Q(order_count__lte=high)))
        for place, (low, high) in enumerate(BANDS)
    }
    counted = Contact.objects.alive().aggregate(**bands)
    return [([low, high], counted[str(place)]) for place, (low, high) in enumerate(BANDS)]


def _orders(shop: Shop, start: dt.date, end: dt.date) -> models.QuerySet:
    first, last = clock.day_bounds(start, shop.timezone)[0], clock.day_bounds(end, shop.timezone)[0]
    return Order.objects.filter(
        counts=True, currency=shop.currency, contact__isnull=False, placed_at__gte=first, placed_at__lt=last
    )


def _quarters(shop: Shop, today: dt.date) -> list[tuple[str, int]]:
    """Return how many customers ordered in each of the last quarters, by its first day."""
    return [
        (start.isoformat(), _orders(shop, start, end).aggregate(found=Count("contact", distinct=True))["found"])
        for start, end in quarters(today)
    ]


def _sales(shop: Shop, today: dt.date, most_each: int) -> list[tuple[str, int]]:
    """Return the sales of these quarters together in whole units, each customer's part from 0 to `most_each`."""
    (start, _first_end), *_others, (_last_start, end) = quarters(today)
    spent = _orders(shop, start, end).order_by().values_list("contact").annotate(Sum("net_minor"))
    unit = 10 ** money.digits(shop.currency)
    return [("sales", sum(min(max(minor, 0) // unit, most_each) for _contact, minor in spent))]
