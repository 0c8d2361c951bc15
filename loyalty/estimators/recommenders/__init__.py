"""The recommenders, from simple to complex, and how the shop's own past chooses one."""

import time
from dataclasses import dataclass

import numpy as np

from loyalty.estimators.base import History, NotEnoughData
from loyalty.estimators.recommenders.als import Als
from loyalty.estimators.recommenders.base import Purchases, Recommender, baskets_after
from loyalty.estimators.recommenders.blend import Blend
from loyalty.estimators.recommenders.content import Content
from loyalty.estimators.recommenders.discover import Discover
from loyalty.estimators.recommenders.ease import Ease
from loyalty.estimators.recommenders.item_item import ItemItem
from loyalty.estimators.recommenders.learned import Learned
from loyalty.estimators.recommenders.net import Net
from loyalty.estimators.recommenders.next_basket import NextBasket
from loyalty.estimators.recommenders.personal import Personal
from loyalty.estimators.recommenders.personal_popular import PersonalPopular
from loyalty.estimators.recommenders.popular import Popular
from loyalty.estimators.recommenders.recent import Recent
from loyalty.estimators.recommenders.repeat import Repeat
from loyalty.estimators.recommenders.rules import AssociationRules
from loyalty.estimators.recommenders.user_user import UserUser

RECOMMENDERS: dict[str, type[Recommender]] = {
    "popular": Popular,
    "recent": Recent,
    "personal": Personal,
    "repeat": Repeat,
    "personal_popular": PersonalPopular,
    "content": Content,
    "rules": AssociationRules,
    "item_item": ItemItem,
    "user_user": UserUser,
    "blend": Blend,
    "next_basket": NextBasket,
    "ease": Ease,
    "als": Als,
    "net": Net,
    "learned": Learned,
    "discover": Discover,
}
BASELINE = "popular"
ANCHOR = "repeat"  # holds in shops of every kind and size: others must beat it clearly
FOR_NEW_ITEMS = ("discover",)  # taught for what a person never had; not a candidate for the next basket
LIKE_YOU = ("user_user", "next_basket", "ease", "als", "net")  # whose advice comes from people of like taste
FEWEST_TESTERS = 20
MOST_TESTERS = 2_000
MOST_PEOPLE = 6_000  # whose past the contest replays; the champion then learns from everybody


@dataclass
class Advice:
    """One product per customer. Arrays [c]; products are places in history.product_ids, -1 for none."""

    customer: np.ndarray
    product: np.ndarray
    reasons: list[dict]  # {"code": every_days, again, bought_with, people_like_you or popular}; products are ids


@dataclass
class Tests:
    cut: int
    horizon: int
    testers: int
    champion: str
    metrics: dict[str, dict]
    baseline: str = BASELINE


def back_test(history: History, horizon: int, *, seed: int = 0) -> Tests:
    """Advise as of `horizon` days ago, look into each customer's first basket since, and choose; see `choose`."""
    cut = history.as_of - horizon
    past, targets = history.upto(cut), baskets_after(history, cut)
    visited = np.zeros(len(history.customer_ids), bool)
    visited[past.order_customer] = True
    customers = np.array(sorted(targets), np.int64)
    testers = customers[visited[customers]]
    if len(testers) < FEWEST_TESTERS:
        raise NotEnoughData("baskets", have=len(testers), need=FEWEST_TESTERS)
    rng = np.random.default_rng(seed)
    if visited.sum() > MOST_PEOPLE:
        keep = np.zeros(len(visited), bool)
        keep[rng.choice(testers, min(len(testers), MOST_PEOPLE // 2), replace=False)] = True
        keep[rng.choice(np.flatnonzero(visited & ~keep), MOST_PEOPLE - keep.sum(), replace=False)] = True
        new_place = np.cumsum(keep) - 1
        targets = {int(new_place[who]): targets[who] for who in testers[keep[testers]].tolist()}
        past, testers = past.of_customers(keep), np.array(sorted(targets), np.int64)
    if len(testers) > MOST_TESTERS:
        testers = np.sort(rng.choice(testers, MOST_TESTERS, replace=False))
    purchases = Purchases(past)
    wanted = [targets[customer] for customer in testers.tolist()]
    metrics, gains = {}, {}
    for name, kind in RECOMMENDERS.items():
        if name in FOR_NEW_ITEMS:
            continue
        began = time.perf_counter()
        try:
            items, _ = kind().fit(past, purchases).recommend(testers, 10)
        except NotEnoughData:  # this candidate needs more past; the others go on
            continue
        metrics[name], gains[name] = ranking(items, wanted)
        metrics[name]["seconds"] = time.perf_counter() - began
    return Tests(cut, horizon, len(testers), choose(gains), metrics)


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


def choose(gains: dict[str, np.ndarray]) -> str:
    """Return the candidate with the best NDCG, or a simpler one within a standard error of it.

    Where habit shows (the anchor beats the baseline), nothing simpler than the anchor is taken for being close: in
    small shops a standard error is wide, and the anchor is known to hold. Where it does not, the baseline speaks unless
    the best of so many leads by more than two standard errors.
    """
    names = list(gains)
    best = max(gains, key=lambda name: gains[name].mean())
    if gains[ANCHOR].mean() > gains[BASELINE].mean():
        names = names[min(names.index(ANCHOR), names.index(best)) :]
    elif is_close(gains[best], gains[BASELINE], errors=2):
        return BASELINE
    return next(name for name in names if is_close(gains[best], gains[name]))


def is_close(best: np.ndarray, other: np.ndarray, *, errors: float = 1) -> bool:
    """Tell whether the lead of one over the other is within so many standard errors."""
    lead = best - other
    return lead.mean() <= errors * lead.std(ddof=1) / np.sqrt(len(lead))


def advise(
    history: History, name: str, customers: np.ndarray, *, past: History | None = None, only_new: bool = False
) -> Advice:
    """Return the next product of each customer by one recommender, with the reason.

    `past` is the history with the orders that stopped counting: from it comes what was given back, never offered again.
    """
    purchases = Purchases(history)
    if past is not None:
        purchases.remember_returns(past)
    chosen = RECOMMENDERS[name]().fit(history, purchases)
    p = chosen.purchases_
    items, _ = chosen.recommend(customers, 1, only_new=only_new)
    product = items[:, 0]
    place = p.place
    some = np.flatnonzero(product >= 0)
    beside = np.full(len(product), -1, np.int32)
    beside[some] = chosen.because(customers[some], place[product[some]])
    key = p.pairs.key
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
        elif name in LIKE_YOU:
            reasons[i] = {"code": "people_like_you"}
        else:
            reasons[i] = {"code": "popular"}
    return Advice(customers, product, reasons)
