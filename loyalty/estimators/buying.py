"""Buy till you die: how often people buy, and when they stop, from three numbers per customer.

BG/NBD: P. Fader, B. Hardie, K. L. Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2); equation
numbers below are theirs. While active, a customer buys at random times with a personal rate lambda ~ gamma(r, alpha);
after each purchase they leave for good with a personal chance p ~ beta(a, b).
MBG/NBD: D. Batislam, M. Denizel, A. Filiztekin (2007), IJRM 24(3): they may also leave right after the first purchase.
Pareto/NBD: D. Schmittlein, D. Morrison, R. Colombo (1987), Management Science 33(1): they may leave at any moment, at a
personal rate mu ~ gamma(s, beta).

x repeat purchases, t_x days from the first to the last, T days from the first to today. The unit of time is free: alpha
and beta come out in weeks. All three are one likelihood, bracket(x, t_x, T) times what does not depend on T: someone
stayed silent since t_x because they had left, or although they had not. So

    P(alive) = stay / bracket          P(no purchase within h) = bracket(x, t_x, T + h) / bracket(x, t_x, T)

Maximum likelihood is degenerate in 46 % of shops of 30 customers, so the default is the most likely value under a mild
prior on the logarithms of the parameters, which bounds every one of them and fades as data come in.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1

from loyalty.estimators.base import NotEnoughData

NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)
BLOCK = 20_000  # rows for which the integral of the Pareto/NBD is worked out at a time
STEP = 1e-4  # of a logarithm, where the log-likelihood's curvature is measured


@dataclass
class BuyTillYouDie:
    """What the three have in common; fit, then ask. `prior=False` is plain maximum likelihood."""

    prior: bool = True
    unit: float = 7.0  # days per unit of time inside the formulas

    # Of each model: its parameters, the mean and spread of the prior on their logarithms, and the bounds of the search.
    # The scale of the buying rate (alpha) is centred on the shop's own pace, so its mean is an offset from that.
    names = ("r", "alpha", "a", "b")
    centre = (-0.6, 0.0, 0.0, 1.7)
    spread = (0.7, 1.5, 0.7, 0.7)
    bounds = ((-6.0, 6.0), (-8.0, 9.0), (-6.0, 6.0), (-6.0, 6.0))

    def fit(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, *, weight: np.ndarray | None = None):
        """Learn from arrays [n]: repeat purchases, days to the last one, days observed."""
        if not len(x) or not np.max(T):
            raise NotEnoughData("customers", have=len(x), need=1)
        rows, times = _distinct(x, t_x, T, weight)
        x, t_x, T = rows[:, 0], rows[:, 1] / self.unit, rows[:, 2] / self.unit
        pace = (np.dot(times, x) + 0.5) / (np.dot(times, T) + 0.5)  # purchases per unit of time, everyone together
        centre = np.array(self.centre, np.float64)
        centre[1] += centre[0] - np.log(pace)
        cells = _Cells(x, t_x, T, times)

        def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = self._log_likelihood(np.exp(logs), cells)
            value, gradient = -value, -gradient
            if self.prior:
                away = (logs - centre) / self.spread
                value += 0.5 * np.dot(away, away)
                gradient = gradient + away / self.spread
            return value / cells.total, gradient / cells.total

        found = minimize(
            loss, centre, jac=True, method="L-BFGS-B", bounds=self.bounds, options={"ftol": 1e-14, "gtol": 1e-8}
        ).x
        curvature = np.array([
            (loss(found + step)[1] - loss(found - step)[1]) / (2 * STEP) for step in STEP * np.eye(len(found))
        ])  # fmt: skip
        inverse = np.linalg.pinv((curvature + curvature.T) / 2)
        polished = found - inverse @ loss(found)[1]  # a last step of Newton's: the search stops a little early
        if loss(polished)[0] <= loss(found)[0]:
            found = polished
        self.covariance_ = inverse / cells.total  # of the logarithms
        self.parameters_ = np.exp(found)
        self.log_likelihood_ = float(self._log_likelihood(self.parameters_, cells)[0])
        return self

    @property
    def named(self) -> dict[str, float]:
        """Return the parameters by their names in the paper."""
        return dict(zip(self.names, self.parameters_.tolist(), strict=True))

    def alive(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Return P(still a customer), [n]. Not a churn score: under BG/NBD it is 1 for every one-time buyer."""
        stay, gone = self._halves(self.parameters_, np.asarray(x, np.float64), t_x / self.unit, T / self.unit)
        return expit(stay - gone)

    def no_purchase(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, days: np.ndarray | float) -> np.ndarray:
        """Return P(no purchase within the next `days`), [n]: gone already, or alive and silent that long."""
        x, t_x, T, days = np.asarray(x, np.float64), t_x / self.unit, T / self.unit, np.asarray(days) / self.unit
        until_now = np.logaddexp(*self._halves(self.parameters_, x, t_x, T))
        until_then = np.logaddexp(*self._halves(self.parameters_, x, t_x, T + days))
        return np.exp(np.minimum(until_then - until_now, 0.0))

    def expected(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, days: np.ndarray | float) -> np.ndarray:
        """Return E[purchases within the next `days`], [n]."""
        args = (np.asarray(x, np.float64), t_x / self.unit, T / self.unit, np.asarray(days) / self.unit)
        return self._expected(self.parameters_, *args)

    def rate(self, x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Return the expected orders per day of someone who is still a customer, [n]."""
        return (self.parameters_[0] + x) / (self.parameters_[1] + T / self.unit) / self.unit


class BgNbd(BuyTillYouDie):
    """The BG/NBD: someone who came once has surely not left yet."""

    shift = 0.0

    def _log_likelihood(self, parameters: np.ndarray, cells: "_Cells") -> tuple[float, np.ndarray]:
        """Return the sum of equation 6 and its gradient by log(r, alpha, a, b)."""
        r, alpha, a, b = parameters
        n, w, t, shift = cells.kinds, cells.kind_times, cells.times, self.shift
        fixed = gammaln(r + n) - gammaln(r) + r * np.log(alpha) + betaln(a, b + n + shift) - betaln(a, b)
        d_r = digamma(r + n) - digamma(r) + np.log(alpha)
        together = digamma(a + b) - digamma(a + b + n + shift)
        d_b = digamma(b + n + shift) - digamma(b) + together

        power, before = r + cells.x, b + cells.x - 1 + shift  # (b + x - 1) of equation 6
        log_T, log_t = np.log(alpha + cells.T), np.log(alpha + cells.t_x)
        may_leave = cells.x + shift > 0
        stay = -power * log_T
        leave = np.full_like(stay, -np.inf)
        leave[may_leave] = np.log(a / before[may_leave]) - power[may_leave] * log_t[may_leave]
        both = np.logaddexp(stay, leave)
        share = np.exp(leave - both)  # of the second term: P(gone)
        value = np.dot(w, fixed) + np.dot(t, both)
        g_r = np.dot(w, d_r) - np.dot(t, (1 - share) * log_T + share * log_t)
        pull = power * ((1 - share) / (alpha + cells.T) + share / (alpha + cells.t_x))
        g_alpha = cells.total * r / alpha - np.dot(t, pull)
        g_a = np.dot(w, together) + np.dot(t, share) / a
        g_b = np.dot(w, d_b) - np.dot(t[may_leave], share[may_leave] / before[may_leave])
        return float(value), np.array([g_r * r, g_alpha * alpha, g_a * a, g_b * b])

    def _halves(self, parameters, x, t_x, T) -> tuple[np.ndarray, np.ndarray]:
        """Return the logarithms of the two halves of the bracket of equation 6: silent and staying, gone, two [n]."""
        r, alpha, a, b = parameters
        stay = -(r + x) * np.log(alpha + T)
        gone = np.log(a / np.maximum(b + x - 1 + self.shift, 1e-12)) - (r + x) * np.log(alpha + t_x)
        return stay, np.where(x + self.shift > 0, gone, -np.inf)

    def _expected(self, parameters, x, t_x, T, t) -> np.ndarray:
        """Return equation 10, [n]; with `shift` that of the MBG/NBD."""
        r, alpha, a, b = parameters
        a = a if abs(a - 1) > 1e-6 else 1 + 1e-6  # the formula's hole at a = 1
        first, second, third = r + x, b + x + self.shift, a + b + x - 1 + self.shift
        stay, gone = self._halves(parameters, x, t_x, T)
        series = _gauss(first, second, third, t / (alpha + T + t))
        silent = np.exp(first * np.log((alpha + T) / (alpha + T + t)))
        return np.maximum(third / (a - 1) * (1 - silent * series), 0.0) * expit(stay - gone)


class MbgNbd(BgNbd):
    """The MBG/NBD: the first purchase may have been the last."""

    shift = 1.0


class ParetoNbd(BuyTillYouDie):
    """The Pareto/NBD: people leave at any moment. The time of leaving is integrated out by Gauss-Legendre, 32 nodes."""

    names = ("r", "alpha", "s", "beta")
    centre = (-0.6, 0.0, -0.6, 2.3)
    spread = (0.7, 1.5, 0.7, 1.0)
    bounds = ((-6.0, 6.0), (-8.0, 9.0), (-6.0, 6.0), (-6.0, 9.0))

    def _log_likelihood(self, parameters: np.ndarray, cells: "_Cells") -> tuple[float, np.ndarray]:
        """Return the sum of the log-likelihoods and its gradient by log(r, alpha, s, beta)."""
        r, alpha, s, beta = parameters
        n, w, t = cells.kinds, cells.kind_times, cells.times
        fixed = gammaln(r + n) - gammaln(r) + r * np.log(alpha)
        d_r = digamma(r + n) - digamma(r) + np.log(alpha)
        power = r + cells.x
        log_a, log_b = np.log(alpha + cells.T), np.log(beta + cells.T)
        stay = -power * log_a + s * (np.log(beta) - log_b)
        gone, of_node, at = self._gone(parameters, cells.x, cells.t_x, cells.T)
        both = np.logaddexp(stay, gone)
        share = np.exp(gone - both)
        value = np.dot(w, fixed) + np.dot(t, both)

        def through(staying: np.ndarray, leaving: np.ndarray) -> float:
            """Return the sum over customers of a slope: its value if they stayed, its mean over the time of leaving."""
            return np.dot(t, (1 - share) * staying + share * (of_node * leaving).sum(1))

        log_alpha_at, log_beta_at = np.log(alpha + at), np.log(beta + at)
        g_r = np.dot(w, d_r) - through(log_a, log_alpha_at)
        g_alpha = cells.total * r / alpha - through(power / (alpha + cells.T), power[:, None] / (alpha + at))
        g_s = through(np.log(beta) - log_b, 1 / s + np.log(beta) - log_beta_at)
        g_beta = through(s / beta - s / (beta + cells.T), s / beta - (s + 1) / (beta + at))
        return float(value), np.array([g_r * r, g_alpha * alpha, g_s * s, g_beta * beta])

    def _gone(self, parameters, x, t_x, T) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the log of the integral over leaving between t_x and T [n]; each node's share and time [n, 32].

        The integrand s beta^s (alpha + t)^-(r + x) (beta + t)^-(s + 1) is smooth in log(beta + t).
        """
        r, alpha, s, beta = parameters
        low, high = np.log(beta + t_x), np.log(beta + T)
        half = (high - low) / 2
        place = (high + low)[:, None] / 2 + half[:, None] * NODES
        at = np.exp(place) - beta
        inside = np.log(s) + s * np.log(beta) - (r + x)[:, None] * np.log(alpha + at) - s * place + np.log(WEIGHTS)
        top = inside.max(1)
        parts = np.exp(inside - top[:, None])
        total = parts.sum(1)
        with np.errstate(divide="ignore"):
            return top + np.log(total) + np.log(half), parts / total[:, None], at

    def _halves(self, parameters, x, t_x, T) -> tuple[np.ndarray, np.ndarray]:
        r, alpha, s, beta = parameters
        x, t_x, T = np.broadcast_arrays(x, t_x, T)
        stay = -(r + x) * np.log(alpha + T) + s * (np.log(beta) - np.log(beta + T))
        parts = [
            self._gone(parameters, x[i : i + BLOCK], t_x[i : i + BLOCK], T[i : i + BLOCK])[0]
            for i in range(0, len(x), BLOCK)
        ]
        return stay, np.concatenate(parts)

    def _expected(self, parameters, x, t_x, T, t) -> np.ndarray:
        r, alpha, s, beta = parameters
        s = s if abs(s - 1) > 1e-6 else 1 + 1e-6
        stay, gone = self._halves(parameters, x, t_x, T)
        active = -np.expm1((s - 1) * np.log((beta + T) / (beta + T + t))) * (beta + T) / (s - 1)  # E[time still active]
        return expit(stay - gone) * active * (r + x) / (alpha + T)


def _gauss(a: np.ndarray, b: np.ndarray, c: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return 2F1(a, b; c; z); where the series overflows, by Euler's transformation."""
    with np.errstate(all="ignore"):
        found = hyp2f1(a, b, c, z)
        bad = ~np.isfinite(found)
        if bad.any():
            a, b, c, z = np.broadcast_arrays(a, b, c, z)
            a, b, c, z = a[bad], b[bad], c[bad], z[bad]
            found[bad] = np.exp(np.log(hyp2f1(c - a, c - b, c, z)) + (c - a - b) * np.log1p(-z))
    return found


def _distinct(x, t_x, T, weight) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows (x, t_x, T) and how many customers stand behind each."""
    rows = np.column_stack([x, t_x, T]).astype(np.float64)
    times = np.ones(len(rows)) if weight is None else np.asarray(weight, np.float64)
    order = np.lexsort(rows.T)
    rows, times = rows[order], times[order]
    starts = np.flatnonzero(np.r_[True, (rows[1:] != rows[:-1]).any(1)])
    return rows[starts], np.add.reduceat(times, starts)


class _Cells:
    """The distinct rows (x, t_x, T), each counted `times`; gamma functions are dear, so they go by distinct x."""

    def __init__(self, x, t_x, T, times):
        self.x, self.t_x, self.T, self.times = x, t_x, T, times
        self.total = times.sum()
        self.kinds, kind = np.unique(x, return_inverse=True)
        self.kind_times = np.bincount(kind, times)
