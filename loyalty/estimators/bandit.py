"""Which share of the next mailing each version gets, so that few people get a worse one while we learn.

D. Russo, B. Van Roy (2014), "Learning to Optimize via Information-Directed Sampling", NeurIPS: send so that the regret
expected of one message, squared, is smallest per information it brings about which version is best. The information is
their variance-based measure (section 6, "V-IDS"). W. Thompson (1933), Biometrika 25: send by the chance to be best.

Counts are of shape [..., k]: k versions, and any leading axes of shops that are worked out together. Everything is
exact integration on a grid of the rates, so the same counts always give the same shares.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

POINTS = 160
PRIOR_EVENTS = 4.0  # what we believe beforehand weighs as much as four orders per version
HOPE = 1.5  # and says that a version may be half again as good as usual: doubt is worth a look


class Policy(Protocol):
    def shares(self, events: np.ndarray, people: np.ndarray) -> np.ndarray:
        """Return the chances [..., k] for the next messages, given events of people so far."""


@dataclass
class Even:
    """The plain baseline: everything evenly, whatever is known."""

    def shares(self, events: np.ndarray, people: np.ndarray) -> np.ndarray:
        return np.full(np.shape(events), 1 / np.shape(events)[-1])


@dataclass
class Thompson:
    """Send by the chance to be best. `base_rate` (0 to 1): what messages brought so far; None: nothing is known."""

    base_rate: float | None = None

    def shares(self, events: np.ndarray, people: np.ndarray) -> np.ndarray:
        _rates, _mass, joint = _beliefs(*_posterior(events, people, self.base_rate))
        chance = joint.sum(axis=-1)
        return chance / chance.sum(axis=-1, keepdims=True)


@dataclass
class InformationDirected:
    """Send where little is lost per thing learned. `base_rate` (0 to 1) as above.

    The prior stands above the base rate on purpose: one that expects too little gives up a good version after a few
    unlucky messages and hardly ever comes back.
    """

    base_rate: float | None = None

    def shares(self, events: np.ndarray, people: np.ndarray) -> np.ndarray:
        alpha, beta = _posterior(events, people, self.base_rate)
        rates, mass, joint = _beliefs(alpha, beta)
        count = joint.shape[-2]
        best = joint.sum(axis=-1)  # [..., k]: the chance to be best
        best = best / best.sum(axis=-1, keepdims=True)
        given_best = joint / np.maximum(joint.sum(axis=-1, keepdims=True), 1e-300)
        # E[rate of j | i is best]: i's own rate, and for the others their mean below that rate
        below = np.cumsum(mass, axis=-1)
        mean_below = np.cumsum(mass * rates[..., None, :], axis=-1) / np.maximum(below, 1e-300)
        expected = given_best @ np.swapaxes(mean_below, -1, -2)  # [..., i, j]
        own = (given_best * rates[..., None, :]).sum(axis=-1)
        expected[..., np.arange(count), np.arange(count)] = own
        mean = alpha / (alpha + beta)
        regret = np.maximum((best * own).sum(axis=-1, keepdims=True) - mean, 1e-12)
        learned = (best[..., None] * (expected - mean[..., None, :]) ** 2).sum(axis=-2)
        return _least_ratio(regret, np.maximum(learned, 1e-18))


@dataclass
class ForMailings:
    """Half by information, half by the chance to be best: for mailings whose results come in all at once.

    Information-directed sampling decides about one message, and may give a whole mailing to one version, tied or not;
    with few big mailings and late results that costs more than it saves (docs/methods/bandits.md has the figures).
    """

    base_rate: float | None = None

    def shares(self, events: np.ndarray, people: np.ndarray) -> np.ndarray:
        by_information = InformationDirected(self.base_rate).shares(events, people)
        return (by_information + Thompson(self.base_rate).shares(events, people)) / 2


def with_floor(shares: np.ndarray, least: float) -> np.ndarray:
    """Return shares of which none is below `least`, so that a version can always come back."""
    shares = np.asarray(shares, np.float64)
    return least + (1 - least * shares.shape[-1]) * shares


def seen(people: np.ndarray, share_of_window: np.ndarray) -> np.ndarray:
    """Return how many people's answers are in, where orders may come until the window has passed.

    Somebody written to a third of the window ago counts as a third of a person: as if orders came evenly over the
    window (O. Chapelle 2014, KDD, "Modeling delayed feedback", with a flat delay). All versions of a mailing alike.
    """
    return np.asarray(people, np.float64) * np.clip(share_of_window, 0.0, 1.0)


def simulate(
    policy: Policy,
    rates: np.ndarray,
    *,
    sends: int = 10_000,
    runs: int = 200,
    batch: float = 0.02,
    first: int = 1,
    late: int = 0,
    seed: int = 0,
) -> np.ndarray:
    """Return the events lost by each of `runs` shops against always sending the best version, [runs].

    A mailing has `batch` times as many messages as were sent before it, at least `first`; what came of it is known
    `late` mailings after the next one has gone out.
    """
    rng = np.random.default_rng(seed)
    rates = np.asarray(rates, np.float64)
    events, people = np.zeros((runs, len(rates))), np.zeros((runs, len(rates)))
    lost, sent, waiting = np.zeros(runs), 0, []
    while sent < sends:
        size = max(first, min(sends - sent, int(sent * batch)))
        size = min(size, sends - sent)
        counts = rng.multinomial(size, policy.shares(events, people))
        waiting.append((rng.binomial(counts, rates), counts))
        if len(waiting) > late:
            came, of = waiting.pop(0)
            events, people = events + came, people + of
        lost += counts @ (rates.max() - rates)
        sent += size
    return lost


def _posterior(events: np.ndarray, people: np.ndarray, base_rate: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return alpha and beta of each version's rate; without a base rate the prior is flat."""
    events, people = np.asarray(events, np.float64), np.asarray(people, np.float64)
    alpha, beta = 1.0, 1.0
    if base_rate is not None:
        alpha = PRIOR_EVENTS
        beta = PRIOR_EVENTS / min(max(HOPE * base_rate, 1e-4), 0.9) - PRIOR_EVENTS
    return alpha + events, beta + np.maximum(people - events, 0.0)


def _beliefs(alpha: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the grid of rates [..., g], each version's mass on it [..., k, g], and the mass of being best there."""
    mean = alpha / (alpha + beta)
    deviation = np.sqrt(mean * (1 - mean) / (alpha + beta + 1))
    low = np.clip((mean - 6 * deviation).min(axis=-1), 1e-7, None)
    high = np.clip((mean + 8 * deviation).max(axis=-1), None, 1 - 1e-7)
    low, high = np.log(low / (1 - low)), np.log(high / (1 - high))
    logits = low[..., None] + (high - low)[..., None] * np.linspace(0, 1, POINTS)
    rates = 1 / (1 + np.exp(-logits))
    # on the logit scale the density's exponents are alpha and beta themselves
    log = alpha[..., None] * np.log(rates)[..., None, :] + beta[..., None] * np.log1p(-rates)[..., None, :]
    mass = np.exp(log - log.max(axis=-1, keepdims=True))
    mass /= mass.sum(axis=-1, keepdims=True)
    log_below = np.log(np.maximum(np.cumsum(mass, axis=-1) - mass / 2, 1e-300))
    joint = mass * np.exp(log_below.sum(axis=-2, keepdims=True) - log_below)
    return rates, mass, joint


def _least_ratio(regret: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Return the mix that makes regret squared per information smallest; two versions are always enough for it."""
    count = regret.shape[-1]
    smallest = np.full(regret.shape[:-1], np.inf)
    chosen = np.zeros(regret.shape)
    for i in range(count):
        for j in range(i, count):
            mix = np.ones(regret.shape[:-1])
            if i != j:
                slope, gain = regret[..., i] - regret[..., j], learned[..., i] - learned[..., j]
                with np.errstate(divide="ignore", invalid="ignore"):
                    # the derivative of the ratio in the mix vanishes here (or at an end)
                    mix = regret[..., j] / slope - 2 * learned[..., j] / gain
                mix = np.clip(np.where(np.isfinite(mix), mix, 0.0), 0.0, 1.0)
            lost = mix * regret[..., i] + (1 - mix) * regret[..., j]
            ratio = lost**2 / (mix * learned[..., i] + (1 - mix) * learned[..., j])
            better = ratio < smallest
            smallest = np.where(better, ratio, smallest)
            weights = np.zeros(regret.shape)
            weights[..., i] += mix
            weights[..., j] += 1 - mix
            chosen = np.where(better[..., None], weights, chosen)
    return chosen
