"""Who left, from a table of what is known about people: mixed columns and one column of yes or no.

For shops that sell by subscription and import "churned: yes" with their customers, and for any such file.

Columns become numbers (`Coding`): a number stays one, with a flag where it is missing; a word becomes one column per
level, rare levels together. A column with another value for nearly everyone is a name, not a property, and left out.

base_rate  the share who left
logistic   ridge logistic regression
additive   ridge logistic regression on straight lines bent at quantiles: a generalised additive model (hinges)
forest     random forest      boosting  gradient boosted trees
blend      the mean log-odds of one line and one set of trees, the ablest the table is large enough for

Tested by folds of people: every chance the report shows was told by a model that had not seen that person. The first
in CANDIDATES within one standard error of the best log loss speaks; its log-odds are corrected by Platt's sigmoid on
the chances told out of fold.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits

from loyalty.estimators import evaluate
from loyalty.estimators.base import NotEnoughData
from loyalty.estimators.churn.candidates.base import ridge_logistic

FEWEST_ROWS = 30
FEWEST_OF_EACH = 8
FOLDS = 5
MOST_LEVELS = 30
RARE = 0.01  # share of rows below which a level goes with the other rare ones
YES = {"yes", "y", "true", "t", "1", "1.0", "churned", "left", "cancelled", "canceled", "gone", "ja", "oui", "sí", "是"}
NO = {"no", "n", "false", "f", "0", "0.0", "stayed", "active", "kept", "nein", "non", "否"}
NAMES = ("churned", "churn", "left", "cancelled", "canceled")  # what such a column is called
CANDIDATES = {"base_rate": 0, "blend": FEWEST_ROWS, "logistic": FEWEST_ROWS, "additive": FEWEST_ROWS, "forest": 50,
              "boosting": 1_000}  # fmt: skip
KINDS = (("additive", "logistic"), ("boosting", "forest"))  # the blend takes the first of each that is there


def yes_or_no(values: list) -> tuple[np.ndarray, np.ndarray]:
    """Return (which rows say yes, which rows say either), two bool [n]."""
    words = [str(value).strip().lower() if value is not None else "" for value in values]
    yes, no = np.array([word in YES for word in words]), np.array([word in NO for word in words])
    return yes, yes | no


@dataclass
class Coding:
    """Turn columns into a matrix; learned from the rows it is fitted on."""

    def fit(self, columns: dict[str, list]) -> "Coding":
        self.numbers_: dict[str, tuple[float, float]] = {}
        self.levels_: dict[str, list[str]] = {}
        for name, values in columns.items():
            number = _numbers(values)
            known = ~np.isnan(number)
            filled = sum(str(value).strip() != "" for value in values if value is not None)
            if filled and known.sum() >= 0.95 * filled and len(np.unique(number[known])) > 2:
                self.numbers_[name] = float(np.median(number[known])), float(np.std(number[known])) or 1.0
                continue
            words, counts = np.unique([_word(value) for value in values], return_counts=True)
            if len(words) > max(MOST_LEVELS, 0.5 * len(values)):
                continue  # a name or a number of somebody
            often = words[counts >= max(RARE * len(values), 3)]
            self.levels_[name] = often[np.argsort(-counts[np.isin(words, often)])][:MOST_LEVELS].tolist()
        return self

    def of(self, columns: dict[str, list]) -> tuple[np.ndarray, np.ndarray]:
        """Return (numbers [n, a], flags [n, b]); missing numbers lie in the middle and raise a flag."""
        size = len(next(iter(columns.values())))
        numbers, flags = [], []
        for name, (middle, spread) in self.numbers_.items():
            number = _numbers(columns[name])
            missing = np.isnan(number)
            numbers.append((np.where(missing, middle, number) - middle) / spread)
            flags.append(missing)
        for name, often in self.levels_.items():
            words = np.array([_word(value) for value in columns[name]])
            flags += [words == level for level in often]
        empty = np.zeros((size, 0))
        return (
            np.column_stack(numbers) if numbers else empty,
            np.column_stack(flags).astype(np.float64) if flags else empty,
        )

    def owners(self) -> list[str]:
        """Return the column behind each coded one, numbers before flags."""
        return [*self.numbers_, *self.numbers_, *(name for name, often in self.levels_.items() for _ in often)]


def _word(value) -> str:
    return "" if value is None else str(value).strip().lower()


def _numbers(values: list) -> np.ndarray:
    found = np.full(len(values), np.nan)
    for place, value in enumerate(values):
        try:
            found[place] = float(str(value).strip())
        except ValueError:
            continue
    return np.where(np.isfinite(found), found, np.nan)


@dataclass
class Linear:
    """Ridge logistic regression; `bends` adds hinges at quantiles, so that a number may work up here and down there."""

    bends: int = 0
    firm: int = 3_000  # rows from which a standardised coefficient may be as large as 0.3; with 100 rows, 0.1

    def fit(self, numbers: np.ndarray, flags: np.ndarray, label: np.ndarray) -> "Linear":
        bends = min(self.bends, len(label) // 40)
        places = np.linspace(0, 1, bends + 2)[1:-1]
        spread = float(np.interp(np.log(len(label)), np.log([100, self.firm]), [0.1, 0.3]))
        self.knots_ = [np.unique(np.quantile(column, places)) if bends else np.zeros(0) for column in numbers.T]
        raw = self._columns(numbers, flags)
        self.mean_, self.scale_ = raw.mean(0), raw.std(0)
        self.scale_[self.scale_ < 1e-9] = 1.0
        X = np.column_stack([np.ones(len(raw)), (raw - self.mean_) / self.scale_])
        penalty = np.r_[1e-6, np.full(raw.shape[1], spread**-2)]
        self.beta_ = ridge_logistic(X, label.astype(np.float64), np.zeros(len(X)), penalty, np.ones(len(X)))
        return self

    def predict(self, numbers: np.ndarray, flags: np.ndarray) -> np.ndarray:
        raw = self._columns(numbers, flags)
        return expit(self.beta_[0] + ((raw - self.mean_) / self.scale_) @ self.beta_[1:])

    def _columns(self, numbers: np.ndarray, flags: np.ndarray) -> np.ndarray:
        hinges = [np.maximum(column - knot, 0) for column, knots in zip(numbers.T, self.knots_) for knot in knots]
        return np.column_stack([numbers, flags, *hinges])


@dataclass
class Trees:
    kind: str
    seed: int = 0

    def fit(self, numbers: np.ndarray, flags: np.ndarray, label: np.ndarray) -> "Trees":
        X = np.column_stack([numbers, flags])
        if self.kind == "forest":
            from sklearn.ensemble import RandomForestClassifier

            leaf = max(8, min(15, len(X) // 60))
            trees = RandomForestClassifier(120, min_samples_leaf=leaf, n_jobs=1, random_state=self.seed)
        else:
            from sklearn.ensemble import HistGradientBoostingClassifier

            trees = HistGradientBoostingClassifier(
                learning_rate=0.06, max_iter=120, max_leaf_nodes=6, min_samples_leaf=30, l2_regularization=5.0,
                max_features=0.3, early_stopping=False, random_state=self.seed,
            )  # fmt: skip
        with threadpool_limits(1, user_api="openmp"):
            self.trees_ = trees.fit(X.astype(np.float32), label)
        return self

    def predict(self, numbers: np.ndarray, flags: np.ndarray) -> np.ndarray:
        return self.trees_.predict_proba(np.column_stack([numbers, flags]).astype(np.float32))[:, 1]


MAKE = {
    "logistic": Linear,
    "additive": lambda: Linear(bends=7),
    "forest": lambda: Trees("forest"),
    "boosting": lambda: Trees("boosting"),
}


@dataclass
class TableChurn:
    """Learn who left from a table; `champion_` speaks. `told_` are the chances told out of fold, [n] each."""

    seed: int = 0
    folds: int = FOLDS
    told_: dict[str, np.ndarray] = field(default_factory=dict)

    def fit(self, columns: dict[str, list], label: np.ndarray) -> "TableChurn":
        """Learn from columns of n values each and who left, bool [n]."""
        label = np.asarray(label, bool)
        _enough(label)
        self.names_ = [name for name, fewest in CANDIDATES.items() if len(label) >= fewest]
        self.told_ = self._out_of_fold(columns, label)
        tested = [evaluate.Tested(0, np.arange(len(label)), label, self.told_)]
        self.champion_ = evaluate.choose(tested, self.names_, "base_rate")
        self.sigmoid_ = {name: _sigmoid(self.told_[name], label) for name in self.names_}
        self.coding_ = Coding().fit(columns)
        self.share_ = float(label.mean())
        numbers, flags = self.coding_.of(columns)
        self.fitted_ = {name: MAKE[name]().fit(numbers, flags, label) for name in self.names_ if name in MAKE}
        return self

    def predict(self, columns: dict[str, list], name: str | None = None) -> np.ndarray:
        """Return P(left), [n], of the champion or of the candidate named."""
        name = name or self.champion_
        numbers, flags = self.coding_.of(columns)
        chances = {one: model.predict(numbers, flags) for one, model in self.fitted_.items()}
        return _corrected(_all(chances, self.share_, len(flags))[name], self.sigmoid_[name])

    def unseen(self) -> np.ndarray:
        """Return the champion's chances of the rows it learned from, each told by a fit that had not seen the row."""
        return _corrected(self.told_[self.champion_], self.sigmoid_[self.champion_])

    def reasons(self, columns: dict[str, list], chance: np.ndarray, *, most: int = 3) -> list[list[str]]:
        """Return for each row the columns that raise its chance most above the usual one, strongest first.

        Told by a straight line through the log-odds of the chances over the coded columns.
        """
        numbers, flags = self.coding_.of(columns)
        X = np.column_stack([numbers, flags])
        X = (X - X.mean(0)) / np.maximum(X.std(0), 1e-9)
        odds = logit(np.clip(chance, 0.002, 0.998))
        slope = np.linalg.solve(X.T @ X + 0.01 * len(X) * np.eye(X.shape[1]), X.T @ (odds - odds.mean()))
        owners = self.coding_.owners()
        names = list(dict.fromkeys(owners))
        place = np.array([names.index(name) for name in owners])
        push = np.column_stack([(X * slope)[:, place == one].sum(1) for one in range(len(names))])
        strongest = np.argsort(-push, axis=1)[:, :most]
        return [[names[one] for one in row if push[i, one] > 0.05] for i, row in enumerate(strongest.tolist())]

    def _out_of_fold(self, columns: dict[str, list], label: np.ndarray) -> dict[str, np.ndarray]:
        told = {name: np.zeros(len(label)) for name in self.names_}
        for fold in folds(label, self.folds, self.seed):
            inside = {name: [values[i] for i in np.flatnonzero(~fold)] for name, values in columns.items()}
            outside = {name: [values[i] for i in np.flatnonzero(fold)] for name, values in columns.items()}
            coding = Coding().fit(inside)
            learn, test = coding.of(inside), coding.of(outside)
            chances = {
                name: MAKE[name]().fit(*learn, label[~fold]).predict(*test) for name in self.names_ if name in MAKE
            }
            for name, chance in _all(chances, float(label[~fold].mean()), int(fold.sum())).items():
                told[name][fold] = chance
        return told


def _enough(label: np.ndarray) -> None:
    least = int(min(label.sum(), (~label).sum()))
    if len(label) < FEWEST_ROWS:
        raise NotEnoughData("rows", have=len(label), need=FEWEST_ROWS)
    if least < FEWEST_OF_EACH:
        raise NotEnoughData("of_each", have=least, need=FEWEST_OF_EACH)


def _all(chances: dict[str, np.ndarray], share: float, size: int) -> dict[str, np.ndarray]:
    """Add the base rate and the blend to the chances of the single candidates."""
    members = [next(name for name in kind if name in chances) for kind in KINDS if set(kind) & set(chances)]
    odds = [logit(np.clip(chances[name], 0.005, 0.995)) for name in members]
    return {"base_rate": np.full(size, share), "blend": expit(np.mean(odds, axis=0)), **chances}


def _sigmoid(told: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return Platt's level and slope for log-odds, held close to no correction where rows are few."""
    odds = logit(np.clip(told, 0.002, 0.998))
    columns = np.column_stack([np.ones(len(odds)), odds])
    return ridge_logistic(columns, label.astype(np.float64), odds, np.array([4.0, 4.0]), np.ones(len(odds)))


def _corrected(told: np.ndarray, sigmoid: np.ndarray) -> np.ndarray:
    odds = logit(np.clip(told, 0.002, 0.998))
    return expit(odds + sigmoid[0] + sigmoid[1] * odds)


def folds(label: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """Return which rows are in each fold, bool [n] each, with the same share of leavers everywhere."""
    place, rng = np.zeros(len(label), int), np.random.default_rng(seed)
    for side in (True, False):
        mine = rng.permutation(np.flatnonzero(label == side))
        place[mine] = np.arange(len(mine)) % count
    return [place == one for one in range(count)]


def report(columns: dict[str, list], label: np.ndarray, *, seed: int = 0) -> dict:
    """Return how well every candidate does on people it has not seen: five folds, all choosing and correcting inside.

    The row "chosen" is what an owner would have been told: the champion of each fold's own inner test.
    """
    label = np.asarray(label, bool)
    _enough(label)
    told: dict[str, np.ndarray] = {}
    champions = []
    for fold in folds(label, FOLDS, seed):
        inside = {name: [values[i] for i in np.flatnonzero(~fold)] for name, values in columns.items()}
        outside = {name: [values[i] for i in np.flatnonzero(fold)] for name, values in columns.items()}
        model = TableChurn(seed=seed, folds=3).fit(inside, label[~fold])
        champions.append(model.champion_)
        for name in [*model.names_, "chosen"]:
            chance = model.predict(outside, None if name == "chosen" else name)
            told.setdefault(name, np.full(len(label), np.nan))[fold] = chance
    whole = {name: chance for name, chance in told.items() if not np.isnan(chance).any()}
    figures = {
        name: evaluate.measures(label, chance) | {"intervals": evaluate.intervals(label, chance)}
        for name, chance in whole.items()
    }
    return {"champions": champions, "candidates": figures}
