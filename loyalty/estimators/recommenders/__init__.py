"""The recommenders, from simple to complex, and how the shop's own past chooses one."""

import time
from dataclasses import dataclass

import numpy as np
from scipy import stats

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
    "personal_popular": PersonalPopular,
    "repeat": Repeat,
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
INCUMBENT = "personal_popular"  # holds in shops of every kind and size: others must beat it clearly
LUCK = 0.05  # the chance that any of those who are no better unseats it
FOR_NEW_ITEMS = ("discover",)  # taught for what a person never had; not a candidate for the next basket
LIKE_YOU = ("user_user", "next_basket", "ease", "als", "net")  # whose advice comes from people of like taste
FEWEST_TESTERS = 20  # baskets
ENOUGH_TESTERS = 200  # baskets, from which on no earlier window is asked
FEW_PRODUCTS = 10  # on sale: up to here five suggestions hold half of all there is or more
MOST_WINDOWS = 4
MOST_TESTERS = 2_000  # in one window
MOST_PEOPLE = 6_000  # whose past the contest replays; the champion then learns from everybody


@dataclass
class Advice:
    """One product per customer. Arrays [c]; products are places in history.product_ids, -1 for none."""

    customer: np.ndarray
    product: np.ndarray
    reasons: list[dict]  # {"code": every_days, again, bought_with, people_like_you or popular}; products are ids


@dataclass
class Tests:
    cut: int  # of the newest window
    horizon: int
    testers: int  # baskets foretold
    champion: str
    metrics: dict[str, dict]
    baseline: str = BASELINE
    few_products: int = 0  # how many are on sale, where they are so few that only the first suggestion tells anything


@dataclass
class Window:
    """What each candidate would have advised at one cut, and what came."""

    customer: np.ndarray  # [t], places in the history
    wanted: list[set[int]]  # [t], the first basket within the horizon
    items: dict[str, np.ndarray]  # [t, 10], products by candidate, -1 for none
    seconds: dict[str, float]
    products: int  # on sale


def back_test(history: History, horizon: int, *, seed: int = 0) -> Tests:
    """Advise as of `horizon` days ago, look into each customer's first basket since, and choose; see `choose`.

    Where that gives few baskets, earlier windows of the same length are asked too; each candidate must have something
    to say in all of them. A shop of few products is advised only where the choice is ahead of what sells best by more
    than luck: nearly everything is among five suggestions there, whoever makes them.
    """
    windows, middle = [], (history.first_day + history.as_of) / 2
    for back in range(1, MOST_WINDOWS + 1):
        cut = history.as_of - back * horizon
        baskets = sum(len(window.customer) for window in windows)
        if back > 1 and (baskets >= ENOUGH_TESTERS or cut < middle):
            break
        try:
            windows.append(look_back(history, cut, horizon, seed=seed))
        except NotEnoughData:  # nothing was sold by then
            if not windows:
                raise
            break
    wanted = [basket for window in windows for basket in window.wanted]
    if len(wanted) < FEWEST_TESTERS:
        raise NotEnoughData("baskets", have=len(wanted), need=FEWEST_TESTERS)
    _, owner = np.unique(np.concatenate([window.customer for window in windows]), return_inverse=True)
    metrics, gains = {}, {}
    for name in RECOMMENDERS:
        if all(name in window.items for window in windows):
            metrics[name], ndcg = ranking(np.concatenate([window.items[name] for window in windows]), wanted)
            metrics[name]["seconds"] = sum(window.seconds[name] for window in windows)
            gains[name] = np.bincount(owner, ndcg) / np.bincount(owner)  # each customer speaks once
    champion, products = choose(gains), windows[0].products
    few = products if products <= FEW_PRODUCTS else 0
    if few and is_close(gains[champion], gains[BASELINE], errors=float(stats.t.ppf(1 - LUCK, owner.max()))):
        raise NotEnoughData("assortment", have=products, need=FEW_PRODUCTS + 1)
    return Tests(history.as_of - horizon, horizon, len(wanted), champion, metrics, few_products=few)


def look_back(history: History, cut: int, horizon: int, *, seed: int) -> Window:
    """Return what the candidates would have advised those who came within the horizon after the cut."""
    past, targets = history.upto(cut), baskets_after(history.upto(cut + horizon), cut)
    visited = np.zeros(len(history.customer_ids), bool)
    visited[past.order_customer] = True
    customers = np.array(sorted(targets), np.int64)
    testers = customers[visited[customers]]
    rng = np.random.default_rng(seed)
    place = np.arange(len(visited))
    if visited.sum() > MOST_PEOPLE:
        keep = np.zeros(len(visited), bool)
        keep[rng.choice(testers, min(len(testers), MOST_PEOPLE // 2), replace=False)] = True
        keep[rng.choice(np.flatnonzero(visited & ~keep), MOST_PEOPLE - keep.sum(), replace=False)] = True
        testers, past = testers[keep[testers]], past.of_customers(keep)
        place = np.cumsum(keep) - 1
    if len(testers) > MOST_TESTERS:
        testers = np.sort(rng.choice(testers, MOST_TESTERS, replace=False))
    purchases = Purchases(past)
    items, seconds = {}, {}
    for name, kind in RECOMMENDERS.items():
        if name in FOR_NEW_ITEMS:
            continue
        began = time.perf_counter()
        try:
            best, _ = kind().fit(past, purchases).recommend(place[testers], 10)
        except NotEnoughData:  # this candidate needs more past; the others go on
            continue
        items[name] = np.pad(best, ((0, 0), (0, 10 - best.shape[1])), constant_values=-1)
        seconds[name] = time.perf_counter() - began
    return Window(testers, [targets[customer] for customer in testers.tolist()], items, seconds, purchases.size)


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
    """Return the candidate that speaks: the incumbent unless the past clearly knows a better one.

    The best of so many leads by luck alone: its lead over the incumbent, customer by customer, must be more than chance
    gives the best of as many (Student, Bonferroni). Then the simplest speaks that beats the incumbent too and is
    within one standard error of the best.
    """
    best = max(gains, key=lambda name: gains[name].mean())
    errors = float(stats.t.ppf(1 - LUCK / max(len(gains) - 1, 1), len(gains[best]) - 1))
    if is_close(gains[best], gains[INCUMBENT], errors=errors):
        return INCUMBENT
    level = gains[INCUMBENT].mean()
    return next(name for name in gains if gains[name].mean() > level and is_close(gains[best], gains[name]))


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
