"""How good is a forecast, and which of several to believe: cuts in time, measures, and the choice."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import rankdata

SURE = 1e-6  # probabilities are kept this far from 0 and 1 before a logarithm
FICKLE = 0.02  # of log loss: what sets two methods apart in one window says no more than that of the next


def auc(label: np.ndarray, score: np.ndarray) -> float | None:
    """Return the chance that a true case scores above a false one, ties counting half; None with one class only."""
    label = np.asarray(label, bool)
    cases, others = int(label.sum()), int((~label).sum())
    if not cases or not others:
        return None
    return float((rankdata(score)[label].sum() - cases * (cases + 1) / 2) / (cases * others))


def average_precision(label: np.ndarray, score: np.ndarray) -> float | None:
    """Return the area under precision against recall, tied scores taken together; None without a true case."""
    label = np.asarray(label, bool)
    if not label.any():
        return None
    order = np.argsort(-np.asarray(score), kind="stable")
    last_of_tie = np.r_[np.flatnonzero(np.diff(np.asarray(score)[order])), len(label) - 1]
    hits = np.cumsum(label[order])[last_of_tie]
    precision, recall = hits / (last_of_tie + 1), hits / label.sum()
    return float(np.dot(np.diff(np.r_[0.0, recall]), precision))


def log_losses(label: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return each row's -log of the chance given to what happened, float64 [n]."""
    chance = np.clip(chance, SURE, 1 - SURE)
    return -np.where(label, np.log(chance), np.log1p(-chance))


def calibration_error(label: np.ndarray, chance: np.ndarray, groups: int = 10) -> float:
    """Return the mean gap between the chance told and the share that came, over groups of equal size."""
    order = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(order, groups) if len(part)]
    return float(sum(len(part) * abs(label[part].mean() - chance[part].mean()) for part in parts) / len(label))


def measures(label: np.ndarray, chance: np.ndarray) -> dict[str, float | None]:
    """Return the figures of a report card for chances [n] against what happened, bool [n]."""
    label = np.asarray(label, bool)
    return {
        "auc": auc(label, chance),
        "pr_auc": average_precision(label, chance),
        "log_loss": float(log_losses(label, chance).mean()),
        "accuracy": float(np.mean((chance >= 0.5) == label)),
        "brier": float(np.mean((chance - label) ** 2)),
        "ece": calibration_error(label, chance),
    }


def intervals(label: np.ndarray, chance: np.ndarray, *, draws: int = 200, seed: int = 0) -> dict[str, list[float]]:
    """Return the 90 % intervals of AUC, accuracy, Brier and calibration error by the bootstrap over people.

    Each draw weights people by Poisson(1) counts: for more than a handful that is drawing them with return.
    """
    label, chance = np.asarray(label, bool), np.asarray(chance, np.float64)
    order = np.argsort(chance, kind="stable")
    label, chance = label[order], chance[order]
    ties = np.flatnonzero(np.r_[True, np.diff(chance) > 0])
    groups = np.unique(np.linspace(0, len(chance), 11).astype(int)[:-1])
    right, square = ((chance >= 0.5) == label).astype(np.float64), (chance - label) ** 2
    rng, found = np.random.default_rng(seed), []
    for _ in range(draws):
        weight = rng.poisson(1.0, len(label)).astype(np.float64)
        cases, others = weight * label, weight * ~label
        if not cases.any() or not others.any():
            continue
        case, other = np.add.reduceat(cases, ties), np.add.reduceat(others, ties)
        area = np.dot(case, np.cumsum(other) - other / 2) / (cases.sum() * others.sum())
        off = np.abs(np.add.reduceat(weight * (label - chance), groups)).sum() / weight.sum()
        found.append((area, np.dot(weight, right) / weight.sum(), np.dot(weight, square) / weight.sum(), off))
    if not found:
        return {}
    low, high = np.quantile(np.array(found), [0.05, 0.95], axis=0)
    return {
        name: [round(float(a), 5), round(float(b), 5)]
        for name, a, b in zip(("auc", "accuracy", "brier", "ece"), low, high, strict=True)
    }


def caught(label: np.ndarray, chance: np.ndarray, share: float = 0.1) -> tuple[int, int]:
    """Return (how many of the riskiest share came true, how many that share is)."""
    size = max(round(len(label) * share), 1)
    return int(np.asarray(label, bool)[np.argsort(-chance, kind="stable")[:size]].sum()), size


def level_step(share: float, chance: np.ndarray) -> float:
    """Return the one step of log-odds by which all chances must move for their mean to be `share`."""
    share = np.clip(share, 0.5 / len(chance), 1 - 0.5 / len(chance))
    odds = logit(np.clip(chance, SURE, 1 - SURE))
    return float(brentq(lambda by: expit(odds + by).mean() - share, -40, 40, xtol=1e-6))


def at_level(share: float, chance: np.ndarray) -> np.ndarray:
    """Return the chances moved, all by one step of log-odds, so that their mean is `share`."""
    return expit(logit(np.clip(chance, SURE, 1 - SURE)) + level_step(share, chance))


@dataclass(frozen=True)
class Origins:
    """Days from which the past is replayed: learn at `train`, look ahead `horizon` days, be tested at `tests`."""

    horizon: int
    step: int
    train: list[int]  # newest first, one step apart; windows overlap
    tests: list[int]  # newest first, one horizon apart; windows do not
    running: list[int]  # newest first; windows that have begun and not ended, a step old at least

    def known_before(self, test: int, most: int) -> list[int]:
        """Return the training days whose window had ended on the day of the test, newest first."""
        return [day for day in self.train if day + self.horizon <= test][:most]


def origins(first_day: int, cut: int, horizon: int, *, tests: int = 4, windows: int = 12) -> Origins:
    """Place the origins so that every window ends by the cut and begins with some past to learn from."""
    step = max(horizon // 3, 1)
    earliest = first_day + max(horizon // 2, 14)
    newest = cut - horizon
    train = list(range(newest, earliest - 1, -step))[: windows + 3 * tests]
    running = [day for day in range(newest + step, cut - step + 1, step) if day >= earliest][::-1]
    return Origins(horizon, step, train, list(range(newest, earliest - 1, -horizon))[:tests], running)


@dataclass
class Tested:
    """What the candidates said about one window before it happened."""

    day: int
    customer: np.ndarray  # int [n]
    label: np.ndarray  # bool [n]
    chances: dict[str, np.ndarray]  # by candidate, float64 [n]


def pooled(tested: list[Tested], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and chances of one candidate over all windows it was tested in."""
    mine = [window for window in tested if name in window.chances]
    return np.concatenate([w.label for w in mine]), np.concatenate([w.chances[name] for w in mine])


def losses_at_level(window: Tested, name: str) -> np.ndarray:
    """Return each row's log loss after the window's own level is taken out, [n]."""
    return log_losses(window.label, at_level(window.label.mean(), window.chances[name]))


def loss_at_level(tested: list[Tested], name: str) -> float:
    return float(np.concatenate([losses_at_level(window, name) for window in tested]).mean())


def choose(tested: list[Tested], order: list[str], baseline: str, *, fickle: float = 0.0) -> str:
    """Return the first candidate that is within one standard error of the best; the baseline if none beats it.

    `order` runs from most to least trusted. Candidates are compared on the windows all of them were tested in, by log
    loss after each window's own level is taken out: the level of one window is mostly season, which strikes every
    candidate alike and would drown what tells them apart. The baseline itself knows nothing else than the level.
    `fickle`: standard deviation of a difference from window to window, besides the noise of people.
    """
    shared = [w for w in tested if set(order) <= set(w.chances)]
    if not shared:
        return baseline
    losses = {name: [losses_at_level(w, name) for w in shared] for name in order}
    mean = {name: float(np.concatenate(values).mean()) for name, values in losses.items()}
    able = [name for name in order if name != baseline and mean[name] < mean[baseline]]
    if not able:
        return baseline
    best = min(able, key=mean.get)
    who = np.concatenate([w.customer for w in shared])
    for name in able:
        if name == best:
            return best
        worse = [a - b for a, b in zip(losses[name], losses[best])]
        if mean[name] - mean[best] <= np.hypot(standard_error(worse, who), fickle / np.sqrt(len(shared))):
            return name
    return best


def standard_error(differences: list[np.ndarray], who: np.ndarray) -> float:
    """Return the standard error of the mean difference: people repeat over windows, and windows differ too."""
    every = np.concatenate(differences)
    _, person = np.unique(who, return_inverse=True)
    by_person = np.bincount(person, every - every.mean())
    people = np.sqrt(np.sum(by_person**2)) / len(every)
    if len(differences) < 3:
        return float(people)
    means = np.array([values.mean() for values in differences])
    return float(max(people, means.std(ddof=1) / np.sqrt(len(means))))
