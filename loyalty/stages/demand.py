"""What the night finds out about demand: units expected of each product, and how much to trust that."""

from typing import TYPE_CHECKING

from loyalty.dates import date_of
from loyalty.models import Forecast

if TYPE_CHECKING:  # NumPy is loaded by the night run only
    import numpy as np

    from loyalty.estimators.demand import Sales, Tests

COLUMNS = ("product_id", "sold", "last_year", "expected", "low", "high", "note", "last_sold", "since_stock", "weeks")
SHOWN = 52  # weeks kept for the chart; a product silent for longer is not listed


def summary(tests: "Tests") -> dict:
    """Return what one sentence on the page needs: who speaks, and how good that was."""
    from loyalty.estimators import demand

    found = {
        "weeks": tests.ahead, "champion": tests.champion, "baseline": demand.BASELINE, "windows": len(tests.trials),
        "covered": None, "relative": None,
    }  # fmt: skip
    figures = demand.measures(tests)
    if not figures:
        return found | {"windows": 0}
    return found | {name: figures[tests.champion][name] for name in ("covered", "relative")}


def rows(
    tests: "Tests", sales: "Sales", product_ids: "np.ndarray", on_sale: "np.ndarray", stock_day: "np.ndarray"
) -> list[tuple]:
    """Return a row of COLUMNS for each product on sale that sold within the year.

    All arrays are by number of the product; `stock_day` is the day its stock was counted on, or -1.
    """
    import numpy as np

    told, h = tests.forecast, tests.ahead
    now = sales.upto(sales.as_of)
    after = now.day > stock_day[now.product]
    since = np.maximum(np.bincount(now.product[after], now.quantity[after], now.products), 0)
    width = told.weeks.shape[1]
    recent = np.pad(told.weeks, ((0, 0), (max(SHOWN - width, 0), 0)))[:, -SHOWN:]
    newest = np.full(now.products, -1)
    sold = now.quantity > 0
    np.maximum.at(newest, now.product[sold], now.day[sold])
    found = []
    for place in np.flatnonzero(on_sale[told.product] & (recent.sum(axis=1) > 0)).tolist():
        product = int(told.product[place])
        note = ""
        if not told.alive[place]:
            note = Forecast.Note.STOPPED
        elif told.seasonal[place]:
            note = Forecast.Note.SEASON
        elif told.age[place] <= h:
            note = Forecast.Note.NEW
        elif told.young[place]:
            note = Forecast.Note.FEW
        weeks = [round(units, 2) if units % 1 else int(units) for units in recent[place].tolist()]
        found.append(
            (
                int(product_ids[product]), round(sum(weeks[-h:]), 2),
                round(sum(weeks[:h]), 2) if width >= SHOWN else None,
                round(float(told.expected[place]), 2), float(told.low[place]), float(told.high[place]), str(note),
                date_of(newest[product]),
                round(float(since[product]), 2) if stock_day[product] >= 0 else None, weeks,
            )
        )  # fmt: skip
    return found
