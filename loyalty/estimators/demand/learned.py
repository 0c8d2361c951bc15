"""Forecasts put together from several, learned over all products at once from windows that had ended.

`counts`: regression of units with a log link, one row of numbers for each product and origin, fitted by iteratively
reweighted least squares under quasi-likelihood, each product with its own variance (R. Wedderburn 1974, Biometrika
61(3)), and a ridge prior around "as the last quarter": a shop with little past gets the plain average. `blend`: weights
of several forecasts, none negative, all together one (or the sum of all products would shrink), that do as well as they
can on scaled errors, drawn to an even mix (J. Bates, C. Granger 1969, Operational Research Quarterly 20(4)).
"""

import numpy as np
from scipy.optimize import nnls

from loyalty.estimators.demand.levels import QUARTER, YEAR, Past, same_weeks

PARTS = ("average", "smooth", "season", "last_year", "rhythm")
STEPS = 12
PRIOR = 20.0  # rows that weigh as much as the prior
MOST = 2.0  # how far one forecast may stray from the plain level, as a logarithm
FARTHEST = 6.0  # scaled errors above this are cut to it
HALF = 0.5  # of a unit, added before logarithms


def inputs(past: Past, told: dict[str, np.ndarray]) -> np.ndarray:
    """Return what is known of each product, float64 [p, 12]; the first column is the logarithm of the plain level."""
    h = past.ahead
    base = np.log(told["average"] + HALF)
    year = np.log(h * past.rate(YEAR) + HALF)
    before = same_weeks(past) if past.width >= YEAR else np.zeros(len(base))
    had = past.age >= YEAR + h
    season = np.log(past.season_ahead / h / max(float(past.year[: past.width][-QUARTER:].mean()), 1e-9))
    told_by = np.column_stack([
        np.log(told["last"] + HALF) - base,
        np.log(h * past.rate(2 * QUARTER) + HALF) - base,
        year - base,
        np.where(had, np.log(before + HALF) - year, 0.0),
        np.log(told["rhythm"] + HALF) - base,
    ])  # fmt: skip
    return np.column_stack([
        base,
        told_by.clip(-MOST, MOST),
        1 / (1 + told["average"]),
        np.full(len(base), season),
        np.log(past.own_year),
        1 / past.age,
        np.log1p(past.quiet) - np.log1p(h),
        (past.weeks[:, -QUARTER:] > 0).mean(axis=1),
    ])  # fmt: skip


def counts(rows: np.ndarray, came: np.ndarray, scale: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the units told for `asked` [p, k] after learning from `rows` [n, k], what came and its scale, [n]."""
    if not len(rows):
        return np.maximum(np.exp(asked[:, 0]) - HALF, 0)
    level, rows = rows[:, 0], rows[:, 1:]
    middle, spread = rows.mean(axis=0), rows.std(axis=0)
    spread[spread < 1e-9] = 1.0
    z = np.column_stack([np.ones(len(rows)), (rows - middle) / spread])
    found = np.zeros(z.shape[1])
    for _step in range(STEPS):
        mean = np.exp(level + np.clip(z @ found, -MOST, MOST))
        weight = (mean / scale) ** 2
        shift = np.clip((came - mean) / scale, -FARTHEST, FARTHEST) * scale / mean
        normal = z.T @ (z * weight[:, None]) + PRIOR * np.eye(z.shape[1])
        move = np.linalg.solve(normal, z.T @ (weight * shift) - PRIOR * found)
        move *= min(1.0, 1.0 / max(np.abs(move).max(), 1e-12))
        found = found + move
        if np.abs(move).max() < 1e-4:
            break
    z = np.column_stack([np.ones(len(asked)), (asked[:, 1:] - middle) / spread])
    return np.exp(asked[:, 0] + np.clip(z @ found, -MOST, MOST))


def blend(parts: np.ndarray, came: np.ndarray, scale: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the mix of forecasts `asked` [p, k] by weights learned from `parts` [n, k], each row over its scale."""
    width = asked.shape[1]
    if not len(parts):
        return asked.mean(axis=1)
    middle = parts.mean(axis=1)
    off = (parts - middle[:, None]) / scale[:, None]
    goal = np.clip((came - middle) / scale, -FARTHEST, FARTHEST)
    gram = off.T @ off
    ridge = PRIOR * max(float((off**2).mean()), 1e-9)
    sure = 1e3 * (np.trace(gram) + ridge)  # weight of "all together one"
    gram += ridge * np.eye(width) + sure
    right = off.T @ goal + ridge / width + sure
    root = np.linalg.cholesky(gram)
    weight, _rest = nnls(root.T, np.linalg.solve(root, right))
    return asked @ (weight / weight.sum())
