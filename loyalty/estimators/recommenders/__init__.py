"""The recommenders, from simple to complex, and how the shop's own past chooses one."""

import time
from dataclasses import dataclass

import numpy as np

from loyalty.estimators.base import History, NotEnoughData
from loyalty.estimators.recommenders.base import Purchases, Recommender
from loyalty.estimators.recommenders.blend import Blend
from loyalty.estimators.recommenders.item_item import ItemItem
from loyalty.estimators.recommenders.popular import Popular
from loyalty.estimators.recommenders.repeat import Repeat

RECOMMENDERS: dict[str, type[Recommender]] = {
    "popular": Popular,
    "repeat": Repeat,
    "item_item": ItemItem,
    "blend": Blend,
}
BASELINE = "popular"
FEWEST_TESTERS = 20
MOST_TESTERS = 3_000


@dataclass
class Advice:
    """One product per customer. Arrays [c]; products are places in history.product_ids, -1 for none."""

    customer: np.ndarray
    product: np.ndarray
    reasons: list[dict]  # {"code": "every_days" | "again" | "bought_with" | "popular", ...}; products are ids


@dataclass
class Tests:
    cut: int
    horizon: int
    testers: int
    champion: str
    metrics: dict[str, dict]
    baseline: str = BASELINE


def back_test(history: History, horizon: int, *, seed: int = 0) -> Tests:
    """Advise as of `horizon` days ago, look into each customer's first basket since, and choose.

    The champion is the simplest within one standard error of the best NDCG at 10; see `ranking`.
    """
    cut = history.as_of - horizon
    past = history.upto(cut)
    customers, targets = first_baskets(history, cut)
    if len(past.order_day):
        bought_before = np.zeros(len(history.customer_ids), bool)
        bought_before[past.order_customer] = True
    if not len(past.order_day) or bought_before[customers].sum() < FEWEST_TESTERS:
        have = int(bought_before[customers].sum()) if len(past.order_day) else 0
        raise NotEnoughData("baskets", have=have, need=FEWEST_TESTERS)
    testers = customers[bought_before[customers]]
    if len(testers) > MOST_TESTERS:
        testers = np.sort(np.random.default_rng(seed).choice(testers, MOST_TESTERS, replace=False))
    purchases = Purchases(past)
    metrics, gains = {}, {}
    for name, kind in RECOMMENDERS.items():
        began = time.perf_counter()
        items, _ = kind().fit(past, purchases).recommend(testers, 10)
        metrics[name], gains[name] = ranking(items, [targets[customer] for customer in testers.tolist()])
        metrics[name]["seconds"] = time.perf_counter() - began
    return Tests(cut, horizon, len(testers), _choose(gains), metrics)


def first_baskets(history: History, cut: int) -> tuple[np.ndarray, dict[int, set[int]]]:
    """Return the customers who bought after the cut, and what was in the first basket of each."""
    order_customer, order_day = history.order_customer[history.line_order], history.order_day[history.line_order]
    later = order_day > cut
    customer, day, product = order_customer[later], order_day[later], history.line_product[later]
    first = np.full(len(history.customer_ids), np.iinfo(np.int32).max)
    np.minimum.at(first, customer, day)
    inside = day == first[customer]
    targets: dict[int, set[int]] = {}
    for who, what in zip(customer[inside].tolist(), product[inside].tolist()):
        targets.setdefault(who, set()).add(what)
    return np.unique(customer), targets


def ranking(items: np.ndarray, targets: list[set[int]]) -> tuple[dict, np.ndarray]:
    """Return hit rates at 1, 5 and 10, recall and NDCG at 10 (ideal cut at 10), and the NDCG of each customer."""
    hits = np.array([[item in wanted for item in row] for row, wanted in zip(items.tolist(), targets)])
    sizes = np.array([len(wanted) for wanted in targets])
    discount = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.cumsum(discount)[np.minimum(sizes, hits.shape[1]) - 1]
    ndcg = hits @ discount / ideal
    return {
        "hit_rate_1": float(hits[:, :1].any(1).mean()),
        "hit_rate_5": float(hits[:, :5].any(1).mean()),
        "hit_rate_10": float(hits.any(1).mean()),
        "recall_10": float((hits.sum(1) / sizes).mean()),
        "ndcg_10": float(ndcg.mean()),
    }, ndcg


def _choose(gains: dict[str, np.ndarray]) -> str:
    best = max(gains, key=lambda name: gains[name].mean())
    if gains[best].mean() <= gains[BASELINE].mean():
        return BASELINE
    for name, gain in gains.items():
        lead = gains[best] - gain
        if name == best or lead.mean() <= lead.std(ddof=1) / np.sqrt(len(lead)):
            return name
    return best


def advise(history: History, name: str, customers: np.ndarray) -> Advice:
    """Return the next product of each customer by one recommender, with the reason."""
    chosen = RECOMMENDERS[name]().fit(history)
    p = chosen.purchases_
    items, _ = chosen.recommend(customers, 1)
    product = items[:, 0]
    place = np.full(len(history.product_ids), -1, np.int32)
    place[p.catalogue] = np.arange(p.size)
    some = np.flatnonzero(product >= 0)
    beside = np.full(len(product), -1, np.int32)
    beside[some] = chosen.because(customers[some], place[product[some]])
    key = p.pairs.customer.astype(np.int64) * p.size + p.pairs.item
    wanted = customers[some].astype(np.int64) * p.size + place[product[some]]
    spot = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    own = key[spot] == wanted
    reasons: list[dict] = [{} for _ in product]
    times, interval = p.pairs.times[spot].tolist(), np.nan_to_num(p.pairs.interval[spot]).round().astype(int).tolist()
    for i, pair_times, days, is_own in zip(some.tolist(), times, interval, own.tolist()):
        if is_own and pair_times > 1:
            reasons[i] = {"code": "every_days", "days": max(days, 1), "times": pair_times}
        elif is_own:
            reasons[i] = {"code": "again", "days": max(days, 1)}
        elif beside[i] >= 0:
            reasons[i] = {"code": "bought_with", "product": int(history.product_ids[p.catalogue[beside[i]]])}
        else:
            reasons[i] = {"code": "popular"}
    return Advice(customers, product, reasons)
