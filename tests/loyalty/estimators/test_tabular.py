"""Tables of people: columns understood, leavers found, chances that come true."""

import numpy as np
import pytest

from loyalty.estimators import evaluate, tabular
from loyalty.estimators.base import NotEnoughData


def members(rows: int, seed: int = 0) -> tuple[dict[str, list], np.ndarray]:
    rng = np.random.default_rng(seed)
    months, plan = rng.integers(1, 72, rows), rng.choice(["monthly", "yearly", "two years"], rows, p=[0.6, 0.25, 0.15])
    fee = np.round(rng.uniform(20, 110, rows), 2)
    odds = 0.6 - 0.05 * months + 0.02 * (fee - 60) - 1.5 * (plan != "monthly")
    left = rng.random(rows) < 1 / (1 + np.exp(-odds))
    columns = {
        "id": [f"M{i:05d}" for i in range(rows)],
        "months": [str(m) if i % 37 else " " for i, m in enumerate(months)],
        "plan": plan.tolist(),
        "fee": [str(value) for value in fee],
    }
    return columns, left


def test_words_of_yes_and_no_are_understood():
    yes, told = tabular.yes_or_no(["Yes", "no", " TRUE ", "0", "", None, "maybe", "1"])
    assert yes.tolist() == [True, False, True, False, False, False, False, True]
    assert told.tolist() == [True, True, True, True, False, False, False, True]


def test_columns_are_taken_for_what_they_are():
    columns, _ = members(400)
    coding = tabular.Coding().fit(columns)
    assert list(coding.numbers_) == ["months", "fee"]
    assert {name: sorted(levels) for name, levels in coding.levels_.items()} == {"plan": ["monthly", "two years", "yearly"]}
    numbers, flags = coding.of(columns)
    assert (numbers.shape, flags.shape) == ((400, 2), (400, 5))
    assert flags[:, 0].sum() == sum(value == " " for value in columns["months"])
    assert np.isfinite(numbers).all()


def test_leavers_are_found_and_chances_come_true():
    columns, left = members(2_000)
    learn, test = ({name: values[part] for name, values in columns.items()} for part in (slice(0, 1_200), slice(1_200, 2_000)))
    model = tabular.TableChurn().fit(learn, left[:1_200])
    told = model.predict(test)
    found = evaluate.measures(left[1_200:], told)
    assert found["auc"] > 0.8
    assert found["ece"] < 0.05
    assert found["brier"] < evaluate.measures(left[1_200:], model.predict(test, "base_rate"))["brier"] - 0.03


def test_unknown_words_and_missing_numbers_do_not_stop_it():
    columns, left = members(300)
    model = tabular.TableChurn().fit(columns, left)
    told = model.predict({"id": ["x"], "months": ["unknown"], "plan": ["for life"], "fee": [None]})
    assert 0 < told[0] < 1


def test_noise_leaves_the_base_rate_or_nearly_so():
    rng = np.random.default_rng(4)
    columns = {name: rng.normal(size=200).tolist() for name in "abcde"}
    model = tabular.TableChurn().fit(columns, rng.random(200) < 0.3)
    told = model.predict(columns)
    assert told.std() < 0.08


def test_too_few_rows_or_leavers_are_named():
    columns, left = members(20)
    with pytest.raises(NotEnoughData, match="There are 20 rows that say yes or no; at least 30 are needed"):
        tabular.TableChurn().fit(columns, left)
    columns, _ = members(50)
    with pytest.raises(NotEnoughData, match="The smaller side of yes and no has 2 rows; at least 8 are needed"):
        tabular.TableChurn().fit(columns, np.arange(50) < 2)


def test_folds_keep_the_share_of_leavers():
    label = np.arange(100) < 20
    found = tabular.folds(label, 5, seed=0)
    assert [int(label[fold].sum()) for fold in found] == [4] * 5
    assert np.sum(found, axis=0).tolist() == [1] * 100
