"""Next products: known tastes, the table of recommenders, what is never offered."""

from pathlib import Path

import numpy as np
import pytest

from loyalty.estimators import recommenders
from loyalty.estimators.base import History, NotEnoughData
from loyalty.estimators.recommenders.base import Purchases
from loyalty.estimators.recommenders.item_item import neighbours


def shop_of(rows: list[tuple[int, int, int]], *, as_of: int, active=None, products: int | None = None) -> History:
    """Build a history from (customer, day, product) rows."""
    customer, day, product = np.array(sorted(rows)).T
    orders = np.unique(np.column_stack([customer, day]), axis=0)
    key = {tuple(order): place for place, order in enumerate(orders.tolist())}
    size = products or int(product.max()) + 1
    return History(
        as_of=as_of,
        customer_ids=np.arange(int(customer.max()) + 1),
        order_customer=orders[:, 0].astype(np.int32),
        order_day=orders[:, 1].astype(np.int32),
        order_amount=np.full(len(orders), 1_000),
        product_ids=np.arange(100, 100 + size),
        product_active=np.ones(size, bool) if active is None else np.array(active),
        line_order=np.array([key[who, when] for who, when in zip(customer, day)], np.int32),
        line_product=product.astype(np.int32),
        line_quantity=np.ones(len(product), np.float32),
        line_amount=np.full(len(product), 500),
    )


def habits(seed: int = 0) -> History:
    """Eighty customers: everyone rebuys three favourites of their own every ten days, and one thing at random."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(80):
        favourites = rng.choice(20, 3, replace=False)
        for day in range(int(rng.integers(0, 10)), 120, 10):
            rows += [(who, day, int(item)) for item in {*favourites.tolist(), int(rng.integers(0, 20))}]
    return shop_of(rows, as_of=119)


def test_every_recommender_of_the_folder_is_in_the_table():
    folder = Path(recommenders.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base", "contest"}
    assert files == set(recommenders.RECOMMENDERS)


def test_where_people_rebuy_favourites_the_habit_is_chosen_and_found():
    history = habits()
    tests = recommenders.back_test(history, 15)
    assert tests.champion in ("personal_popular", "repeat", "blend", "next_basket", "learned")
    assert tests.metrics["repeat"]["hit_rate_1"] > 0.9
    assert tests.metrics["popular"]["hit_rate_1"] < 0.5


def test_where_taste_is_random_the_baseline_speaks():
    rng = np.random.default_rng(1)
    rows = [
        (who, day, int(item))
        for who in range(120)
        for day in range(int(rng.integers(0, 10)), 120, 10)
        for item in rng.zipf(1.6, 2) % 30
    ]
    assert recommenders.back_test(shop_of(rows, as_of=119), 15).champion == "popular"


def few_products(*, sold: int, has_habits: bool) -> History:
    rng = np.random.default_rng(4)
    rows = [
        (who, day, who % sold if has_habits else int(rng.integers(0, sold)))
        for who in range(60)
        for day in range(int(rng.integers(0, 10)), 120, 10)
    ]
    return shop_of(rows, as_of=119)


def test_with_a_handful_of_products_advice_must_be_ahead_of_what_sells_best():
    """Five suggestions hold all of five products: who makes them cannot be wrong."""
    with pytest.raises(NotEnoughData) as raised:
        recommenders.back_test(few_products(sold=5, has_habits=False), 15)
    assert raised.value.as_json() == {"what": "assortment", "have": 5, "need": 11}
    tests = recommenders.back_test(few_products(sold=5, has_habits=True), 15)
    assert (tests.few_products, tests.metrics["popular"]["hit_rate_5"]) == (5, 1)
    assert tests.metrics[tests.champion]["hit_rate_1"] > 0.9
    assert recommenders.back_test(few_products(sold=11, has_habits=False), 15).few_products == 0


def test_neighbours_are_products_of_the_same_people():
    """Two camps: products 0 to 4 and 5 to 9."""
    rng = np.random.default_rng(2)
    rows = [
        (who, day, int(item) + 5 * (who % 2)) for who in range(100) for day in (0, 30) for item in rng.integers(0, 5, 2)
    ]
    near = neighbours(Purchases(shop_of(rows, as_of=60))).toarray()
    assert near[:5, 5:].max() == 0
    assert near[5:, :5].max() == 0
    assert near[:5, :5].sum() > 0


def test_item_item_offers_what_goes_with_it_and_says_so():
    rows = [(who, day, item) for who in range(40) for day in (0, 20) for item in (0, 1)]
    rows += [(who, day, item) for who in range(40, 80) for day in (0, 20) for item in (2, 3)]
    rows += [(80, 20, 0), (81, 20, 2)]
    history = shop_of(rows, as_of=40)
    advice = recommenders.advise(history, "item_item", np.array([80, 81]))
    assert advice.product.tolist() == [1, 3]
    assert advice.reasons == [{"code": "bought_with", "product": 100}, {"code": "bought_with", "product": 102}]


def test_what_was_just_bought_is_offered_only_when_due():
    """Product 0 is rebought every 60 days, product 1 every 8; the customer comes every 8 days."""
    rows = [(who, day, 0) for who in range(30) for day in range(0, 240, 60)]
    rows += [(who, day, 1) for who in range(30) for day in range(0, 240, 8)]
    rows += [(who, day, 2) for who in range(30) for day in (0, 120)]
    history = shop_of(rows, as_of=233)
    pairs = Purchases(history).pairs
    mine = {int(item): bool(due) for who, item, due in zip(pairs.customer, pairs.item, pairs.due) if who == 0}
    assert mine == {0: True, 1: True, 2: True}  # last bought 53, 1 and 113 days ago
    early = Purchases(history.upto(184)).pairs
    mine = {int(item): bool(due) for who, item, due in zip(early.customer, early.item, early.due) if who == 0}
    assert mine == {0: False, 1: True, 2: True}  # 0 was bought 4 days ago, the next visit comes in 4


def test_what_nobody_buys_twice_is_not_offered_to_its_owner():
    rng = np.random.default_rng(3)
    rows = [(who, day, 1 + int(rng.integers(0, 3))) for who in range(40) for day in range(0, 100, 10)]
    rows += [(who, 50, 0) for who in range(20)]
    history = shop_of(rows, as_of=300)
    items, _ = recommenders.RECOMMENDERS["blend"]().fit(history).recommend(np.arange(20), 4)
    assert 0 not in items


def test_what_few_bought_is_offered_only_to_who_bought_it():
    rows = [(who, day, 1 + (who + day) % 3) for who in range(30) for day in range(0, 100, 10)]
    rows += [(0, 50, 0), (0, 80, 0)]
    history = shop_of(rows, as_of=120)
    for name in ("personal_popular", "repeat", "content", "user_user", "als", "learned"):
        items, _ = recommenders.RECOMMENDERS[name]().fit(history).recommend(np.arange(30), 4)
        assert 0 not in items[1:], name
        assert 0 in items[0] or name in ("user_user", "als"), name


def test_few_baskets_are_joined_by_those_of_earlier_windows():
    """Twelve come every five days, twenty-eight more in the newest window only."""
    rows = [(who, day, who % 3) for who in range(12) for day in range(0, 100, 5)]
    assert recommenders.back_test(shop_of(rows, as_of=99), 20).testers == 12 + 12  # the third lies in the first half
    rows += [(who, day, who % 3) for who in range(12, 40) for day in (70, 90)]
    assert recommenders.back_test(shop_of(rows, as_of=99), 20).testers == 40 + 12
    with pytest.raises(NotEnoughData, match="12 customers bought again lately; at least 20 are needed"):
        recommenders.back_test(shop_of([row for row in rows if row[0] < 12], as_of=99), 40)


def test_products_off_sale_are_never_offered():
    history = habits()
    off = shop_of(
        [(int(history.order_customer[o]), int(history.order_day[o]), int(p)) for o, p in zip(history.line_order, history.line_product)],
        as_of=119, active=[place != 3 for place in range(20)],
    )  # fmt: skip
    for name in recommenders.RECOMMENDERS:
        items, _ = recommenders.RECOMMENDERS[name]().fit(off).recommend(np.arange(80), 10)
        assert 3 not in items, name


def test_ranking_measures_by_hand():
    items = np.array([[1, 2, 3], [4, 5, 6]])
    found, ndcg = recommenders.ranking(items, [{2, 9}, {7}])
    assert found["hit_rate_1"] == 0
    assert found["hit_rate_5"] == 0.5
    assert found["recall_10"] == 0.25
    assert ndcg.tolist() == pytest.approx([(1 / np.log2(3)) / (1 + 1 / np.log2(3)), 0])


def test_too_few_return_visits_to_test_are_named():
    rows = [(who, day, who % 3) for who in range(10) for day in (0, 10, 20, 50)]
    with pytest.raises(NotEnoughData, match="10 customers bought again lately; at least 20 are needed"):
        recommenders.back_test(shop_of(rows, as_of=55), 30)
