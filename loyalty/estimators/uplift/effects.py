"""What an offer changed: differences with intervals, whole and by cell, cells shrunk towards the whole.

Cells: y_c ~ N(theta_c, v_c), theta_c ~ N(mu, tau^2). The spread tau between cells is integrated over rather than
estimated, because with few or small cells its estimate is often 0 and the intervals that follow are too short.
A. Gelman et al., Bayesian Data Analysis, 3rd ed. 2013, section 5.4; half-Cauchy prior on tau: A. Gelman (2006),
Bayesian Analysis 1(3). Trials in a cell: Mantel-Haenszel weights, n1 n0 / (n1 + n0) (S. Greenland, J. Robins 1985).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from loyalty.estimators.uplift.sends import Pair, Sends

Z95 = 1.959963984540054
POOL = 10.0  # how many people's worth of the common spread goes into a small group's own
GRID = 60  # steps of tau


@dataclass(frozen=True)
class Difference:
    """Two means compared: the interval from their own spreads, the test as the textbook has it."""

    treated_mean: float
    control_mean: float
    effect: float
    low: float
    high: float
    statistic: float  # z of two shares with pooled spread; Welch's t of anything else
    p: float
    treated: int
    control: int


@dataclass(frozen=True)
class CellEffect:
    """What an offer changed in one cell; `cell` is empty for everybody together."""

    cell: str
    effect: float
    low: float  # 95 %
    high: float
    treated: int
    control: int
    base: float  # mean of those left alone; in a cell drawn to everybody's by POOL people
    unshrunk: float | None  # the cell's own difference, None where one side is empty


def difference(outcome: np.ndarray, treated: np.ndarray) -> Difference:
    """Compare the means [n] of those treated and those not, each person counting once."""
    outcome, treated = np.asarray(outcome, np.float64), np.asarray(treated, bool)
    one, none = outcome[treated], outcome[~treated]
    n1, n0 = len(one), len(none)
    gap, spread = one.mean() - none.mean(), np.sqrt(one.var(ddof=1) / n1 + none.var(ddof=1) / n0)
    low, high = gap - Z95 * spread, gap + Z95 * spread
    if np.isin(outcome, (0, 1)).all():
        share = outcome.mean()
        pooled = np.sqrt(share * (1 - share) * (1 / n1 + 1 / n0))
        statistic = gap / pooled if pooled else 0.0
        p = 2 * stats.norm.sf(abs(statistic))
    else:
        statistic, p = stats.ttest_ind(one, none, equal_var=False)
    return Difference(
        float(one.mean()), float(none.mean()), float(gap), float(low), float(high), float(statistic), float(p), n1, n0
    )


def overall_effect(sends: Sends, arm: int, *, of: str = "outcome") -> CellEffect:
    """Return what an offer changed for everybody; `of` is "outcome" (a share) or "profit" (money per person)."""
    return whole_effect(sends.pair(arm), of)


def shrunk_effects(sends: Sends, arm: int, *, of: str = "outcome") -> list[CellEffect]:
    """Return what an offer changed in every cell of its trials, shrunk towards the whole by how little is known."""
    return cell_effects(sends.pair(arm), of)


def cell_effects(pair: Pair, of: str = "outcome") -> list[CellEffect]:
    whole, found = whole_effect(pair, of), _by(pair, of, pair.sends.cell, len(pair.sends.cells))
    present = np.flatnonzero(found.treated + found.control)
    known = np.flatnonzero(np.isfinite(found.variance))
    mean, spread = _posterior(found.effect[known], found.variance[known], whole.effect)
    unseen, anywhere = _elsewhere(found.effect[known], found.variance[known], whole)
    place = {cell: at for at, cell in enumerate(known)}
    rows = []
    for cell in present:
        seen = cell in place
        middle, sd = (mean[place[cell]], spread[place[cell]]) if seen else (unseen, anywhere)
        rows.append(
            CellEffect(
                cell=pair.sends.cells[cell],
                effect=float(middle),
                low=float(middle - Z95 * sd),
                high=float(middle + Z95 * sd),
                treated=int(found.treated[cell]),
                control=int(found.control[cell]),
                base=float((found.control[cell] * found.base[cell] + POOL * whole.base) / (found.control[cell] + POOL)),
                unshrunk=float(found.effect[cell]) if seen else None,
            )
        )
    return rows


def differ_p(pair: Pair, of: str = "outcome") -> float:
    """Return the chance of cells as unlike as these if the offer did the same in all of them (Cochran's Q)."""
    found = _by(pair, of, pair.sends.cell, len(pair.sends.cells))
    known = np.isfinite(found.variance)
    if known.sum() < 2:
        return 1.0
    weight = 1 / found.variance[known]
    mean = np.average(found.effect[known], weights=weight)
    return float(stats.chi2.sf(np.sum(weight * (found.effect[known] - mean) ** 2), known.sum() - 1))


@dataclass(frozen=True)
class _Groups:
    effect: np.ndarray  # nan where one side is empty
    variance: np.ndarray
    treated: np.ndarray
    control: np.ndarray
    base: np.ndarray


def whole_effect(pair: Pair, of: str) -> CellEffect:
    found = _by(pair, of, np.zeros(len(pair), np.int64), 1)
    effect, sd = float(found.effect[0]), float(np.sqrt(found.variance[0]))
    return CellEffect(
        "", effect, effect - Z95 * sd, effect + Z95 * sd, int(found.treated[0]), int(found.control[0]),
        float(found.base[0]), effect,
    )  # fmt: skip


def _by(pair: Pair, of: str, group: np.ndarray, groups: int) -> _Groups:
    """Compare within trials and add the trials up, for every group [n] of people."""
    y, side = getattr(pair.sends, of).astype(np.float64), pair.treated.astype(np.int64)
    trials, trial = np.unique(pair.sends.trial, return_inverse=True)
    stratum = group * len(trials) + trial
    size = groups * len(trials)
    n, mean, around, common = [], [], [], np.var(y, ddof=1)  # of both sides: 0 of 18 has a spread too
    for one in (0, 1):
        mine = side == one
        count = np.bincount(stratum[mine], minlength=size)
        middle = np.bincount(stratum[mine], y[mine], size) / np.maximum(count, 1)
        square = np.bincount(stratum[mine], (y[mine] - middle[stratum[mine]]) ** 2, size)
        n.append(count)
        mean.append(middle)
        around.append((square + POOL * common) / np.maximum(count - 1 + POOL, 1))
    weight = n[0] * n[1] / np.maximum(n[0] + n[1], 1)
    own = np.arange(size) // len(trials)
    total = np.bincount(own, weight, groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.bincount(own, weight * (mean[1] - mean[0]), groups) / total
        share = weight / total[own]
        each = share**2 * (around[1] / np.maximum(n[1], 1) + around[0] / np.maximum(n[0], 1))
        variance = np.bincount(own, np.nan_to_num(each), groups)
        part = np.where(side == 1, 1, -1) * share[stratum] / np.where(side == 1, n[1][stratum], n[0][stratum])
        off = np.nan_to_num(part * (y - np.where(side == 1, mean[1][stratum], mean[0][stratum])))
    variance = np.maximum(variance, _by_person(pair.sends.customer, group, off, groups))
    control, treated = (np.bincount(group[side == one], minlength=groups) for one in (0, 1))
    base = np.bincount(group[side == 0], y[side == 0], groups) / np.maximum(control, 1)
    return _Groups(effect, np.where(total > 0, variance, np.nan), treated, control, base)


def _by_person(customer: np.ndarray, group: np.ndarray, off: np.ndarray, groups: int) -> np.ndarray:
    """Return the variance of sums of `off` [n] in each group: what one person adds in several trials goes together."""
    pairs, place = np.unique(np.column_stack([group, customer]), axis=0, return_inverse=True)
    return np.bincount(pairs[:, 0], np.bincount(place.ravel(), off) ** 2, groups)


def _taus(effect: np.ndarray, variance: np.ndarray, around: float) -> tuple[np.ndarray, ...]:
    """Return tau, its posterior weight, and the mean and variance of mu given tau, [GRID] each."""
    widest = max(abs(around), np.sqrt(variance.min()), 1e-12)  # cells differ by about as much as the offer does at all
    tau = widest * np.tan(np.pi / 2 * (np.arange(GRID) + 0.5) / GRID)  # quantiles of the half-Cauchy
    precision = 1 / (variance + tau[:, None] ** 2)
    total = precision.sum(1)
    mu = (precision * effect).sum(1) / total
    log = 0.5 * np.log(precision).sum(1) - 0.5 * np.log(total) - 0.5 * (precision * (effect - mu[:, None]) ** 2).sum(1)
    weight = np.exp(log - log.max())
    return tau, weight / weight.sum(), mu, 1 / total


def _posterior(effect: np.ndarray, variance: np.ndarray, around: float) -> tuple[np.ndarray, np.ndarray]:
    """Return posterior mean and standard deviation of each cell's effect."""
    if len(effect) < 2:
        return effect, np.sqrt(variance)
    tau, weight, mu, of_mu = _taus(effect, variance, around)
    keep = tau[:, None] ** 2 / (tau[:, None] ** 2 + variance)  # of the cell's own difference
    mean = keep * effect + (1 - keep) * mu[:, None]
    spread = keep * variance + (1 - keep) ** 2 * of_mu[:, None]
    middle = weight @ mean
    return middle, np.sqrt(weight @ (spread + (mean - middle) ** 2))


def _elsewhere(effect: np.ndarray, variance: np.ndarray, whole: CellEffect) -> tuple[float, float]:
    """Return mean and standard deviation for a cell in which nothing can be compared."""
    if len(effect) < 2:
        return whole.effect, (whole.high - whole.low) / (2 * Z95) * np.sqrt(2)
    tau, weight, mu, of_mu = _taus(effect, variance, whole.effect)
    most = np.minimum(tau, np.abs(whole.effect) + 3 * np.sqrt(variance.max()))  # the half-Cauchy has no variance
    middle = weight @ mu
    return float(middle), float(np.sqrt(weight @ (of_mu + most**2 + (mu - middle) ** 2)))
