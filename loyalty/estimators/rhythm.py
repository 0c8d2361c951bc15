"""Personal rhythm: people who buy by a clock, each by their own, until they stop for good.

MBG/CNBD-k with any k: T. Reutterer, M. Platzer, N. Schröder (2021), "Leveraging purchase regularity for predicting
customer behavior the easy way", IJRM 38(1). The gaps between a person's visits are gamma(k, theta), theta ~ gamma(c, d)
across people (shrinkage); after each visit they leave for good with a personal chance p ~ beta(a, b). The silence since
the last visit is a gap not over yet (censored). k = 1 is the MBG/NBD: no clock at all.

Regularity k comes first, from how evenly two gaps in a row of one person share their sum, which no difference between
people can blur: D. Wheat, D. Morrison (1990), Marketing Science 9(1): for gamma gaps g1 / (g1 + g2) ~ beta(k, k).
Then c, d, a, b are the most likely values under the same mild prior as in estimators.buying.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betainc, betaln, digamma, expit, gammaln, log_expit

from loyalty.estimators.base import History, Summary

CENTRE, SPREAD = np.array([0.0, 0.0, 0.0, 1.7]), np.array([0.7, 1.5, 0.7, 0.7])  # of log(c, d, a, b)
FEWEST_PAIRS = 30
MOST_PEOPLE = 4_000  # drawn at random for learning; the four numbers are known to a few percent by then
SMALLEST = 1e-300


def regularity(history: History) -> float:
    """Return k of the gaps between visits: 1 is pure chance, 4 a clock, shrunk towards 1 where pairs are few."""
    position, gap = history.visits.gaps
    follows = np.flatnonzero(np.diff(position) == 1)
    pairs = len(follows)
    if pairs < FEWEST_PAIRS:
        return 1.0
    first, second = gap[follows].astype(np.float64), gap[follows + 1].astype(np.float64)
    spread = np.mean((first / (first + second) - 0.5) ** 2)
    k = (1 / (4 * max(spread, 1e-3)) - 1) / 2
    return float(np.clip(np.exp(np.log(max(k, 0.2)) * pairs / (pairs + FEWEST_PAIRS)), 0.5, 30.0))


@dataclass
class Rhythm:
    """Fit k, c, d, a, b to a history known up to its `as_of`; days throughout."""

    seed: int = 0

    def fit(self, history: History, summary: Summary) -> "Rhythm":
        self.k_ = k = regularity(history)
        s = summary
        gaps, total, quiet = s.repeats.astype(np.float64), s.recency.astype(np.float64), s.quiet + 0.5
        if len(gaps) > MOST_PEOPLE:
            drawn = np.random.default_rng(self.seed).choice(len(gaps), MOST_PEOPLE, replace=False)
            gaps, total, quiet = gaps[drawn], total[drawn], quiet[drawn]
        size = len(gaps)
        pace = (total.sum() + quiet.sum()) / (gaps.sum() + 1.0)  # days of watching per gap seen
        centre = CENTRE + np.array([0.0, np.log(pace / k), 0.0, 0.0])

        def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
            c, d, a, b = np.exp(logs)
            shape, scale = c + k * gaps, d + total
            value = gammaln(shape) - gammaln(c) + c * np.log(d) - shape * np.log(scale)
            value = value + betaln(a, b + gaps) - betaln(a, b)  # stayed after each visit but the last
            stays, share_stays, slope_scale, slope_shape = self._silence(shape, scale, quiet, a, b + gaps)
            value = value.sum() + stays.sum()
            g_c = digamma(shape) - digamma(c) + np.log(d) - np.log(scale) + share_stays * slope_shape
            g_d = c / d - shape / scale + share_stays * slope_scale
            left = a / (a + b + gaps)
            # of the last visit: left with chance a / (a + b + gaps); the bracket is left + (1 - left) S
            by_left = (1 - share_stays) / left - share_stays / (1 - left)
            g_a = digamma(a + b) - digamma(a + b + gaps) + by_left * (b + gaps) / (a + b + gaps) ** 2
            g_b = digamma(b + gaps) - digamma(b) + digamma(a + b) - digamma(a + b + gaps)
            g_b = g_b - by_left * a / (a + b + gaps) ** 2
            away = (logs - centre) / SPREAD
            gradient = -np.array([g_c.sum() * c, g_d.sum() * d, g_a.sum() * a, g_b.sum() * b]) + away / SPREAD
            return (0.5 * np.dot(away, away) - value) / size, gradient / size

        bounds = [(-5.0, 5.0), (-5.0, 12.0), (-6.0, 6.0), (-6.0, 6.0)]
        found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-10})
        self.c_, self.d_, self.a_, self.b_ = np.exp(found.x).tolist()
        return self

    def _silence(self, shape, scale, quiet, a, stayed):
        """Return log(left + (1 - left) S(quiet)), the share of its second term, and d log S by scale and by shape."""
        k = self.k_
        left = a / (a + stayed)
        survive = np.maximum(betainc(shape, k, scale / (scale + quiet)), SMALLEST)
        both = left + (1 - left) * survive
        share = (1 - left) * survive / both
        log_density = shape * np.log(scale) + k * np.log(quiet) - (shape + k) * np.log(scale + quiet) - betaln(shape, k)
        by_scale = np.exp(log_density - np.log(survive)) / scale  # S is a beta distribution function of d / (d + t)
        step = 1e-5 * shape
        more = np.maximum(betainc(shape + step, k, scale / (scale + quiet)), SMALLEST)
        less = np.maximum(betainc(shape - step, k, scale / (scale + quiet)), SMALLEST)
        return np.log(both), share, by_scale, (np.log(more) - np.log(less)) / (2 * step)

    def _log_silent(self, s: Summary, days: np.ndarray | float) -> np.ndarray:
        """Return log P(a gap longer than `days` | still a customer), [b]."""
        shape, scale = self.c_ + self.k_ * s.repeats, self.d_ + s.recency
        return np.log(np.maximum(betainc(shape, self.k_, scale / (scale + days)), SMALLEST))

    def alive(self, s: Summary) -> np.ndarray:
        """Return P(still a customer), [b]."""
        return expit(np.log((self.b_ + s.repeats) / self.a_) + self._log_silent(s, s.quiet + 0.5))

    def no_purchase(self, s: Summary, days: float) -> np.ndarray:
        """Return P(no visit within the next `days`), [b]."""
        odds = np.log((self.b_ + s.repeats) / self.a_)  # of having stayed after the last visit
        now, then = self._log_silent(s, s.quiet + 0.5), self._log_silent(s, s.quiet + 0.5 + days)
        return np.exp(np.minimum(log_expit(-(odds + now)) - log_expit(-(odds + then)), 0.0))

    def mean_gap(self, s: Summary) -> np.ndarray:
        """Return each person's usual gap, [b] days: k over the mean of theta given their gaps."""
        return self.k_ * (self.d_ + s.recency) / (self.c_ + self.k_ * s.repeats)
