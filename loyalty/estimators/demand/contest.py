"""Which forecast speaks for a shop, how wide its spans are, and how good both were on the shop's own past.

Origins lie one horizon apart. At each, every candidate sees what was known on that day only, those that learn learn
from windows that had ended by then, and spans come from what the same candidate was off by at earlier origins (split
conformal: V. Vovk, A. Gammerman, G. Shafer 2005; by groups of alike forecasts). What came is what was known when the
window ended.
"""

from dataclasses import dataclass, field

import numpy as np

from loyalty.estimators.base import NotEnoughData
from loyalty.estimators.demand import clocks, learned, levels
from loyalty.estimators.demand.levels import FEWEST_QUIET, Past
from loyalty.estimators.demand.sales import Sales

WEEKS = 4  # the usual horizon
SLOW_WEEKS = 8  # where most products sell less than one unit in four weeks
COVERED = 0.8
BASELINE = "last"
PLAIN = ("last", "last_year")
SIMPLE = {
    "last": levels.last, "last_year": levels.last_year, "average": levels.average, "smooth": levels.smooth,
    "croston": levels.croston, "tsb": levels.fading_chance, "season": levels.season, "trend": levels.trend,
}  # fmt: skip
CANDIDATES = (*SIMPLE, "rhythm", "blend", "counts")  # from the most to the least easily understood
NEEDS = {"last_year": 7 * levels.YEAR, "season": 7 * (levels.YEAR + levels.QUARTER)}  # days before the newest origin
TESTS = 6  # windows that are told and compared
LEARNT = 6  # windows that come before them, to learn from
FEWEST_WEEKS = 12  # known before an origin
FEWEST_ROWS = 40  # what came beside what was told, for spans of a group
GROUP, MOST_GROUPS = 150, 40  # forecasts of similar size that make up a group at least; how many groups there are
FEW_WEEKS_SOLD = 3
MOST_OFF = learned.FARTHEST  # scaled errors above this are cut to it
LOOSE = 0.5  # dispersion where nothing has been tested yet


@dataclass
class Window:
    """What was told at one origin, what came, and what was known of each product."""

    day: int
    alive: np.ndarray  # bool [p]
    young: np.ndarray  # bool [p], too few sales to be judged by its own past
    seasonal: np.ndarray  # bool [p], sells in one season only and is told by its own last year
    scale: np.ndarray  # [p]
    restless: np.ndarray  # [p]
    inputs: np.ndarray  # [p, k]
    told: dict[str, np.ndarray]  # by candidate, units over the horizon, [p]
    came: np.ndarray  # [p], units, lines above the ceiling cut to it
    came_whole: np.ndarray  # [p], units as they were
    spans: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ahead:
    """Units expected within the weeks after the last day, per product, [p]; `low` to `high` holds 8 of 10."""

    product: np.ndarray  # int, number of the product in the sales asked about
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    alive: np.ndarray  # bool
    young: np.ndarray  # bool: too few sales for more than a span
    seasonal: np.ndarray  # bool: sells in one season only
    age: np.ndarray  # weeks since the first sale
    weeks: np.ndarray  # [p, w] units as they were sold, nothing capped, oldest first


@dataclass
class Tests:
    ahead: int  # weeks
    trials: list[Window]  # oldest first
    candidates: tuple[str, ...]
    champion: str
    forecast: Ahead


def suggest_weeks(sales: Sales) -> int:
    """Return how far to look: four weeks, or eight where half of what still sells sells less than one in four."""
    past = Past(sales.as_of, WEEKS, sales.by_week())
    alive = past.is_alive
    if not alive.any():
        return WEEKS
    return WEEKS if np.median(WEEKS * past.rate(levels.YEAR)[alive]) >= 1 else SLOW_WEEKS


def back_test(sales: Sales, ahead: int | None = None) -> Tests:
    """Test every candidate at past origins, choose one, and tell the weeks after `sales.as_of`."""
    now = sales.upto(sales.as_of)
    sold = np.bincount(now.product[now.quantity > 0], minlength=now.products) > 0
    if not sold.any():
        raise NotEnoughData("orders", have=0, need=1)
    days = now.as_of - int(now.day.min()) + 1
    if days < 7 * FEWEST_QUIET:
        raise NotEnoughData("days", have=days, need=7 * FEWEST_QUIET)
    sales = sales.of_products(sold)
    now = now.of_products(sold)
    ahead = ahead or suggest_weeks(now)
    room = (days // 7 - FEWEST_WEEKS) // ahead
    windows: list[Window] = []
    for back in range(min(max(room, 0), TESTS + LEARNT), 0, -1):
        origin = now.as_of - 7 * ahead * back
        windows.append(_window(sales, origin, ahead, windows))
    today = _window(sales, now.as_of, ahead, windows)
    tested = min(TESTS, max(len(windows) - 1, 0))
    trials = windows[len(windows) - tested :]
    candidates = able(now.as_of - 7 * ahead - int(now.day.min()) + 1)
    for place, window in enumerate(trials, start=len(windows) - tested):
        window.spans = {name: spans(name, window, windows[:place]) for name in candidates}
    champion = choose(trials, candidates)
    low, high = spans(champion, today, windows)
    past = Past(now.as_of, ahead, now.by_week())
    told = today.told[champion]
    forecast = Ahead(
        np.flatnonzero(sold), told, low, high, today.alive, today.young, today.seasonal, past.age, past.weeks
    )
    return Tests(ahead, trials, candidates, champion, forecast)


def able(days: int) -> tuple[str, ...]:
    """Return the candidates that can say something of their own from so many days."""
    return tuple(name for name in CANDIDATES if days >= NEEDS.get(name, 0))


def _window(sales: Sales, day: int, ahead: int, before: list[Window]) -> Window:
    """Tell every candidate's units at one origin, after learning from the windows before it."""
    known = sales.upto(day)
    ceiling = known.ceiling
    past = Past(day, ahead, known.by_week(ceiling))
    alive = past.is_alive
    told = {name: candidate(past) for name, candidate in SIMPLE.items()}
    told["rhythm"] = clocks.rhythm(past, known)
    rows = learned.inputs(past, told)
    learn = before[-LEARNT:]
    came = np.concatenate([w.came[w.alive] for w in learn]) if learn else np.empty(0)
    scale = np.concatenate([w.scale[w.alive] for w in learn]) if learn else np.empty(0)
    parts = [np.column_stack([w.told[name][w.alive] for name in learned.PARTS]) for w in learn]
    seen = [w.inputs[w.alive] for w in learn]
    mine = np.column_stack([told[name] for name in learned.PARTS])
    told["blend"] = learned.blend(np.concatenate(parts) if parts else mine[:0], came, scale, mine)
    told["counts"] = learned.counts(np.concatenate(seen) if seen else rows[:0], came, scale, rows)
    seasonal = past.is_seasonal
    if seasonal.any():  # the two plain rules stay plain
        known_season = levels.in_season(past)
        told |= {name: np.where(seasonal, known_season, told[name]) for name in CANDIDATES if name not in PLAIN}
    told = {name: np.where(alive, units, 0.0) for name, units in told.items()}
    then = sales.upto(day + 7 * ahead)
    first, last = day + 1, day + 7 * ahead
    young = (past.busy < FEW_WEEKS_SOLD) | (past.age < 2 * ahead)
    restless = past.restlessness
    if seasonal.any():  # their seasons are no bursts
        restless = np.where(seasonal, np.median(restless[alive]), restless)
    return Window(
        day, alive, young, seasonal, past.scale, restless, rows, told,
        then.between(first, last, ceiling), then.between(first, last),
    )  # fmt: skip


# Spans


def spans(name: str, window: Window, before: list[Window]) -> tuple[np.ndarray, np.ndarray]:
    """Return the units between which 8 of 10 products end up, two float64 [p], whole units.

    Errors are taken of square roots, where chance is as wide for few as for many, over the product's restlessness.
    """
    told = np.sqrt(window.told[name] + 0.375)
    rows = [
        (np.sqrt(w.told[name][w.alive] + 0.375), np.sqrt(w.came_whole[w.alive] + 0.375), w.restless[w.alive],
         (w.young | w.seasonal)[w.alive])
        for w in before
    ]  # fmt: skip
    centre, came, restless, young = (
        np.concatenate(parts) for parts in zip(*rows)
    ) if rows else (np.empty(0),) * 4  # fmt: skip
    young = young.astype(bool)
    low, high = _untested(window.told[name]) if len(young) < FEWEST_ROWS else (np.zeros(len(told)), np.zeros(len(told)))
    for group in (True, False):
        here, mine = young == group, (window.young | window.seasonal) == group
        if here.sum() < FEWEST_ROWS:
            here = np.ones(len(young), bool)
        if here.sum() >= FEWEST_ROWS:
            off = (came[here] - centre[here]) / restless[here]
            down, up = _ends(centre[here], off, told[mine])
            low[mine] = (told[mine] + down * window.restless[mine]).clip(0) ** 2 - 0.375
            high[mine] = (told[mine] + up * window.restless[mine]).clip(0) ** 2 - 0.375
    low = np.minimum(np.rint(np.maximum(low, 0)), np.floor(window.told[name]))
    high = np.maximum(np.rint(high), np.ceil(window.told[name]))
    return np.where(window.alive, low, 0.0), np.where(window.alive, high, 0.0)


def _ends(size: np.ndarray, off: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper tenth of the errors of forecasts of about the size asked."""
    order = np.argsort(size, kind="stable")
    count = min(max(len(off) // GROUP, 1), MOST_GROUPS)
    groups, middles = np.array_split(off[order], count), [part.mean() for part in np.array_split(size[order], count)]
    tail = (1 - COVERED) / 2
    ends = []
    for part in groups:
        part, more = np.sort(part), len(part) + 1
        first, last = int(np.floor(tail * more)), int(np.ceil((1 - tail) * more))
        ends.append((part[max(first - 1, 0)], part[min(last, len(part)) - 1]))
    down, up = np.array(ends).T
    return np.interp(asked, middles, down), np.interp(asked, middles, up)


def _untested(told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a wide span where no past could be compared: negative binomial, its middle not known well either."""
    from scipy.stats import nbinom

    mean = np.maximum(told, 0.3)
    shape = 1 / LOOSE
    chance = shape / (shape + mean)
    tail = (1 - COVERED) / 2
    return nbinom.ppf(tail, shape, chance).astype(float), nbinom.ppf(1 - tail, shape, chance).astype(float)


# Choice and measures


def choose(trials: list[Window], candidates: tuple[str, ...]) -> str:
    """Return the first candidate within one standard error of the best; the plain average where nothing was tested."""
    square = {name: _squares(trials, name) for name in candidates}
    seen = np.array([w.alive for w in trials])
    if not seen.size or not seen.any():
        return "average"
    mean = {name: _mean(square[name], seen) for name in candidates}
    best = min(candidates, key=lambda name: mean[name])
    for name in candidates:
        if name == best or mean[name] - mean[best] <= _standard_error(square[name], square[best], seen):
            return name
    return best


def _squares(trials: list[Window], name: str) -> np.ndarray:
    """Return squared scaled errors, [windows, p]; one product that went through the roof counts as MOST_OFF."""
    off = [np.minimum(np.abs(w.told[name] - w.came) / w.scale, MOST_OFF) * w.alive for w in trials]
    return np.array(off) ** 2


def _mean(square: np.ndarray, seen: np.ndarray) -> float:
    """Return the mean squared scaled error over all products and windows they were alive in.

    The mean of squares and not of their roots: those would favour the median, which is nothing for what sells seldom.
    """
    return float(square.sum() / max(seen.sum(), 1))


def _standard_error(one: np.ndarray, other: np.ndarray, seen: np.ndarray) -> float:
    """Return the standard error of the difference of two mean errors: over products, and over windows (jackknife)."""
    apart = one - other
    away = ((apart - apart.sum() / seen.sum()) * seen).sum(axis=0)  # of each product, all its windows together
    products = np.sqrt((away**2).sum()) / seen.sum()
    count = len(seen)
    if count < 3:
        return float(products)
    left = []
    for out in range(count):
        kept = np.arange(count) != out
        if seen[kept].any():
            left.append(_mean(apart[kept], seen[kept]))
    windows = np.sqrt((count - 1) / count * np.sum((np.array(left) - np.mean(left)) ** 2))
    return float(max(products, windows))


def measures(tests: Tests) -> dict[str, dict[str, float]]:
    """Return each candidate's figures over the tested windows.

    rmsse: root of the mean square of errors over what the plain rule is usually off by; relative: over that rule's.
    mae: units off per product. total: told over came, less one. covered: share of products inside their span. pinball:
    the loss of both ends, over scale, and width: of the span, over scale; one product counts as MOST_OFF at most.
    """
    trials = tests.trials
    if not trials or not any(w.alive.any() for w in trials):
        return {}
    seen = np.array([w.alive for w in trials])
    plain = np.sqrt(_mean(_squares(trials, BASELINE), seen))
    tail, found = (1 - COVERED) / 2, {}
    for name in tests.candidates:
        error = float(np.sqrt(_mean(_squares(trials, name), seen)))
        off = sum(np.abs(w.told[name] - w.came)[w.alive].sum() for w in trials)
        inside, loss, width = [], [], []
        for w in trials:
            low, high = (side[w.alive] for side in w.spans[name])
            came, unit = w.came_whole[w.alive], w.scale[w.alive]
            inside.append((came >= low - 0.5) & (came <= high + 0.5))
            below, above = came - low, came - high
            lost = np.maximum(tail * below, (tail - 1) * below) + np.maximum((1 - tail) * above, -tail * above)
            loss.append(np.minimum(lost / unit, MOST_OFF))
            width.append(np.minimum((high - low) / unit, MOST_OFF))
        came_all = sum(w.came_whole[w.alive].sum() for w in trials)
        found[name] = {
            "rmsse": round(error, 4),
            "mae": round(float(off / seen.sum()), 4),
            "relative": round(float(error / max(plain, 1e-9)), 4),
            "total": round(float(sum(w.told[name].sum() for w in trials) / max(came_all, 1e-9) - 1), 4),
            "covered": round(float(np.concatenate(inside).mean()), 4),
            "pinball": round(float(np.concatenate(loss).mean()), 4),
            "width": round(float(np.concatenate(width).mean()), 4),
        }
    return found
