"""How long counted stock lasts beside what is expected of a product, and what runs out within the weeks ahead.

What was sold between the count and the run's date is taken off. A count is believed for some weeks only, and no longer
once more was sold than there was: then a delivery came that nobody counted.
"""

import datetime as dt
import math
from dataclasses import dataclass

from django.db.models import Case, F, QuerySet, When
from django.db.models.functions import Coalesce, NullIf

from crm.orders.models import Product
from loyalty.models import Forecast, Run

DEMAND = "demand"  # the row of Found: how many weeks a forecast speaks of, and how good it was
LONGEST = 365  # days; a stock that lasts longer lasts "more than a year"
BELIEVED = dt.timedelta(days=45)  # after it was counted
NAMED = 3  # products that run out first


@dataclass(frozen=True)
class Stock:
    """What is left of a counted product, and until when."""

    units: float
    lasts: dt.date | None  # at the expected pace; None: for more than a year, or beyond the weeks of a season
    at_worst: dt.date | None  # at the upper end of the span
    missing: float  # units short of the upper end for the weeks ahead, 0 where there are enough


@dataclass(frozen=True)
class RunningOut:
    """Products whose stock is expected to end within the weeks ahead."""

    products: int
    until: dt.date  # the last day of the weeks ahead
    first: tuple[tuple[str, dt.date], ...]  # name and last day of those that end first
    unserved_minor: tuple[int, int]  # what the units that will be missing sell for; 8 of 10 times between these
    counted_from: dt.date  # the oldest of the counts


def forecasts(run: Run | None) -> QuerySet[Forecast]:
    """Return a run's forecasts with what is on hand: the count, less what was sold between it and the run's date."""
    on_hand = Case(
        When(product__stock_at__gte=run.as_of, then=F("product__stock")),
        default=F("product__stock") - Coalesce(F("since_stock"), 0.0),
    ) if run else F("product__stock")  # fmt: skip
    found = Forecast.objects.filter(run=run) if run else Forecast.objects.none()
    left = F("on_hand") / NullIf(F("expected"), 0.0)  # of the horizon; null where nothing is expected
    return found.annotate(on_hand=on_hand).annotate(left=left)


def stock(forecast: Forecast, run: Run, weeks: int) -> Stock | None:
    """Return how long the stock of one of `forecasts` lasts; None where nobody counted it."""
    if forecast.on_hand is None:
        return None
    units = max(forecast.on_hand, 0.0)
    longest = 7 * weeks if forecast.note == Forecast.Note.SEASON else LONGEST

    def until(sold: float) -> dt.date | None:
        days = 7 * weeks * units / sold if sold > 0 else longest + 1
        return run.as_of + dt.timedelta(days=int(days)) if days <= longest else None

    missing = 0.0 if forecast.note == Forecast.Note.STOPPED else max(forecast.high - units, 0.0)
    return Stock(units, until(forecast.expected), until(forecast.high), missing)


def running_out(run: Run, weeks: int) -> RunningOut | None:
    """Return what runs out at the expected pace before the weeks ahead are over; None where nothing counted does."""
    short = (
        forecasts(run)
        .filter(product__stock_at__gte=run.as_of - BELIEVED, on_hand__gte=0, on_hand__lt=F("expected"))
        .exclude(note=Forecast.Note.STOPPED)
        .select_related("product")
        .defer("weeks")
        .order_by("left", "-expected", "id")
    )
    found = list(short)
    if not found:
        return None
    middle, below, above = 0.0, 0.0, 0.0
    for one in found:
        price = _price(one.product)
        low, likely, high = (price * max(sold - one.on_hand, 0.0) for sold in (one.low, one.expected, one.high))
        middle += likely
        below += (likely - low) ** 2  # products err each for themselves: their spans add up as squares
        above += (high - likely) ** 2
    return RunningOut(
        products=len(found),
        until=run.as_of + dt.timedelta(weeks=weeks),
        first=tuple((one.product.name, stock(one, run, weeks).lasts) for one in found[:NAMED]),
        unserved_minor=(max(round(middle - math.sqrt(below)), 0), round(middle + math.sqrt(above))),
        counted_from=min(one.product.stock_at for one in found),
    )


def _price(product: Product) -> float:
    """Return what one is sold for: its price, else what it has brought on average; 0 where neither is known."""
    if product.price_minor is not None:
        return product.price_minor
    return max(product.earned_minor or 0, 0) / product.sold_quantity if product.sold_quantity else 0.0
