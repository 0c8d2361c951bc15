"""What is known of everyone who ever bought, as known at one cut: one row per person."""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.special import logit

from loyalty.estimators import evaluate
from loyalty.estimators.base import History, NotEnoughData, Summary, counts_between, summarise
from loyalty.estimators.buying import BgNbd, BuyTillYouDie, MbgNbd, ParetoNbd
from loyalty.estimators.churn.season import needed, season
from loyalty.estimators.churn.taste import Taste
from loyalty.estimators.rhythm import Rhythm

FEWEST_CUSTOMERS = 30
MOST_CUSTOMERS = 20_000  # drawn at random for learning and testing in larger shops; everyone is scored
HORIZONS = (30, 45, 60, 90, 120, 150, 180)
FEATURES = (
    "visits", "quiet", "age", "spend", "mean_spend", "mean_gap", "sd_gap", "max_gap", "last_spend",
    "visits_third", "spend_third", "visits_one", "spend_one", "visits_two", "spend_two", "quiet_over_gap", "year_ago",
    "products", "basket", "products_again", "units", "unit_price", "last_basket", "faded_half", "faded_one",
    "faded_two", "faded_four",
)  # fmt: skip


def suggest_horizon(history: History) -> int:
    """Return how long most people here take to come back: the 80th percentile of the gaps, rounded up, 30 to 180 days.

    Never more than a third of the days the orders cover, so that the past holds windows to test on.
    """
    _, gaps = history.visits.gaps
    covered = history.as_of - history.first_day
    if covered < 2 * HORIZONS[0]:
        raise NotEnoughData("days", have=covered, need=2 * HORIZONS[0])
    usual = float(np.percentile(gaps, 80)) if len(gaps) >= FEWEST_CUSTOMERS else 90.0
    wanted = next((days for days in HORIZONS if days >= usual), HORIZONS[-1])
    fitting = [days for days in HORIZONS if days <= max(covered // 3, HORIZONS[0])]
    return min(wanted, fitting[-1])


def odds(chance: np.ndarray) -> np.ndarray:
    """Return log-odds of chances kept a little away from 0 and 1."""
    return logit(np.clip(chance, evaluate.SURE, 1 - evaluate.SURE))


@dataclass
class Rows:
    """Everyone who ever bought, as known at one cut. Arrays [b]."""

    cut: int
    horizon: int
    summary: Summary
    features: np.ndarray  # float64 [b, len(FEATURES)], log1p
    baskets: sparse.csr_matrix  # [b, p], 1 where the person has bought the product
    pattern: History  # the past the models of time learn from: all of it, or a draw of customers
    known: Summary  # of the pattern
    model: BuyTillYouDie  # MBG/NBD
    warp: float  # how many ordinary days one day of the window ahead is worth
    label: np.ndarray | None = None  # bool: left

    def of(self, keep: np.ndarray) -> "Rows":
        """Return the rows of some people only (bool [b]); the models of time stay those of everyone."""
        summary = self.summary
        arrays = {f.name: getattr(summary, f.name)[keep] for f in fields(summary) if f.name != "cut"}
        return replace(
            self, summary=replace(summary, **arrays), features=self.features[keep], baskets=self.baskets[keep],
            label=None if self.label is None else self.label[keep],
        )  # fmt: skip

    @property
    def days(self) -> float:
        """Return the horizon in ordinary days."""
        return self.horizon * self.warp

    @cached_property
    def odds(self) -> np.ndarray:
        """Return the MBG/NBD's log-odds of no order within the horizon, [b]."""
        s = self.summary
        return odds(self.model.no_purchase(s.repeats, s.recency, s.age, self.days))

    @cached_property
    def off(self) -> float:
        """Return the log of how much faster people turned out to buy than the MBG/NBD had told, from the labels."""
        return needed(self.model, self.summary, self.days, float((~self.label).sum()))

    def under(self, kind: type[BuyTillYouDie]) -> np.ndarray:
        """Return P(no order within the horizon) under another buy-till-you-die model, [b]."""
        s, known = self.summary, self.known
        model = kind().fit(known.repeats, known.recency, known.age)
        return model.no_purchase(s.repeats, s.recency, s.age, self.days)

    @cached_property
    def plain(self) -> np.ndarray:
        return self.under(BgNbd)

    @cached_property
    def pareto(self) -> np.ndarray:
        return self.under(ParetoNbd)

    @cached_property
    def rhythm(self) -> np.ndarray:
        return Rhythm().fit(self.pattern, self.known).no_purchase(self.summary, self.days)

    @cached_property
    def taste(self) -> Taste:
        """Return what kinds of products go together in the baskets known at the cut."""
        return Taste().fit(self.baskets)


def rows_at(
    past: History, horizon: int, *, label_from: History | None = None, learn_from: History | None = None
) -> Rows:
    """Return the rows of a past that ends at its `as_of`; labels come from a later past, models from a smaller one."""
    summary = summarise(past)
    pattern = past if learn_from is None else learn_from
    known = summary if pattern is past else summarise(pattern)
    model = MbgNbd().fit(known.repeats, known.recency, known.age)
    label = None
    if label_from is not None:
        bought, _ = counts_between(label_from, past.as_of + 1, past.as_of + horizon)
        label = bought[summary.customer] == 0
    warp = float(np.exp(season(pattern, model, horizon)))
    baskets = what_they_bought(past, summary)
    return Rows(
        past.as_of, horizon, summary, features(past, summary, horizon, baskets), baskets, pattern, known, model, warp,
        label,
    )  # fmt: skip


def what_they_bought(past: History, summary: Summary) -> sparse.csr_matrix:
    """Return who has bought which product at least once, float32 [b, p]."""
    owner = past.order_customer[past.line_order]
    shape = (len(past.customer_ids), max(len(past.product_ids), 1))
    found = sparse.csr_matrix((np.ones(len(owner), np.float32), (owner, past.line_product)), shape)
    found.data[:] = 1
    return found[summary.customer]


def features(past: History, summary: Summary, horizon: int, baskets: sparse.csr_matrix) -> np.ndarray:
    """Return log1p of everything the regressions look at, float64 [b, len(FEATURES)]."""
    s = summary
    spend = np.maximum(s.spend, 0)
    columns = [
        s.visits, s.quiet, s.age, spend, spend / s.visits, np.nan_to_num(s.mean_gap), np.nan_to_num(s.sd_gap),
        np.nan_to_num(s.max_gap), np.maximum(s.last_spend, 0),
    ]  # fmt: skip
    for days in (horizon // 3, horizon, 2 * horizon):
        visits, spent = counts_between(past, s.cut - days + 1, s.cut)
        columns += [visits[s.customer], np.maximum(spent[s.customer], 0)]
    columns.append(s.quiet / np.maximum(np.where(np.isnan(s.mean_gap), s.quiet, s.mean_gap), 1))
    a_year_ago = s.cut - 365
    if a_year_ago - past.first_day >= 30:
        visits, _ = counts_between(past, a_year_ago + 1, a_year_ago + horizon)
        columns.append(visits[s.customer])
    else:
        columns.append(np.zeros(len(s.customer)))
    owner, size = past.order_customer[past.line_order], len(past.customer_ids)
    lines = np.bincount(owner, minlength=size)[s.customer]
    products = np.diff(baskets.indptr)
    columns += [products, lines / s.visits, lines / np.maximum(products, 1)]
    units = np.bincount(owner, past.line_quantity, size)[s.customer]
    money = np.bincount(owner, np.maximum(past.line_amount, 0), size)[s.customer]
    last_day = np.zeros(size, np.int32)
    last_day[s.customer] = s.last_day
    last = past.order_day[past.line_order] == last_day[owner]
    last_lines = np.bincount(owner[last], minlength=size)[s.customer]
    columns += [np.maximum(units, 0) / np.maximum(lines, 1), money / np.maximum(units, 1), last_lines]
    ago, who = s.cut - past.visits.day, np.repeat(np.arange(len(s.visits)), s.visits)
    columns += [np.bincount(who, np.exp2(-ago / (share * horizon)), len(s.visits)) for share in (0.5, 1, 2, 4)]
    return np.log1p(np.column_stack(columns))


def draw_customers(history: History, most: int, seed: int = 0) -> History:
    """Return the history, or that of a random part of its customers where there are more than `most`."""
    buyers = np.unique(history.order_customer)
    if len(buyers) <= most:
        return history
    keep = np.zeros(len(history.customer_ids), bool)
    keep[np.random.default_rng(seed).choice(buyers, most, replace=False)] = True
    return history.of_customers(keep)
