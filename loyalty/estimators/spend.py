"""Gamma-Gamma: what a customer's orders are worth on average, shrunk towards the shop by how few they are.

P. Fader, B. Hardie (2013), "The Gamma-Gamma Model of Monetary Value", brucehardie.com/notes/025. The worth of an order
is gamma(p, nu) around a personal mean, nu ~ gamma(q, v) across customers; it does not depend on how often someone buys.

x orders, z their mean worth. Where the data say little of how people differ, the prior on the logarithms speaks: the
shop's mean with mild shrinkage.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from loyalty.estimators.base import NotEnoughData

CENTRE, SPREAD = np.array([1.3, 1.5]), np.array([1.0, 0.7])  # of log(p, q); v is centred on the shop's mean order
SPREAD_V = 2.0
BOUNDS = ((-4.0, 6.0), (0.02, 6.0), (-10.0, 10.0))  # q above 1, or the mean is infinite; v in mean orders


@dataclass
class GammaGamma:
    """Fit p, q, v to orders [n] and mean worth [n]; `prior=False` is plain maximum likelihood."""

    prior: bool = True

    def fit(self, x: np.ndarray, z: np.ndarray) -> "GammaGamma":
        """Learn from customers with a worth above zero: numbers of orders, mean worth."""
        x, z = np.asarray(x, np.float64), np.asarray(z, np.float64)
        some = (x > 0) & (z > 0)
        x, z = x[some], z[some]
        if not len(x):
            raise NotEnoughData("customers", have=0, need=1)
        unit = float(np.average(z, weights=x))  # fit in mean orders: the currency does not matter
        z = z / unit
        log_x, log_z = np.log(x), np.log(z)
        kinds, kind = np.unique(x, return_inverse=True)
        times = np.bincount(kind)
        centre = np.array([*CENTRE, np.log((np.exp(CENTRE[1]) - 1) / np.exp(CENTRE[0]))])
        spread = np.array([*SPREAD, SPREAD_V])

        def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
            p, q, v = np.exp(logs)
            shape, together = p * x, np.log(x * z + v)
            value = np.dot(times, gammaln(p * kinds + q) - gammaln(p * kinds)) + len(x) * (q * np.log(v) - gammaln(q))
            value += np.sum((shape - 1) * log_z + shape * log_x - (shape + q) * together)
            inside = np.dot(times, kinds * (digamma(p * kinds + q) - digamma(p * kinds)))
            g_p = inside + np.sum(x * (log_z + log_x - together))
            g_q = np.dot(times, digamma(p * kinds + q)) + len(x) * (np.log(v) - digamma(q)) - together.sum()
            g_v = len(x) * q / v - np.sum((shape + q) / (x * z + v))
            value, gradient = -value, -np.array([g_p * p, g_q * q, g_v * v])
            if self.prior:
                away = (logs - centre) / spread
                value, gradient = value + 0.5 * np.dot(away, away), gradient + away / spread
            return value / len(x), gradient / len(x)

        found = minimize(
            loss, centre, jac=True, method="L-BFGS-B", bounds=BOUNDS, options={"ftol": 1e-14, "gtol": 1e-9}
        ).x
        p, q, v = np.exp(found).tolist()
        self.p_, self.q_, self.v_ = p, q, v * unit
        penalty = 0.5 * np.sum(((found - centre) / spread) ** 2) if self.prior else 0.0
        self.log_likelihood_ = float(penalty - len(x) * loss(found)[0] - len(x) * np.log(unit))
        return self

    def mean(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return E[worth of an order | x orders of mean worth z], [n]; x = 0 gives the shop's mean (equation 5)."""
        x, z = np.asarray(x, np.float64), np.maximum(np.nan_to_num(z), 0.0)
        return self.p_ * (self.v_ + x * z) / (self.p_ * x + self.q_ - 1)
