"""The recommenders that learn from others and from the past, and their report card."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from loyalty.estimators import recommenders, simulate
from loyalty.estimators.base import NotEnoughData
from loyalty.estimators.recommenders import als, base, content, contest, ease
from tests.loyalty.estimators.test_recommenders import habits, shop_of


def camps(*, people: int = 120, seed: int = 4) -> base.History:
    """Two tastes, products 0 to 9 and 10 to 19: every ten days two of one's own side, most often one's favourite."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(people):
        side, favourite = 10 * (who % 2), int(rng.integers(0, 10))
        for day in range(int(rng.integers(0, 10)), 160, 10):
            rows += [(who, day, side + item) for item in {favourite, int(rng.integers(0, 10))}]
    return shop_of(rows, as_of=159)


@pytest.mark.parametrize("name", ["user_user", "ease", "als", "net", "discover"])
def test_advice_of_things_never_bought_is_of_the_same_taste(name):
    rows = [(who, day, 10 * (who % 2) + (who // 2 + 3 * day // 10 + step) % 10) for who in range(120)
            for day in range(0, 60, 10) for step in (0, 4)]  # fmt: skip
    history = shop_of(rows, as_of=60)
    known = history.upto(40)
    customers = np.arange(40)
    items, _ = recommenders.RECOMMENDERS[name]().fit(known).recommend(customers, 1, only_new=True)
    right = (items[:, 0] // 10) == customers % 2
    assert right[items[:, 0] >= 0].mean() >= 0.9
    own = set(zip(known.order_customer[known.line_order].tolist(), known.line_product.tolist()))
    assert not own & set(zip(customers.tolist(), items[:, 0].tolist()))


def test_ease_is_the_closed_form_of_its_paper():
    history = habits()
    fitted = ease.Ease(ridge=5.0).fit(history)
    owned = fitted.purchases_.owned[:, fitted.linked_].toarray().astype(float)
    inverse = np.linalg.inv(owned.T @ owned + 5.0 * np.eye(owned.shape[1]))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    assert np.abs(fitted.weight_ - expected).max() < 1e-4


def test_ease_over_customers_is_ease_over_products():
    owned = sparse.random(12, 30, 0.3, random_state=1, format="csr", dtype=np.float32)
    owned.data[:] = 1
    for one in (owned, owned.T.tocsr()):
        expected = np.linalg.inv((one.T @ one).toarray().astype(float) + 7 * np.eye(one.shape[1]))
        assert np.abs(ease.inverse_of_gram(one, 7.0) - expected).max() < 1e-6


@pytest.mark.parametrize("k", [1, 5, 60])
def test_the_highest_are_found_without_sorting_all(k):
    score = np.random.default_rng(0).gamma(0.3, 1, (50, 997)).astype(np.float32)
    score[:5, 3:] = 0  # ties wherever one looks
    best = base.leading(score, k)
    assert np.take_along_axis(score, best, 1).tolist() == (-np.sort(-score, axis=1)[:, :k]).tolist()
    assert all(len(set(row)) == k for row in best.tolist())


def test_als_solves_every_row_of_equation_four():
    rng = np.random.default_rng(0)
    extra = sparse.random(6, 9, 0.4, random_state=0, format="csr", dtype=np.float32)
    other = rng.normal(size=(9, 3)).astype(np.float32)
    found = als.solve(extra, other)
    for row in range(6):
        confidence = extra[row].toarray().ravel() + 1
        wish = (extra[row].toarray().ravel() > 0).astype(float)
        left = other.T @ np.diag(confidence) @ other + als.RIDGE * np.eye(3)
        assert found[row].tolist() == pytest.approx(np.linalg.solve(left, other.T @ (confidence * wish)), abs=1e-4)


def test_names_are_cut_into_words_and_pairs_of_chinese_characters():
    assert content.words("Rye Bread 500g") == ["rye", "bread"]
    assert content.words("红枣黑芝麻糊 茶") == ["红枣", "枣黑", "黑芝", "芝麻", "麻糊", "茶"]


def test_content_finds_what_is_named_alike():
    rows = [(who, day, who % 4) for who in range(40) for day in (0, 10, 20)]
    names = np.array(["green tea", "black tea", "rye bread", "white bread"], object)
    history = replace(shop_of(rows, as_of=20), product_text=names)
    items, _ = recommenders.RECOMMENDERS["content"]().fit(history).recommend(np.arange(4), 1, only_new=True)
    assert items[:, 0].tolist() == [1, 0, 3, 2]


def test_rebuying_and_taste_are_learned_together():
    found = contest.report(camps(), 140)["next_basket"]["candidates"]
    assert found["learned"]["ndcg_10"] > found["popular"]["ndcg_10"] + 0.2
    assert found["learned"]["ndcg_10"] > found["personal_popular"]["ndcg_10"] - 0.02


def test_a_shop_with_too_short_a_past_gets_no_learned_ranking():
    rows = [(who, day, (who + day) % 3) for who in range(30) for day in (0, 10, 20)]
    with pytest.raises(NotEnoughData):
        recommenders.RECOMMENDERS["learned"]().fit(shop_of(rows, as_of=20))


def test_what_was_given_back_is_never_offered_again():
    history = habits()
    mine = np.flatnonzero(history.order_customer == 0)
    given = replace(
        history,
        refund_order=mine.astype(np.int32),
        refund_customer=np.zeros(len(mine), np.int32),
        refund_day=history.order_day[mine],
        refund_amount=history.order_amount[mine],
        order_void_day=np.where(history.order_customer == 0, history.order_day, history.order_void_day),
    )
    today = given.upto(given.as_of)
    purchases = base.Purchases(today)
    purchases.remember_returns(given)
    bought = set(history.line_product[np.isin(history.line_order, mine)].tolist())
    items, _ = recommenders.RECOMMENDERS["popular"]().fit(today, purchases).recommend(np.array([0]), 20)
    assert bought & set(items.ravel().tolist()) == set()
    assert len(bought) + (items >= 0).sum() == 20


def test_last_basket_hides_one_basket_of_each_customer():
    history = shop_of([(0, 0, 0), (0, 5, 1), (0, 9, 2), (1, 3, 1)], as_of=10)
    past, targets = contest.without_last(history)
    assert targets == {0: {2}, 1: {1}}
    assert past.order_day.tolist() == [0, 5]


def test_first_purchases_after_the_cut():
    history = shop_of([(0, 0, 0), (0, 5, 0), (0, 5, 1), (0, 90, 2), (1, 5, 1)], as_of=100)
    assert base.firsts_after(history, 2, 10) == {0: {1}}


def test_figures_by_hand():
    items = np.array([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]])
    found, _ = contest.figures_of(items, [{2, 6, 50, 51}], [{2, 50}], 20)
    full = sum(1 / np.log2(place + 2) for place in range(4))
    assert found["recall_5"] == 0.25
    assert found["recall_10"] == 0.5
    assert found["ndcg_10"] == pytest.approx((1 / np.log2(3) + 1 / np.log2(7)) / full, abs=1e-5)
    assert (found["repeat_recall_10"], found["new_recall_10"], found["coverage"]) == (0.5, 0.5, 0.5)


def test_the_incumbent_speaks_until_another_is_clearly_better():
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.1, 200)
    gains = {"popular": np.full(200, 0.1), "personal_popular": np.full(200, 0.3), "repeat": 0.31 + noise}
    assert recommenders.choose(gains) == "personal_popular"  # a lead that chance may give
    gains["repeat"] = gains["repeat"] - noise.mean() + 0.03
    assert recommenders.choose(gains) == "repeat"
    gains["learned"] = gains["repeat"] + 0.001 + rng.permutation(noise)
    assert recommenders.choose(gains) == "repeat"  # the simpler of two that are close
    gains["learned"] = gains["repeat"] + 0.05
    assert recommenders.choose(gains) == "learned"
    assert recommenders.choose(gains | {"popular": np.full(200, 0.6)}) == "popular"


def test_the_best_of_many_that_are_equal_seldom_unseats_the_incumbent():
    rng = np.random.default_rng(6)
    names = [name for name in recommenders.RECOMMENDERS if name not in recommenders.FOR_NEW_ITEMS]
    kept = 0
    for _draw in range(200):
        people = rng.normal(0.3, 0.1, 40)
        gains = {name: people + rng.normal(0, 0.1, 40) for name in names}
        kept += recommenders.choose(gains) == recommenders.INCUMBENT
    assert kept >= 184  # at least 19 of 20, but for chance


@pytest.mark.slow
def test_in_small_drawn_shops_the_choice_does_not_fall_below_gp_top():
    lead = []
    for seed in range(12):
        habit, customers = (0.0, 0.3, 0.7)[seed % 3], (30, 100)[seed % 2]
        shop, _ = simulate.shopping(customers=customers, days=450, habit=habit, seed=seed)
        past, targets = shop.upto(400), base.baskets_after(shop, 400)
        try:
            champion = recommenders.back_test(past, 30).champion
        except NotEnoughData:
            continue
        targets = {who: wanted for who, wanted in targets.items() if who in past.order_customer}
        who, wanted = np.array(list(targets)), list(targets.values())
        ours, theirs = (
            recommenders.ranking(recommenders.RECOMMENDERS[name]().fit(past).recommend(who, 10, guarded=False)[0], wanted)[1]
            for name in (champion, "personal_popular")
        )
        lead.append(ours.mean() - theirs.mean())
    assert np.mean(lead) > -0.002


def test_report_says_what_the_protocols_say():
    history = habits()
    for protocol in contest.PROTOCOLS:
        found = contest.report(history, 100, protocol, names=["popular", "personal", "personal_popular", "repeat"])
        assert list(found["next_basket"]["candidates"]) == ["popular", "personal", "personal_popular", "repeat"]
        assert found["next_basket"]["best"] in ("personal_popular", "repeat")
        assert found["next_basket"]["customers"] == 80
        assert found["protocol"] == protocol
