"""Who will not come back within the horizon: several methods, each tested on the shop's own past.

"Left" means: no order in the `horizon` days after the cut. Everyone who ever bought is scored. Every method learns only
from windows that had ended by the cut.

The methods (METHODS), from those that take least from the shop's own windows, and so can go least wrong on them, to
those that take most; among equals the earlier speaks, and before the untouched model its corrected form:
base_rate      the share who left in the past windows, the same for everyone: what must be beaten
calibrated     mbgnbd (next line) with level and slope corrected on the past windows, two numbers held close to none
mbgnbd, bgnbd  the chance of no order within the horizon under a buy-till-you-die model (estimators.buying); never
               1 - P(alive), which ranks worse than a coin. Needs no finished windows to learn from
recency        logistic curve on the days since the last order
stacked        mbgnbd's log-odds as the starting point, ridge logistic regression of all features on what it misses
logistic       ridge logistic regression on recency, frequency, money and age
logistic_wide  ridge logistic regression on all features
boosting       gradient boosted trees on all features and mbgnbd's log-odds

Level: how many leave in all is season and trend, which windows of the past tell badly. So `stacked`, `logistic` and
`logistic_wide` rank people, and take the level from `calibrated`.

Season: the windows of the last year, replayed with today's model, tell how much busier than usual the coming window
was a year ago; the horizon is stretched by that factor (time warp). Each past window has a level of its own in the
regressions, a random effect, so that one busy December does not pass for the rule.
"""

import time
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits

from loyalty.estimators import evaluate
from loyalty.estimators.base import History, NotEnoughData, Summary, counts_between, summarise
from loyalty.estimators.buying import BuyTillYouDie
from loyalty.estimators.lifecycle import usual_gaps

FEWEST_CUSTOMERS = 30
FEWEST_IN_WINDOW = 10  # of them, known when a past window began
MOST_CUSTOMERS = 20_000  # drawn at random for learning and testing in larger shops; everyone is scored
HORIZONS = (30, 45, 60, 90, 120, 150, 180)
FEATURES = (
    "visits", "quiet", "age", "spend", "mean_spend", "mean_gap", "sd_gap", "max_gap", "last_spend",
    "visits_third", "spend_third", "visits_one", "spend_one", "visits_two", "spend_two", "quiet_over_gap", "year_ago",
)  # fmt: skip
RFMT = (0, 1, 2, 3)
BASELINE = "base_rate"


def suggest_horizon(history: History) -> int:
    """Return how long most people here take to come back: the 80th percentile of the gaps, rounded up, 30 to 180 days.

    Never more than a third of the days the orders cover, so that the past holds windows to test on.
    """
    _, gaps = history.visits.gaps
    covered = history.as_of - history.first_day
    if covered < 2 * HORIZONS[0]:
        raise NotEnoughData("days", have=covered, need=2 * HORIZONS[0])
    usual = float(np.percentile(gaps, 80)) if len(gaps) >= FEWEST_CUSTOMERS else 90.0
    wanted = next((days for days in HORIZONS if days >= usual), HORIZONS[-1])
    fitting = [days for days in HORIZONS if days <= max(covered // 3, HORIZONS[0])]
    return min(wanted, fitting[-1])


@dataclass
class Rows:
    """Everyone who ever bought, as known at one cut. Arrays [b]."""

    cut: int
    horizon: int
    summary: Summary
    features: np.ndarray  # float64 [b, len(FEATURES)], log1p
    model: BuyTillYouDie  # MBG/NBD
    plain: BuyTillYouDie  # BG/NBD
    warp: float  # how many ordinary days one day of the window ahead is worth
    label: np.ndarray | None = None  # bool: left

    def __post_init__(self):
        s, days = self.summary, self.horizon * self.warp
        self.odds = _odds(self.model.no_purchase(s.repeats, s.recency, s.age, days))
        self.plain_odds = _odds(self.plain.no_purchase(s.repeats, s.recency, s.age, days))


def _odds(chance: np.ndarray) -> np.ndarray:
    return logit(np.clip(chance, evaluate.SURE, 1 - evaluate.SURE))


def rows_at(
    past: History, horizon: int, *, label_from: History | None = None, learn_from: History | None = None
) -> Rows:
    """Return the rows of a past that ends at its `as_of`; labels come from a later past, models from a smaller one."""
    summary = summarise(past)
    pattern = learn_from or past
    known = summary if pattern is past else summarise(pattern)
    model = BuyTillYouDie(modified=True).fit(known.repeats, known.recency, known.age)
    plain = BuyTillYouDie().fit(known.repeats, known.recency, known.age)
    label = None
    if label_from is not None:
        bought, _ = counts_between(label_from, past.as_of + 1, past.as_of + horizon)
        label = bought[summary.customer] == 0
    warp = float(np.exp(season(pattern, model, horizon)))
    return Rows(past.as_of, horizon, summary, features(past, summary, horizon), model, plain, warp, label)


def features(past: History, summary: Summary, horizon: int) -> np.ndarray:
    """Return log1p of everything the regressions look at, float64 [b, len(FEATURES)]."""
    s = summary
    spend = np.maximum(s.spend, 0)
    columns = [
        s.visits, s.quiet, s.age, spend, spend / s.visits, np.nan_to_num(s.mean_gap), np.nan_to_num(s.sd_gap),
        np.nan_to_num(s.max_gap), np.maximum(s.last_spend, 0),
    ]  # fmt: skip
    for days in (horizon // 3, horizon, 2 * horizon):
        visits, spent = counts_between(past, s.cut - days + 1, s.cut)
        columns += [visits[s.customer], np.maximum(spent[s.customer], 0)]
    columns.append(s.quiet / np.maximum(np.where(np.isnan(s.mean_gap), s.quiet, s.mean_gap), 1))
    a_year_ago = s.cut - 365
    if a_year_ago - past.first_day >= 30:
        visits, _ = counts_between(past, a_year_ago + 1, a_year_ago + horizon)
        columns.append(visits[s.customer])
    else:
        columns.append(np.zeros(len(s.customer)))
    return np.log1p(np.column_stack(columns))


def season(past: History, model: BuyTillYouDie, horizon: int) -> float:
    """Return the log of how much busier than the year's mean the window ahead was a year ago, 0 before 13 months.

    Busier is measured against the model's own forecast from that day, so that a growing or ageing customer base does
    not pass for season; the estimate shrinks towards none by the noise of the counts.
    """
    steps = []
    for day in range(past.as_of - 365, past.as_of - horizon + 1, horizon):
        if day - past.first_day < 30:
            return 0.0
        then = past.upto(day)
        s = summarise(then)
        bought, _ = counts_between(past, day + 1, day + horizon)
        came = int((bought[s.customer] > 0).sum())
        if came < 5:
            return 0.0
        low, high = -2.0, 2.0
        while high - low > 1e-3:
            middle = (low + high) / 2
            silent = model.no_purchase(s.repeats, s.recency, s.age, horizon * np.exp(middle))
            low, high = (middle, high) if np.sum(1 - silent) < came else (low, middle)
        steps.append((middle, came))
    if len(steps) < 2:
        return 0.0
    logs, came = np.array(steps).T
    ahead = logs[0] - np.average(logs, weights=came)
    noise = 1 / came[0] + 1 / came.sum() + 0.05**2
    return float(ahead * 0.3**2 / (0.3**2 + noise))


def ridge_logistic(X, y, offset, penalty, weight) -> np.ndarray:
    """Return coefficients [k] by Newton's method; `penalty` [k] is one over the prior variance of each."""
    beta = np.zeros(X.shape[1])
    for _ in range(60):
        chance = expit(X @ beta + offset)
        gradient = X.T @ (weight * (chance - y)) + penalty * beta
        curvature = (X * (weight * chance * (1 - chance) + 1e-10)[:, None]).T @ X + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        widest = np.abs(step).max()
        beta -= step * min(1.0, 3.0 / max(widest, 1e-12))
        if widest < 1e-7:
            break
    return beta


@dataclass
class BaseRate:
    """The share who left in the past windows."""

    trained = True

    def fit(self, windows: list[Rows]) -> "BaseRate":
        label = np.concatenate([rows.label for rows in windows])
        self.share_ = float((label.sum() + 1) / (len(label) + 2))
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return np.full(len(rows.odds), self.share_)


@dataclass
class Buying:
    """Chance of no order within the horizon under the buy-till-you-die model fitted at the cut itself."""

    modified: bool = True
    trained = False

    def fit(self, windows: list[Rows]) -> "Buying":
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return expit(rows.odds if self.modified else rows.plain_odds)


@dataclass
class Logistic:
    """Ridge logistic regression over the past windows, on its own or starting from mbgnbd's log-odds."""

    columns: tuple[int, ...]
    on_model: bool = False
    spread: float = 0.32  # prior standard deviation of a standardised coefficient (0.32: C = 0.1)
    level_spread: float = 0.5  # of the common level, where the model gives one
    window_spread: float = 0.3  # of each window's own level
    slope_spread: float = 0.2  # of the correction to the model's slope
    anchored: bool = False  # take the level from `calibrated`, the ranking from here
    trained = True

    def fit(self, windows: list[Rows]) -> "Logistic":
        columns = list(self.columns)
        raw = np.vstack([rows.features[:, columns] for rows in windows])
        odds = np.concatenate([rows.odds for rows in windows])
        label = np.concatenate([rows.label for rows in windows]).astype(np.float64)
        self.mean_, self.scale_ = raw.mean(0), raw.std(0)
        self.scale_[self.scale_ < 1e-9] = 1.0
        self.odds_mean_ = float(odds.mean())
        window = np.repeat(np.arange(len(windows)), [len(rows.label) for rows in windows])
        levels = (window[:, None] == np.arange(len(windows))).astype(np.float64)
        parts = [np.ones((len(raw), 1)), (raw - self.mean_) / self.scale_, levels]
        penalty = [self.level_spread**-2 if self.on_model else 1e-6]
        penalty += [self.spread**-2] * len(columns) + [self.window_spread**-2] * len(windows)
        if self.on_model:
            parts.append((odds - self.odds_mean_)[:, None])
            penalty.append(self.slope_spread**-2)
        offset = odds if self.on_model else np.zeros(len(raw))
        overlap = np.full(len(raw), 1 / 3)  # windows start a third of a horizon apart
        beta = ridge_logistic(np.hstack(parts), label, offset, np.array(penalty), overlap)
        self.level_, self.beta_ = float(beta[0]), beta[1 : 1 + len(columns)]
        self.slope_ = float(beta[-1]) if self.on_model else 0.0
        self.anchor_ = Logistic(columns=(), on_model=True).fit(windows) if self.anchored else None
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        score = self.level_ + ((rows.features[:, list(self.columns)] - self.mean_) / self.scale_) @ self.beta_
        if self.on_model:
            score = score + rows.odds + self.slope_ * (rows.odds - self.odds_mean_)
        if self.anchor_ is None:
            return expit(score)
        return evaluate.at_level(self.anchor_.predict(rows).mean(), expit(score))


@dataclass
class Boosting:
    """Gradient boosted trees (scikit-learn), on all features and mbgnbd's log-odds."""

    most_rows: int = 40_000
    seed: int = 0
    trained = True

    def fit(self, windows: list[Rows]) -> "Boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier  # heavy, and only large shops come here

        windows = windows[:: max(len(windows) // 4, 1)][:4]
        X = np.vstack([self._table(rows) for rows in windows])
        label = np.concatenate([rows.label for rows in windows])
        if len(X) > self.most_rows:
            drawn = np.random.default_rng(self.seed).choice(len(X), self.most_rows, replace=False)
            X, label = X[drawn], label[drawn]
        trees = HistGradientBoostingClassifier(
            learning_rate=0.08, max_iter=60, max_leaf_nodes=8, min_samples_leaf=100, l2_regularization=5.0,
            max_bins=64, random_state=self.seed, early_stopping=False,
        )  # fmt: skip
        with threadpool_limits(1, user_api="openmp"):  # two threads wait for each other longer than they work
            self.trees_ = trees.fit(X, label)
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return self.trees_.predict_proba(self._table(rows))[:, 1]

    @staticmethod
    def _table(rows: Rows) -> np.ndarray:
        return np.column_stack([rows.features, rows.odds]).astype(np.float32)


WIDE = tuple(range(len(FEATURES)))
# name -> (method, fewest customers in the newest finished window); in the order of trust
METHODS = {
    "base_rate": (BaseRate, FEWEST_IN_WINDOW),
    "calibrated": (lambda: Logistic(columns=(), on_model=True), FEWEST_IN_WINDOW),
    "mbgnbd": (Buying, FEWEST_IN_WINDOW),
    "bgnbd": (lambda: Buying(modified=False), FEWEST_IN_WINDOW),
    "recency": (lambda: Logistic(columns=(1,)), FEWEST_IN_WINDOW),
    "stacked": (lambda: Logistic(columns=WIDE, on_model=True, anchored=True), 300),
    "logistic": (lambda: Logistic(columns=RFMT, anchored=True), 100),
    "logistic_wide": (lambda: Logistic(columns=WIDE, anchored=True), 500),
    "boosting": (Boosting, 3000),
}


def rising_for_one_timers(chance: np.ndarray, summary: Summary) -> np.ndarray:
    """Return the chances with those of one-time buyers made never to fall with the days since that purchase."""
    once = np.flatnonzero(summary.visits == 1)
    if not len(once):
        return chance
    _days, owner, people = np.unique(summary.age[once], return_inverse=True, return_counts=True)
    mean = np.bincount(owner, chance[once]) / people
    shown = chance.copy()
    shown[once] = isotonic_regression(mean, weights=people).x[owner]
    return np.round(shown, 9)  # no false order among equals


@dataclass
class Tests:
    """The candidates on the shop's own past."""

    horizon: int
    origins: evaluate.Origins
    windows: dict[int, Rows]
    tested: list[evaluate.Tested]
    seconds: dict[str, float]
    champion: str
    baseline: str = BASELINE
    candidates: list[str] = field(default_factory=list)


def draw_customers(history: History, most: int, seed: int = 0) -> History:
    """Return the history, or that of a random part of its customers where there are more than `most`."""
    buyers = np.unique(history.order_customer)
    if len(buyers) <= most:
        return history.without_lines()
    keep = np.zeros(len(history.customer_ids), bool)
    keep[np.random.default_rng(seed).choice(buyers, most, replace=False)] = True
    return history.of_customers(keep)


@threadpool_limits.wrap(limits=1)  # matrices of twenty columns: several threads only wait for each other
def back_test(history: History, horizon: int, *, most: int = MOST_CUSTOMERS) -> Tests:
    """Replay the past: at each test day, learn from what had ended by then, forecast, compare; choose the champion.

    A method that learns from finished windows is tested only where an earlier one had ended before the test began;
    without such a day it cannot be chosen.
    """
    sample = draw_customers(history, most)
    known = sample.upto(history.as_of)
    buyers = len(np.unique(known.order_customer))
    if buyers < FEWEST_CUSTOMERS:
        raise NotEnoughData("customers", have=buyers, need=FEWEST_CUSTOMERS)
    places = evaluate.origins(known.first_day, history.as_of, horizon)
    windows = {}
    for day in places.train:
        past = sample.upto(day)
        if len(np.unique(past.order_customer)) >= FEWEST_IN_WINDOW:
            windows[day] = rows_at(past, horizon, label_from=known)
    if not places.train:
        need = horizon + max(horizon // 2, 14)
        raise NotEnoughData("days", have=history.as_of - known.first_day, need=need)
    if not windows:
        then = sample.upto(places.train[0])
        raise NotEnoughData("customers_then", have=len(np.unique(then.order_customer)), need=FEWEST_IN_WINDOW)
    newest = windows[max(windows)]
    names = [name for name, (_, fewest) in METHODS.items() if len(newest.odds) >= fewest]
    seconds = dict.fromkeys(names, 0.0)
    tested = []
    for day in places.tests:
        if day not in windows:
            continue
        rows = windows[day]
        earlier = [windows[d] for d in places.known_before(day, 12) if d in windows]
        chances = {}
        for name in names:
            method = METHODS[name][0]()
            if method.trained and not _can_learn(earlier):
                continue
            began = time.perf_counter()
            chances[name] = rising_for_one_timers(method.fit(earlier).predict(rows), rows.summary)
            seconds[name] += time.perf_counter() - began
        tested.append(evaluate.Tested(day, known_ids(sample, rows), rows.label, chances))
    full = [w for w in tested if len(w.chances) == len(names)]
    if not full:  # no test for what must learn first: only the models that need no windows may speak
        names = [name for name in names if not METHODS[name][0]().trained]
        full = tested
    champion = choose(full, names)
    return Tests(horizon, places, windows, full, {name: seconds[name] for name in names}, champion, BASELINE, names)


def known_ids(history: History, rows: Rows) -> np.ndarray:
    return history.customer_ids[rows.summary.customer]


def choose(tested: list[evaluate.Tested], names: list[str]) -> str:
    """Return the champion's name; the base rate stands in as the baseline even where it could not learn."""
    if BASELINE not in names:
        return names[0]
    return evaluate.choose(tested, names, BASELINE)


def _can_learn(windows: list[Rows]) -> bool:
    if not windows:
        return False
    left = sum(int(rows.label.sum()) for rows in windows)
    return left >= 5 and sum(len(rows.label) for rows in windows) - left >= 5


def able(tests: Tests) -> list[str]:
    """Return every method that has enough finished windows behind it now, tested before or not."""
    newest = tests.windows[max(tests.windows)]
    learnt = _can_learn(list(tests.windows.values()))
    return [
        name for name, (method, fewest) in METHODS.items()
        if len(newest.odds) >= fewest and (learnt or not method().trained)
    ]  # fmt: skip


def fit_final(tests: Tests, name: str):
    """Return a method fitted on every finished window up to the cut."""
    days = sorted(tests.windows, reverse=True)[:12]
    return METHODS[name][0]().fit([tests.windows[day] for day in days])


ASPECTS = ("quiet", "orders", "pace", "size", "last", "tenure")


@dataclass
class Scores:
    """What the champion says of everyone at the cut. Arrays [b] in the order of `summary`."""

    horizon: int
    summary: Summary
    risk: np.ndarray  # float64, chance of no order within the horizon
    expected_minor: np.ndarray  # float64, what someone still a customer would bring within the horizon
    aspects: np.ndarray  # float64 [b, len(ASPECTS)], what pushes the log-odds up (+) or down (-)
    visits_lately: np.ndarray  # int, visits within the last horizon
    visits_before: np.ndarray  # int, visits within the horizon before that
    usual_order_minor: np.ndarray  # float64

    @property
    def at_stake_minor(self) -> np.ndarray:
        return self.risk * np.maximum(self.expected_minor, 0)


def score(history: History, tests: Tests) -> Scores:
    """Let the champion of the tests speak about everyone in a history known up to its `as_of`."""
    rows = rows_at(history, tests.horizon, learn_from=draw_customers(history, MOST_CUSTOMERS))
    s = rows.summary
    risk = rising_for_one_timers(fit_final(tests, tests.champion).predict(rows), s)
    worth = order_worth(history, s)
    expected = rows.model.rate(s.repeats, s.age) * rows.horizon * rows.warp * worth
    visits = [np.expm1(rows.features[:, FEATURES.index(name)]).round() for name in ("visits_one", "visits_two")]
    lately, before = visits[0].astype(int), (visits[1] - visits[0]).astype(int)
    return Scores(rows.horizon, s, risk, expected, _aspects(rows, risk, worth, lately, before), lately, before, worth)


def order_worth(history: History, summary: Summary) -> np.ndarray:
    """Return each buyer's mean order, shrunk towards the shop's by how much orders of one person vary, [b].

    The weight of the shop's mean is the ratio of the variance within people to that between them (method of moments).
    """
    visits = history.visits
    amount = np.minimum(visits.amount, np.quantile(visits.amount, 0.995))
    count = summary.visits
    owner = np.repeat(np.arange(len(count)), count)
    total = np.bincount(owner, amount)
    mean, shop = total / count, amount.mean()
    repeats = max(len(amount) - len(count), 1)
    within = np.sum((amount - mean[owner]) ** 2) / repeats
    between = max(np.var(mean) - within * np.mean(1 / count), 0.05 * max(within, 1.0))
    weight = within / between
    return (total + weight * shop) / (count + weight)


def _aspects(rows: Rows, risk: np.ndarray, worth: np.ndarray, lately: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return how much each plain aspect of a person moves the champion's log-odds away from the shop's mean.

    A least-squares line through the champion's own log-odds, over a few aspects an owner can check; columns that speak
    of one aspect are added up.
    """
    s = rows.summary
    from_gap = np.log1p(s.quiet / usual_gaps(s))
    columns = {
        "quiet": [np.log1p(s.quiet), from_gap],
        "orders": [np.log(s.visits), s.visits == 1],
        "pace": [np.log((lately + 0.5) / (before + 0.5))],
        "size": [np.log(np.maximum(worth, 1))],
        "last": [np.log(np.maximum(s.last_spend, 1) / np.maximum(worth, 1)).clip(-3, 3)],
        "tenure": [np.log1p(s.age)],
    }
    odds = _odds(risk)
    flat = np.column_stack([np.asarray(column, np.float64) for part in columns.values() for column in part])
    flat = flat - flat.mean(0)
    scale = flat.std(0)
    flat = flat / np.where(scale < 1e-9, 1.0, scale)
    slope = np.linalg.solve(flat.T @ flat + 1e-3 * len(flat) * np.eye(flat.shape[1]), flat.T @ (odds - odds.mean()))
    pushes = flat * slope
    owner = np.repeat(np.arange(len(columns)), [len(part) for part in columns.values()])
    return np.column_stack([pushes[:, owner == place].sum(1) for place in range(len(columns))])


def reasons(scores: Scores, usual: np.ndarray, *, most: int = 3) -> list[list[dict]]:
    """Return up to three reasons per buyer, strongest first: codes with numbers, worded in loyalty.wording.

    For someone riskier than the middle of the shop: what raises the risk; for everyone else: what lowers it.
    """
    s = scores.summary
    raises = scores.risk >= np.median(scores.risk)
    push = np.where(raises[:, None], scores.aspects, -scores.aspects)
    strongest = np.argsort(-push, axis=1)[:, :most]
    strong = np.take_along_axis(push, strongest, axis=1) > 0.05
    quiet, visits, age = s.quiet.tolist(), s.visits.tolist(), s.age.tolist()
    usual_days = np.maximum(np.rint(usual), 1).astype(int).tolist()
    worth, last = scores.usual_order_minor.round().astype(int).tolist(), s.last_spend.round().astype(int).tolist()
    lately, before = scores.visits_lately.tolist(), scores.visits_before.tolist()
    up = raises.tolist()

    def reason(aspect: int, i: int) -> dict | None:
        name = ASPECTS[aspect]
        if name == "quiet":
            code = "quiet_for" if up[i] else "bought_lately"
            return {"code": code, "days": quiet[i], "usual": usual_days[i]}
        if name == "orders":
            if visits[i] == 1:
                return {"code": "only_one_order"} if up[i] else None
            return {"code": "few_orders" if up[i] else "many_orders", "count": visits[i]}
        if name == "pace":
            if (lately[i] < before[i]) != up[i] or lately[i] == before[i]:
                return None
            code = "fewer_lately" if up[i] else "more_lately"
            return {"code": code, "lately": lately[i], "before": before[i], "days": scores.horizon}
        if name == "size":
            return {"code": "order_size", "minor": worth[i]}
        if name == "last":
            if visits[i] == 1:
                return None
            return {"code": "last_smaller" if last[i] < worth[i] else "last_larger", "last_minor": last[i],
                    "usual_minor": worth[i]}  # fmt: skip
        return {"code": "customer_for", "days": age[i]}

    rows = []
    for i, (places, good) in enumerate(zip(strongest.tolist(), strong.tolist())):
        told = [reason(place, i) for place, fine in zip(places, good) if fine]
        rows.append([item for item in told if item])
    return rows
