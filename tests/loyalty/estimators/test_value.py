"""Money ahead: known truth, no look ahead, intervals that hold, never far behind its parts."""

import numpy as np
import pytest

from loyalty.estimators import churn, simulate, value
from loyalty.estimators.base import History
from loyalty.estimators.value import contest
from tests.loyalty.estimators.habits import new_habit


@pytest.fixture(scope="module")
def shop() -> History:
    return simulate.bgnbd(customers=2_000, days=620, r=0.7, alpha=6.0, a=0.8, b=2.6, joined_within=300, seed=1)[0]


@pytest.fixture(scope="module")
def tests(shop) -> value.Tests:
    return value.back_test(shop.upto(530), 90)


def after(history: History, cut: int, horizon: int) -> value.Window:
    past = history.upto(cut)
    return value.Window.at(churn.rows_at(past, horizon), past, history)


def test_measures_of_a_perfect_and_a_blind_forecast():
    spent = np.array([0.0, 0, 0, 0, 0, 0, 0, 0, 40, 60])
    perfect = value.measures(spent, spent)
    assert (perfect["relative_gini"], perfect["capture"], perfect["total"], perfect["mae_minor"]) == (1.0, 0.6, 0.0, 0.0)
    assert value.measures(spent, -np.arange(10.0) + 10)["relative_gini"] < 0


def test_the_blend_is_never_far_behind_its_parts_and_all_beat_the_average(shop, tests):
    window = after(shop, 530, 90)
    entry = value.entry_for(tests, window)
    gini = {name: value.measures(window.spent, entry.told(name))["relative_gini"] for name in value.able(tests)}
    assert gini["blend"] > max(gini["buying"], gini["past_spend"]) - 0.01
    assert min(gini[name] for name in gini if name != "average") > gini["average"] + 0.4


def test_the_champion_tells_the_sum_and_the_orders(shop, tests):
    window = after(shop, 530, 90)
    scores = value.score(shop.upto(530), tests)
    assert scores.value_minor.sum() == pytest.approx(window.spent.sum(), rel=0.2)
    assert scores.orders.sum() == pytest.approx(window.orders.sum(), rel=0.2)


def test_eight_of_ten_lie_inside_the_interval(shop, tests):
    window = after(shop, 530, 90)
    scores = value.score(shop.upto(530), tests)
    inside = (window.spent >= scores.low_minor) & (window.spent <= scores.high_minor)
    assert 0.75 < inside.mean() < 0.97
    assert np.all((scores.low_minor <= scores.value_minor) & (scores.value_minor <= scores.high_minor))


def test_what_huge_orders_bring_is_in_the_sum_but_not_in_one_persons_forecast():
    history, _ = simulate.bgnbd(customers=600, days=400, r=0.9, alpha=4.0, a=0.8, b=2.6, joined_within=200, seed=3)
    amount = history.order_amount.copy()
    amount[0] = amount.sum() // 4
    huge = History.of_orders(history.order_customer, history.order_day, amount, as_of=400)
    plain, with_it = (value.Window(churn.rows_at(one, 60), one) for one in (history, huge))
    assert with_it.worth.mean() == pytest.approx(1.25 * plain.worth.mean(), rel=0.03)
    assert with_it.worth[0] / plain.worth[0] < 3


def test_the_future_does_not_leak(shop):
    cut = 400
    early = shop.order_day <= cut
    other = History.of_orders(
        np.r_[shop.order_customer[early], np.arange(2_000)],
        np.r_[shop.order_day[early], np.full(2_000, cut + 1)],
        np.r_[shop.order_amount[early], np.full(2_000, 10**7)],
        as_of=620,
    )
    ours, theirs = (value.score(h.upto(cut), value.back_test(h.upto(cut), 90)) for h in (shop, other))
    assert ours.value_minor.tolist() == theirs.value_minor.tolist()


def test_a_habit_two_months_old_is_learned_though_no_window_of_three_months_knows_it():
    history = new_habit()
    tests = value.back_test(history.upto(200), 90)
    assert [one.rows.cut for one in tests.running] == [170, 140]
    window = after(history, 200, 90)
    s = window.rows.summary
    fresh, large = (s.visits == 1) & (s.age < 15), s.spend > 5_000
    share = []
    for running in ([], tests.running):
        told = value.Entry([tests.windows[max(tests.windows)]], window, running).told("stacked")
        share.append(told[fresh & large].sum() / told[fresh].sum())
    assert share[1] > share[0] + 0.1


def test_the_hurdle_tells_who_comes_and_what_they_bring():
    rng = np.random.default_rng(4)
    large = rng.random(1_500) < 0.5
    visits = 1 + rng.poisson(np.where(large, 0.6, 3.0))  # in 400 days: the large ones seldom come
    who = np.repeat(np.arange(1_500), visits)
    amount = np.where(large, 9_000, 1_000)[who] * np.exp(rng.normal(0, 0.3, len(who)))
    history = History.of_orders(who, rng.integers(0, 400, len(who)), amount, as_of=399)
    tests = value.back_test(history.upto(300), 60)
    window = after(history, 300, 60)
    hurdle = value.entry_for(tests, window).candidate("hurdle")
    comes, mine = 1 - hurdle.leaves_.predict(window.rows), large[window.rows.summary.customer]
    assert comes[mine].mean() == pytest.approx((window.spent[mine] > 0).mean(), abs=0.04)
    assert comes[~mine].mean() == pytest.approx((window.spent[~mine] > 0).mean(), abs=0.08)
    share = [told[mine].sum() / told.sum() for told in (window.spent, hurdle.predict(window))]
    assert share[1] == pytest.approx(share[0], abs=0.08)


@pytest.mark.parametrize(
    ("customers", "members"),
    [
        (40, ["Buying", "PastSpend"]),
        (150, ["Buying", "PastSpend", "Stacked", "Hurdle"]),
        (600, ["Buying", "Stacked", "Hurdle"]),
    ],
)
def test_the_blend_hears_what_the_shop_is_large_enough_for(customers, members):
    history, _ = simulate.bgnbd(customers=customers, days=400, r=0.9, alpha=4.0, a=0.8, b=2.6, seed=3)
    tests = value.back_test(history, 60)
    entry = value.entry_for(tests, value.Window(churn.rows_at(history, 60), history))
    assert [type(one).__name__ for one in entry.candidate("blend").members] == members


def test_the_blend_gives_way_only_to_what_is_clearly_better():
    rng = np.random.default_rng(0)
    tested = []
    for day in (0, 60):
        spent = rng.gamma(0.5, 100.0, 300)
        far, near = spent * np.exp(rng.normal(0, 1.0, 300)), spent * np.exp(rng.normal(0, 0.3, 300))
        same = far * np.exp(rng.normal(0, 0.1, 300))
        told = {"average": np.full(300, spent.mean()), "blend": far, "buying": same, "stacked": near}
        tested.append(contest.Tested(day, np.arange(300), spent, spent > 0, told, spent))
    assert contest.choose(tested, ["average", "blend", "buying"]) == "blend"
    assert contest.choose(tested, ["average", "blend", "buying", "stacked"]) == "stacked"


def test_what_came_after_the_day_is_not_in_a_window_that_had_not_ended(shop):
    tests = value.back_test(shop.upto(400), 90)
    for one in tests.running:
        later = (shop.order_day > one.rows.cut) & (shop.order_day <= 400)
        money = np.bincount(shop.order_customer[later], shop.order_amount[later], len(shop.customer_ids))
        assert one.spent.tolist() == money[one.rows.summary.customer].tolist()


def test_windows_of_the_churn_contest_give_the_same_answer(shop, tests):
    shared = value.back_test(shop.upto(530), 90, past=churn.replay(shop.upto(530), 90, most=churn.MOST_CUSTOMERS))
    assert shared.champion == tests.champion
    assert shared.tested[0].told["blend"].tolist() == tests.tested[0].told["blend"].tolist()


def test_a_thirty_customer_shop_is_told_something_sane():
    for seed in range(5):
        history, _ = simulate.bgnbd(customers=36, days=400, r=0.7, alpha=6.0, a=0.8, b=2.6, seed=seed)
        tests = value.back_test(history, 60)
        scores = value.score(history, tests)
        assert set(tests.candidates) <= {"average", "blend", "buying", "past_spend", "decayed"}
        assert np.all(np.isfinite(scores.value_minor)) and np.all(scores.value_minor >= 0)
        assert scores.value_minor.sum() < 3 * history.order_amount.sum()
