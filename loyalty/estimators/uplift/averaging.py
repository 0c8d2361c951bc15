"""A regression that does not know which few of many columns matter: Bayesian model averaging.

Every set of columns has a marginal likelihood under Zellner's g prior; F. Liang et al. (2008), "Mixtures of g Priors
for Bayesian Variable Selection", JASA 103(481), equation 6; g is averaged over as well. Sets of equal size share what
their size gets, so that many columns do not find something by their number (J. Scott, J. Berger 2010, Annals of
Statistics 38(5)). Only sets near the best are kept: Occam's window (D. Madigan, A. Raftery 1994, JASA 89(428)).
"""

from math import lgamma

import numpy as np

SPREADS = (1, 10, 100, 1000)  # g is rows over these: what offers change differs far less than what people do
WINDOW = np.log(1e3)  # sets less plausible than the best by this factor are left out
MOST_COLUMNS, KEPT = 8, 60  # in a set; sets of a size


def averaged(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (coefficients [k], level), averaged over sets of columns and over g."""
    at, level = X.mean(0), float(y.mean())
    X, y = X - at, y - level
    gram, moment, power = X.T @ X, X.T @ y, float(y @ y)
    if not X.shape[1] or power <= 0:
        return np.zeros(X.shape[1]), level
    parts = [_window(gram, moment, power, len(y), len(y) / spread) for spread in SPREADS]
    evidence = np.array([part[0] for part in parts])
    weight = np.exp(evidence - evidence.max())
    coefficients = np.average([part[1] for part in parts], axis=0, weights=weight)
    return coefficients, float(level - at @ coefficients)


def _window(gram, moment, power: float, n: int, g: float) -> tuple[float, np.ndarray]:
    """Return (log evidence of all sets, mean coefficients) for one g."""
    k = len(moment)
    own = np.diag(gram)

    def plausible(explained, size: int):
        of_size = -np.log(k + 1) - (lgamma(k + 1) - lgamma(size + 1) - lgamma(k - size + 1))
        share = np.clip(explained / power, 0, 1 - 1e-12)
        return of_size + (n - 1 - size) / 2 * np.log1p(g) - (n - 1) / 2 * np.log1p(g * (1 - share))

    sets, front = {(): float(plausible(0.0, 0))}, [()]
    best = sets[()]
    for size in range(1, min(MOST_COLUMNS, k) + 1):
        found: dict[tuple[int, ...], float] = {}
        for members in front:
            mine = list(members)
            inverse = np.linalg.inv(gram[np.ix_(mine, mine)])
            partial = moment - gram[:, mine] @ (inverse @ moment[mine])
            left = own - np.einsum("ij,jk,ik->i", gram[:, mine], inverse, gram[:, mine])
            able = left > 1e-6 * own
            able[mine] = False
            gain = partial**2 / np.where(able, left, 1.0)
            scores = plausible(moment[mine] @ inverse @ moment[mine] + gain, size)
            for column in np.flatnonzero(able & (scores > best - WINDOW)):
                found[tuple(sorted((*members, int(column))))] = float(scores[column])
        best = max([best, *found.values()])
        front = [one for one in sorted(found, key=found.get, reverse=True)[:KEPT] if found[one] > best - WINDOW]
        sets |= {one: found[one] for one in front}
        if not front:
            break
    weights = {members: np.exp(score - best) for members, score in sets.items()}
    total, coefficients = sum(weights.values()), np.zeros(k)
    for members, weight in weights.items():
        if members:
            mine = list(members)
            fit = np.linalg.solve(gram[np.ix_(mine, mine)], moment[mine])
            coefficients[mine] += weight / total * g / (1 + g) * fit
    return best + float(np.log(total)), coefficients
