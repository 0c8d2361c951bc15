"""Groups of customers that behave alike: several methods, the one that is stable and foretells the most.

Methods (METHODS): `outlook`, slices of what the shop's own past says each customer will spend next (a ridge regression
learned at earlier cuts), so that groups differ in what matters and not in whatever varies most; k-means++ (Arthur,
Vassilvitskii 2007), Gaussian mixture, agglomerative (Ward 1963) and HDBSCAN (Campello et al. 2013).

The contest, per method and number of groups, at two earlier cuts: *stability*, the adjusted Rand index (Hubert, Arabie
1985) between the groups of all and those learned, outlook and all, from four fifths; *separation*, the silhouette
(Rousseeuw 1987), told but not decided by: it always says two groups; *foresight*, the share of the variance of the next
window's spend (log) that means of other customers' groups explain. Trials are compared by the paired difference,
customer by customer, and `choose` leaves what the past does not settle at a fixed method and number, so that the choice
stands when customers come and go. Whether the groups are natural or slices of a continuum is Silverman's test for more
than one hill (1981, JRSS B 43) along the line between the two best groups.
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
HANDFUL = 4  # groups, unless the past shows that fewer do as well or more do much better
AS_WELL, MUCH = 0.03, 0.1  # of the foresight of the better
BARS = (0.8, 0.6, 0.4, 0.0)  # of stability: only trials over the highest that any reaches are considered
FEATURES = ("quiet", "visits", "spend", "age", "visits_lately", "spend_lately", "mean_spend", "steadiness")
METHODS = ("outlook", "k-means", "mixture", "ward", "density")  # the first stands until another is clearly better
_CUTS = (1.0, 1.5)  # horizons ago, to judge at
_LESSONS = (1.0, 1.5, 2.0)  # horizons ago, for the outlook to learn from
_DRAWS = 4
_FOLDS = 5
_RIDGE = 0.2  # penalty per row, of features with a spread of one
_BINS = 64
_STEPS = 3
_CELLS = 512
_TAIL = 0.02  # on each side: a few who stand far off are no group, but each would be a hill


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
    losses: np.ndarray = field(repr=False, compare=False)  # [n], each customer's part of 1 - foresight


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
        """Hold the contest at earlier cuts, then group everybody as of now."""
        summary, now = features(history, self.horizon)
        if len(now) < FEWEST_CUSTOMERS:
            raise NotEnoughData("customers", have=len(now), need=FEWEST_CUSTOMERS)
        rng = np.random.default_rng(self.seed)
        scenes = _scenes(history, self.horizon, rng.permutation(len(history.customer_ids)))
        self.trials_ = self._contest(scenes, len(history.customer_ids))
        self.chosen_ = choose(self.trials_)
        space, value = _scaled(now), _Outlook(history, self.horizon).fit().of(now)
        drawn = slice(None) if self.chosen_.method == "outlook" else rng.permutation(len(now))[:MOST_LEARNING]
        group_of = _learn(self.chosen_.method, self.chosen_.groups, space[drawn], value[drawn], self.seed)
        labels = group_of(space, value)
        order = np.argsort([-value[labels == label].mean() for label in np.unique(labels)])
        rank = np.empty(int(labels.max()) + 1, int)
        rank[np.unique(labels)[order]] = np.arange(len(order))
        self.customer_, self.labels_ = summary.customer, rank[labels]
        self.is_natural_ = is_natural(smooth_features(summary, seed=self.seed), seed=self.seed)
        self.groups_ = describe(self.labels_, now, summary)
        self.picture_ = PCA(2, random_state=self.seed).fit_transform(space)
        return self

    def _contest(self, scenes: list["_Scene"], size: int) -> list[Trial]:
        rng = np.random.default_rng(self.seed + 1)
        samples = [np.ones(size, bool), *(rng.random(size) < 0.8 for _draw in range(_DRAWS))]
        views = [scene.views(samples) for scene in scenes]
        tried = [(method, count) for method in self.methods for count in ((0,) if method == "density" else GROUPS)]
        return [trial for method, count in tried if (trial := self._try(method, count, scenes, views, size))]

    def _try(self, method: str, groups: int, scenes: list["_Scene"], views: list, size: int) -> Trial | None:
        """Return how these groups did at every cut; nothing where all are one group."""
        losses, agreement, first = np.zeros(size), [], None
        for scene, looks in zip(scenes, views):
            labels, *again = (
                _learn(method, groups, scene.space[some], value[some], seed)(scene.space, value)
                for seed, (some, value) in enumerate(looks, self.seed)
            )
            if len(np.unique(labels)) < 2:
                return None
            first = labels if first is None else first
            off, base = _off(labels, scene.spent, seed=self.seed)
            losses[scene.customer] += off / max(base.sum(), 1e-12) / len(scenes)
            agreement += [adjusted_rand_score(labels, other) for other in again]
        separation = _separation(scenes[0].space, first, self.seed)
        count, foresight = len(np.unique(first)), float(1 - losses.sum())
        return Trial(method, count, float(np.mean(agreement)), separation, foresight, losses)


def choose(trials: list[Trial]) -> Trial:
    """Return, of the stable trials, the first method's and HANDFUL groups, unless the past clearly speaks against it.

    Another method, or more groups, must foretell more by over MUCH of it and one paired standard error; fewer groups
    must come within AS_WELL in spite of one.
    """
    bar = next(bar for bar in BARS if any(trial.stability >= bar for trial in trials))
    stable = [trial for trial in trials if trial.stability >= bar]
    best = max(stable, key=lambda trial: trial.foresight)
    able = {trial.method for trial in stable if _short(trial, best)[0] <= MUCH}
    mine = [trial for trial in stable if trial.method == min(able, key=METHODS.index)]
    best = max(mine, key=lambda trial: trial.foresight)
    for trial in sorted(mine, key=lambda trial: trial.groups):
        least, most = _short(trial, best)
        if most <= AS_WELL or (trial.groups >= HANDFUL and least <= MUCH):
            return trial
    return best


def _short(trial: Trial, best: Trial) -> tuple[float, float]:
    """Return by what share of the best a trial falls short of it, less and plus one paired standard error."""
    short = trial.losses - best.losses
    error, whole = np.sqrt(len(short)) * short.std(), max(best.foresight, 1e-12)
    return (short.sum() - error) / whole, (short.sum() + error) / whole


def explained(labels: np.ndarray, spent: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Return (share of the variance of `spent` that means of other customers' groups explain, its standard error)."""
    off, base = _off(labels, spent, seed=seed)
    left = off.sum() / max(base.sum(), 1e-12)
    return float(1 - left), float(np.sqrt(len(off)) * np.std(off - left * base) / max(base.sum(), 1e-12))


def _off(labels: np.ndarray, spent: np.ndarray, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each one's squared distance from the mean of their group, and of all, in the other folds."""
    fold = np.random.default_rng(seed).permutation(len(spent)) % _FOLDS
    groups = int(labels.max()) + 1
    off, base = np.empty(len(spent)), np.empty(len(spent))
    for one in range(_FOLDS):
        learn, test = fold != one, fold == one
        size = np.bincount(labels[learn], minlength=groups)
        mean = np.bincount(labels[learn], spent[learn], groups) / np.maximum(size, 1)
        mean[size == 0] = spent[learn].mean()
        off[test] = (spent[test] - mean[labels[test]]) ** 2
        base[test] = (spent[test] - spent[learn].mean()) ** 2
    return off, base


def smooth_features(summary: Summary, *, seed: int = 0) -> np.ndarray:
    """Return log quiet, visits, mean spend and age, scaled, of who left money: is there something natural in these?

    Counts are spread over the unit they stand for, and nothing that is exactly 0 for many takes part (what was bought
    lately): a gap between 0 and 1 is no valley between kinds of customers.
    """
    s, some = summary, summary.spend > 0
    spread = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, len(s.visits)))
    columns = s.quiet + 1 + spread[0], s.visits + spread[1] + 1e-9, np.where(some, s.spend, 1) / s.visits, s.age + 1
    return _scaled(np.log(np.column_stack(columns)[some]))


def is_natural(space: np.ndarray, *, seed: int = 0, draws: int = 99, level: float = 0.05) -> bool:
    """Tell whether customers make two hills along the line between the two best groups, not one, however lopsided.

    Silverman 1981: the least smoothing that leaves one hill is the null's density; what is drawn from it again
    and smoothed as much shows two hills more rarely, the more smoothing the data themselves needed.
    """
    rng = np.random.default_rng(seed)
    space = space[rng.permutation(len(space))[:1_000]]
    if len(np.unique(space, axis=0)) < 2:
        return False
    centres = KMeans(2, n_init=2, random_state=seed).fit(space).cluster_centers_
    line = space @ (centres[1] - centres[0])
    line = line[(line >= np.quantile(line, _TAIL)) & (line <= np.quantile(line, 1 - _TAIL))]
    line = (line - line.mean()) / max(line.std(), 1e-12)
    width = _least_width(line)
    shrink = 1 / np.sqrt(1 + width**2)  # the smoothed density spreads wider than the data
    many = 0
    for _draw in range(draws):
        again = rng.choice(line, len(line)) + width * rng.normal(size=len(line))
        many += _hills(again * shrink, width) > 1
    return bool((many + 1) / (draws + 1) <= level)


def _least_width(line: np.ndarray) -> float:
    """Return the least width of a Gaussian kernel under which the density has one hill."""
    low, high = 0.0, 3.0
    for _step in range(18):
        middle = (low + high) / 2
        low, high = (middle, high) if _hills(line, middle) > 1 else (low, middle)
    return high


def _hills(line: np.ndarray, width: float) -> int:
    """Return how many hills the density has, smoothed by a Gaussian kernel of this width."""
    pad = 3 * width
    count, edge = np.histogram(line, _CELLS, (line.min() - pad, line.max() + pad))
    wave = np.fft.rfftfreq(_CELLS, edge[1] - edge[0])
    density = np.fft.irfft(np.fft.rfft(count) * np.exp(-2 * (np.pi * wave * width) ** 2), _CELLS)
    slope = np.sign(np.diff(np.round(density / density.max(), 9)))
    slope = slope[slope != 0]
    return int(((slope[:-1] > 0) & (slope[1:] < 0)).sum())


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
    """What a shop's past says a customer spends next: ridge regression at the last finished cuts."""

    def __init__(self, history: History, horizon: int):
        customer, rows, spent = [], [], []
        for back in _LESSONS:
            past = history.upto(history.as_of - round(back * horizon))
            if len(past.visits.day) < FEWEST_CUSTOMERS:
                continue
            before, raw = features(past, horizon)
            customer.append(before.customer)
            rows.append(raw)
            spent.append(_next_spend(history, before, horizon))
        if not rows:
            raise NotEnoughData("days", have=history.as_of - history.first_day, need=2 * horizon)
        self.customer, self.raw, self.spent = (np.concatenate(parts) for parts in (customer, rows, spent))

    def fit(self, sample: np.ndarray | None = None) -> "_Outlook":
        """Learn from everyone, or from the customers of a sample (bool [n])."""
        rows = slice(None) if sample is None else sample[self.customer]
        raw = self.raw[rows]
        self.mean_, self.spread_ = raw.mean(axis=0), np.maximum(raw.std(axis=0), 1e-9)
        self.model_ = Ridge(_RIDGE * len(raw)).fit((raw - self.mean_) / self.spread_, self.spent[rows])
        return self

    def of(self, raw: np.ndarray) -> np.ndarray:
        """Return the spend expected, as its log, of customers with these features."""
        return self.model_.predict((raw - self.mean_) / self.spread_)


@dataclass(frozen=True)
class _Scene:
    """An earlier cut to judge at: what was known of some customers then, and what they spent after it."""

    customer: np.ndarray
    raw: np.ndarray
    space: np.ndarray
    spent: np.ndarray
    outlook: _Outlook

    def views(self, samples: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return for each sample of customers (bool [n]) who of these is in it and the outlook learned from it."""
        return [(sample[self.customer], self.outlook.fit(sample).of(self.raw)) for sample in samples]


def _scenes(history: History, horizon: int, turn: np.ndarray) -> list[_Scene]:
    """Return the earlier cuts, latest first, each with up to MOST_LEARNING customers in the order of `turn`."""
    scenes = []
    for back in _CUTS:
        past = history.upto(history.as_of - round(back * horizon))
        try:
            before, raw = features(past, horizon)
            if len(raw) < FEWEST_CUSTOMERS:
                raise NotEnoughData("customers_then", have=len(raw), need=FEWEST_CUSTOMERS)
            outlook = _Outlook(past, horizon)
        except NotEnoughData:
            if not scenes:
                raise
            break
        some = np.argsort(turn[before.customer])[:MOST_LEARNING]
        spent = _next_spend(history, before, horizon)[some]
        scenes.append(_Scene(before.customer[some], raw[some], _scaled(raw)[some], spent, outlook))
    return scenes


def _scaled(raw: np.ndarray) -> np.ndarray:
    return (raw - raw.mean(axis=0)) / np.maximum(raw.std(axis=0), 1e-9)


def _learn(method: str, groups: int, space: np.ndarray, value: np.ndarray, seed: int):
    """Return a function (space, value) -> labels that was learned on these customers."""
    if method == "outlook":
        borders = slices(value, groups)
        return lambda space, value: np.searchsorted(borders, value)
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


def slices(value: np.ndarray, groups: int) -> np.ndarray:
    """Return borders on a line, after a few steps of k-means from equal shares of the density's cube root.

    That is where many groups leave the least spread (Panter, Dite 1951). The very best borders (Wang, Song 2011)
    foretell no more, but jump where two ways to cut are nearly as good: a few other customers make other groups.
    """
    count, edge = np.histogram(value, _BINS, np.quantile(value, (0.001, 0.999)))
    density = np.convolve(np.pad(count, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    share = np.r_[0, np.cumsum(np.cbrt(density))]
    borders = np.interp(np.arange(1, groups) / groups * share[-1], share, edge)
    for _step in range(_STEPS):
        label = np.searchsorted(borders, value)
        size = np.bincount(label, minlength=groups)
        mean = (np.bincount(label, value, groups) / np.maximum(size, 1))[size > 0]
        borders = (mean[1:] + mean[:-1]) / 2
        groups = len(mean)
    return borders


def _one_group(space: np.ndarray, value: np.ndarray) -> np.ndarray:
    return np.zeros(len(space), int)


def _nearest(known: np.ndarray, labels: np.ndarray):
    """Return a function that gives everyone the group whose centre is nearest."""
    centres = np.array([known[labels == label].mean(axis=0) for label in np.unique(labels)])
    return lambda space, value: cdist(space, centres).argmin(axis=1)


def _separation(space: np.ndarray, labels: np.ndarray, seed: int) -> float:
    some = np.random.default_rng(seed).permutation(len(space))[:1_000]
    return float(silhouette_score(space[some], labels[some])) if len(np.unique(labels[some])) > 1 else 0.0
