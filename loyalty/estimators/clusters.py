"""Groups of customers that behave alike: several methods, the one that is stable and foretells the most.

Methods (METHODS): k-means++ (Arthur, Vassilvitskii 2007), Gaussian mixture, agglomerative (Ward 1963), HDBSCAN
(Campello et al. 2013), and `outlook`: k-means on what the shop's own past says each customer will spend next (a ridge
regression learned at an earlier cut), so that groups differ in what matters and not in whatever varies most.

The contest, per method and number of groups: *stability*, the adjusted Rand index (Hubert, Arabie 1985) between the
groups of all and of fits on four fifths; *separation*, the silhouette (Rousseeuw 1987), told but not decided by: it
always says two groups; *foresight*, the share of the variance of the next window's spend (log) that group means
explain, cross-validated, at a cut one horizon ago. Chosen: of those with stability of at least STABLE, the best
foresight; among equals (one standard error) the fewest groups. Whether the groups are natural or slices of a continuum
is SigClust's test (Liu et al. 2008, JASA 103).
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from loyalty.estimators.base import History, NotEnoughData, Summary, counts_between, summarise

FEWEST_CUSTOMERS = 100
MOST_LEARNING = 4_000  # drawn at random for learning and testing in larger shops; everyone gets a group
MOST_WARD = 1_500
GROUPS = (3, 4, 5, 6, 8)
STABLE = 0.9
FEATURES = ("quiet", "visits", "spend", "age", "visits_lately", "spend_lately", "mean_spend", "steadiness")
METHODS = ("outlook", "k-means", "mixture", "ward", "density")
_DRAWS = 3
_FOLDS = 5


def features(history: History, horizon: int) -> tuple[Summary, np.ndarray]:
    """Return (summary, float64 [b, len(FEATURES)]) of everyone who ever bought; log1p, except steadiness (0 to 1)."""
    s = summarise(history)
    visits, spent = counts_between(history, s.cut - horizon + 1, s.cut)
    spend = np.maximum(s.spend, 0)
    steadiness = 1 / (1 + np.nan_to_num(s.sd_gap / np.maximum(s.mean_gap, 1), nan=1.0))
    columns = [s.quiet, s.visits, spend, s.age, visits[s.customer], np.maximum(spent[s.customer], 0), spend / s.visits]
    return s, np.c_[np.log1p(np.column_stack(columns)), steadiness]


@dataclass(frozen=True)
class Trial:
    """How one method with one number of groups did on the shop's past."""

    method: str
    groups: int
    stability: float
    separation: float
    foresight: float
    error: float  # standard error of the foresight


@dataclass(frozen=True)
class Group:
    """One group: who, how many, and what sets it apart, as (feature, typical value here, typical value of all)."""

    number: int
    size: int
    spend: float  # minor units, mean net of the past
    marks: list[tuple[str, float, float]] = field(default_factory=list)


class Clusters:
    """Groups of a shop's customers: `labels_` [b] beside `customer_`, with `groups_`, `trials_` and `chosen_`."""

    def __init__(self, *, horizon: int, methods: tuple[str, ...] = METHODS, seed: int = 0):
        self.horizon, self.methods, self.seed = horizon, methods, seed

    @threadpool_limits.wrap(limits=1)
    def fit(self, history: History) -> "Clusters":
        """Hold the contest one horizon ago, then group everybody as of now."""
        summary, now = features(history, self.horizon)
        if len(now) < FEWEST_CUSTOMERS:
            raise NotEnoughData("customers", have=len(now), need=FEWEST_CUSTOMERS)
        rng = np.random.default_rng(self.seed)
        past = history.upto(history.as_of - self.horizon)
        before, then = features(past, self.horizon)
        if len(then) < FEWEST_CUSTOMERS:
            raise NotEnoughData("customers_then", have=len(then), need=FEWEST_CUSTOMERS)
        drawn = rng.permutation(len(then))[:MOST_LEARNING]
        spent = _next_spend(history, before, self.horizon)[drawn]
        outlook = _Outlook().fit(past, self.horizon)
        self.trials_ = self._contest(then[drawn], outlook.of(then[drawn]), spent)
        self.chosen_ = choose(self.trials_)
        drawn = rng.permutation(len(now))[:MOST_LEARNING]
        outlook = _Outlook().fit(history, self.horizon)
        space, value = _scaled(now), outlook.of(now)
        group_of = _learn(self.chosen_.method, self.chosen_.groups, space[drawn], value[drawn], self.seed)
        labels = group_of(space, value)
        order = np.argsort([-value[labels == label].mean() for label in np.unique(labels)])
        rank = np.empty(int(labels.max()) + 1, int)
        rank[np.unique(labels)[order]] = np.arange(len(order))
        self.customer_, self.labels_ = summary.customer, rank[labels]
        self.is_natural_ = is_natural(space[drawn], seed=self.seed)
        self.groups_ = describe(self.labels_, now, summary)
        self.picture_ = PCA(2, random_state=self.seed).fit(space[drawn]).transform(space)
        return self

    def _contest(self, raw: np.ndarray, value: np.ndarray, spent: np.ndarray) -> list[Trial]:
        space = _scaled(raw)
        trials = []
        for method in self.methods:
            for groups in (0,) if method == "density" else GROUPS:
                group_of = _learn(method, groups, space, value, self.seed)
                labels = group_of(space, value)
                if len(np.unique(labels)) < 2:
                    continue
                foresight, error = explained(labels, spent, seed=self.seed)
                trials.append(
                    Trial(
                        method, len(np.unique(labels)), self._stability(method, groups, space, value, labels),
                        _separation(space, labels, self.seed), foresight, error,
                    )
                )  # fmt: skip
        return trials

    def _stability(self, method: str, groups: int, space: np.ndarray, value: np.ndarray, labels: np.ndarray) -> float:
        """Return the mean agreement of these groups with those of fits on four fifths of the customers."""
        rng = np.random.default_rng(self.seed + 1)
        agreement = []
        for draw in range(_DRAWS):
            some = rng.permutation(len(space))[: len(space) * 4 // 5]
            group_of = _learn(method, groups, space[some], value[some], self.seed + draw)
            agreement.append(adjusted_rand_score(labels, group_of(space, value)))
        return float(np.mean(agreement))


def choose(trials: list[Trial]) -> Trial:
    """Return the stable trial with the best foresight; among those within one standard error, the fewest groups."""
    stable = [trial for trial in trials if trial.stability >= STABLE]
    stable = stable or [max(trials, key=lambda trial: trial.stability)]
    best = max(stable, key=lambda trial: trial.foresight)
    equals = [trial for trial in stable if trial.foresight >= best.foresight - best.error]
    return min(equals, key=lambda trial: (trial.groups, -trial.foresight))


def explained(labels: np.ndarray, spent: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Return (share of the variance of `spent` that means of other customers' groups explain, its standard error)."""
    fold = np.random.default_rng(seed).permutation(len(spent)) % _FOLDS
    groups = int(labels.max()) + 1
    shares = []
    for one in range(_FOLDS):
        learn, test = fold != one, fold == one
        size = np.bincount(labels[learn], minlength=groups)
        mean = np.bincount(labels[learn], spent[learn], groups) / np.maximum(size, 1)
        mean[size == 0] = spent[learn].mean()
        off = spent[test] - mean[labels[test]]
        shares.append(1 - np.mean(off**2) / max(np.mean((spent[test] - spent[learn].mean()) ** 2), 1e-12))
    return float(np.mean(shares)), float(np.std(shares, ddof=1) / np.sqrt(_FOLDS))


def is_natural(space: np.ndarray, *, seed: int = 0, draws: int = 39, level: float = 0.05) -> bool:
    """Tell whether two groups fit better than they would fit one Gaussian cloud of the same shape (SigClust)."""
    rng = np.random.default_rng(seed)
    space = space[rng.permutation(len(space))[:1_000]]
    centred = space - space.mean(axis=0)
    spread = np.linalg.svd(centred, compute_uv=False) / np.sqrt(len(space))
    seen = _cluster_index(centred, seed)
    smaller = sum(_cluster_index(rng.normal(size=centred.shape) * spread, seed) <= seen for _draw in range(draws))
    return bool((smaller + 1) / (draws + 1) <= level)


def describe(labels: np.ndarray, raw: np.ndarray, summary: Summary) -> list[Group]:
    """Return each group with the features in which it differs most from the others, in units of their spread."""
    spread = np.maximum(raw.std(axis=0), 1e-9)
    typical = np.median(raw, axis=0)
    groups = []
    for number in np.unique(labels):
        mine = labels == number
        middle = np.median(raw[mine], axis=0)
        apart = np.argsort(-np.abs(middle - typical) / spread)[:3]
        marks = [(FEATURES[i], _told(i, middle[i]), _told(i, typical[i])) for i in apart]
        groups.append(Group(int(number), int(mine.sum()), float(summary.spend[mine].mean()), marks))
    return groups


def _told(feature: int, value: float) -> float:
    """Return a feature's value as it was before the logarithm."""
    return float(value if FEATURES[feature] == "steadiness" else np.expm1(value))


def _next_spend(history: History, before: Summary, horizon: int) -> np.ndarray:
    """Return log1p of the net spend within the horizon after a cut, in whole units."""
    _visits, spent = counts_between(history, before.cut + 1, before.cut + horizon)
    return np.log1p(np.maximum(spent[before.customer], 0) / 100)


class _Outlook:
    """What the shop's past says a customer spends next: ridge regression at the last two finished cuts."""

    def fit(self, history: History, horizon: int) -> "_Outlook":
        rows, spent = [], []
        for back in (horizon, 2 * horizon):
            past = history.upto(history.as_of - back)
            if len(past.visits.day) < FEWEST_CUSTOMERS:
                continue
            before, raw = features(past, horizon)
            rows.append(raw)
            spent.append(_next_spend(history, before, horizon))
        if not rows:
            raise NotEnoughData("days", have=history.as_of - history.first_day, need=2 * horizon)
        raw, spent = np.concatenate(rows), np.concatenate(spent)
        self.mean_, self.spread_ = raw.mean(axis=0), np.maximum(raw.std(axis=0), 1e-9)
        self.model_ = Ridge(10.0).fit((raw - self.mean_) / self.spread_, spent)
        return self

    def of(self, raw: np.ndarray) -> np.ndarray:
        return self.model_.predict((raw - self.mean_) / self.spread_)


def _scaled(raw: np.ndarray) -> np.ndarray:
    return (raw - raw.mean(axis=0)) / np.maximum(raw.std(axis=0), 1e-9)


def _learn(method: str, groups: int, space: np.ndarray, value: np.ndarray, seed: int):
    """Return a function (space, value) -> labels that was learned on these customers."""
    if method == "outlook":
        model = KMeans(groups, n_init=3, random_state=seed).fit(value[:, None])
        return lambda space, value: model.predict(np.ascontiguousarray(value[:, None]))
    if method == "k-means":
        model = KMeans(groups, n_init=3, random_state=seed).fit(space)
        return lambda space, value: model.predict(space)
    if method == "mixture":
        model = GaussianMixture(groups, covariance_type="diag", reg_covar=1e-3, n_init=1, random_state=seed).fit(space)
        return lambda space, value: model.predict(space)
    if method == "ward":
        some = space[np.random.default_rng(seed).permutation(len(space))[:MOST_WARD]]
        return _nearest(some, AgglomerativeClustering(groups, linkage="ward").fit_predict(some))
    some = space[np.random.default_rng(seed).permutation(len(space))[:MOST_WARD]]
    labels = HDBSCAN(min_cluster_size=max(len(some) // 40, 10), copy=True).fit_predict(some)
    return _nearest(some[labels >= 0], labels[labels >= 0]) if (labels >= 0).any() else _one_group


def _one_group(space: np.ndarray, value: np.ndarray) -> np.ndarray:
    return np.zeros(len(space), int)


def _nearest(known: np.ndarray, labels: np.ndarray):
    """Return a function that gives everyone the group whose centre is nearest."""
    centres = np.array([known[labels == label].mean(axis=0) for label in np.unique(labels)])
    return lambda space, value: cdist(space, centres).argmin(axis=1)


def _separation(space: np.ndarray, labels: np.ndarray, seed: int) -> float:
    some = np.random.default_rng(seed).permutation(len(space))[:1_000]
    return float(silhouette_score(space[some], labels[some])) if len(np.unique(labels[some])) > 1 else 0.0


def _cluster_index(points: np.ndarray, seed: int) -> float:
    """Return the share of the spread that is left inside the best two groups."""
    left = KMeans(2, n_init=2, random_state=seed).fit(points).inertia_
    return float(left / np.sum((points - points.mean(axis=0)) ** 2))
