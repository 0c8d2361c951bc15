"""The report card of the recommenders: every candidate on the same past, by the protocols that published work uses.

rolling      all that was known at the cut, and each customer's first basket after it
last-basket  each customer's last basket, all the others known
new items    all that was known 90 days earlier, and what each customer first bought since

Products bought on fewer than FEWEST_DAYS days (customer and day) and customers with fewer than FEWEST_BASKETS baskets
are left out. The champion is what the shop's own past chose before the cut, where it could.
"""

import time
from dataclasses import replace

import numpy as np

from loyalty.estimators.base import History, NotEnoughData
from loyalty.estimators.recommenders import BASELINE, FEWEST_TESTERS, INCUMBENT, RECOMMENDERS, back_test, choose
from loyalty.estimators.recommenders.base import Purchases, baskets_after, bought, firsts_after, grouped
from loyalty.estimators.recommenders.discover import AHEAD

PROTOCOLS = ("rolling", "last-basket")
FEWEST_DAYS = 10
FEWEST_BASKETS = 3
DEPTHS = (5, 10)
HORIZON = 30  # days before the end where no cut is said


def report(
    history: History, cut: int | None = None, protocol: str = "rolling", *, names: list[str] | None = None
) -> dict:
    """Return every candidate's figures on the next basket and on new items, and which one the choice falls on."""
    if protocol == "last-basket":
        past, targets = without_last(history)
    else:
        cut = history.as_of - HORIZON if cut is None else cut
        past, targets = history.upto(cut), baskets_after(history, cut)
    past, able = usable(past)
    next_basket = contest(past, kept(past, targets, able), only_new=False, names=names)
    if names is None:
        next_basket["champion"] = chosen_before(past)
    answer = {"task": "offers", "protocol": protocol, "cut": past.as_of, "baseline": BASELINE}
    answer["next_basket"] = next_basket
    if protocol == "rolling":
        new_cut = min(cut, history.as_of - AHEAD)
        known, able = usable(history.upto(new_cut), fewest_baskets=2)
        try:
            targets = kept(known, firsts_after(history, new_cut, AHEAD), able)
            answer["new_items"] = contest(known, targets, only_new=True, names=names) | {"cut": new_cut}
        except NotEnoughData as reason:
            answer["new_items"] = {"missing": reason.as_json()}
    return answer


def chosen_before(past: History) -> str:
    """Return the candidate that the past up to the cut chooses, knowing nothing later."""
    try:
        return back_test(past, min(HORIZON, (past.as_of - past.first_day) // 3)).champion
    except NotEnoughData:
        return INCUMBENT


def usable(past: History, *, fewest_baskets: int = FEWEST_BASKETS) -> tuple[History, np.ndarray]:
    """Return the past with the products bought often enough, and which customers have baskets enough, bool [n]."""
    customer, day, product = bought(past)
    rows = np.unique(np.column_stack([customer, day, product]).astype(np.int64), axis=0)
    often = np.bincount(rows[:, 2], minlength=len(past.product_ids)) >= FEWEST_DAYS
    baskets = np.unique(rows[:, :2], axis=0)[:, 0]
    lines = often[past.line_product]
    kept = replace(
        past, line_order=past.line_order[lines], line_product=past.line_product[lines],
        line_quantity=past.line_quantity[lines], line_amount=past.line_amount[lines],
    )  # fmt: skip
    return kept, np.bincount(baskets, minlength=len(past.customer_ids)) >= fewest_baskets


def without_last(history: History) -> tuple[History, dict[int, set[int]]]:
    """Return the past without each customer's newest basket, and those baskets."""
    h = history.upto(history.as_of)
    newest = np.full(len(h.customer_ids), -1)
    np.maximum.at(newest, h.order_customer, h.order_day)
    last = h.order_day == newest[h.order_customer]
    targets: dict[int, set[int]] = {}
    lines = last[h.line_order]
    for who, what in zip(h.order_customer[h.line_order[lines]].tolist(), h.line_product[lines].tolist()):
        targets.setdefault(who, set()).add(what)
    # An order void from the first day on is one that never was.
    return replace(h, order_void_day=np.where(last, h.order_day, h.order_void_day)).upto(h.as_of), targets


def kept(past: History, targets: dict[int, set[int]], able: np.ndarray) -> dict[int, set[int]]:
    on_sale = np.zeros(len(past.product_ids), bool)
    on_sale[past.line_product] = True
    kept = {who: {what for what in wanted if on_sale[what]} for who, wanted in targets.items() if able[who]}
    return {who: wanted for who, wanted in sorted(kept.items()) if wanted}


def contest(past: History, targets: dict[int, set[int]], *, only_new: bool, names: list[str] | None = None) -> dict:
    if len(targets) < FEWEST_TESTERS:
        raise NotEnoughData("baskets", have=len(targets), need=FEWEST_TESTERS)
    customers, wanted = np.array(list(targets), np.int64), list(targets.values())
    purchases = Purchases(past)
    customer, _, product = bought(past)
    owned = grouped(customer, product)
    known = [owned.get(who, set()) for who in customers.tolist()]
    figures, gains, missing = {}, {}, {}
    for name in names or RECOMMENDERS:
        if name == ("learned" if only_new else "discover"):  # taught for the other question
            continue
        began = time.perf_counter()
        try:
            fitted = RECOMMENDERS[name]().fit(past, purchases)
            items, _ = fitted.recommend(customers, max(DEPTHS), only_new=only_new, guarded=False)
        except NotEnoughData as reason:
            missing[name] = reason.as_json()
            continue
        figures[name], gains[name] = figures_of(items, wanted, known, purchases.size)
        figures[name]["seconds"] = round(time.perf_counter() - began, 2)
    return {
        "customers": len(customers), "products": purchases.size,
        "best": choose(gains) if INCUMBENT in gains else None, "candidates": figures, "missing": missing,
    }  # fmt: skip


def figures_of(
    items: np.ndarray, targets: list[set[int]], known: list[set[int]], catalogue: int
) -> tuple[dict, np.ndarray]:
    """Return the figures at each depth, and the NDCG at 10 of each customer; the ideal runs over the whole target."""
    hits = np.array([[item in wanted for item in row] for row, wanted in zip(items.tolist(), targets)], float)
    size = np.array([len(wanted) for wanted in targets])
    discount = 1 / np.log2(np.arange(2, max(size.max(), items.shape[1]) + 2))
    ideal = np.cumsum(discount)
    figures: dict[str, float] = {}
    for k in DEPTHS:
        found = hits[:, :k].sum(1)
        gain = hits[:, :k] @ discount[:k]
        figures |= {
            f"recall_{k}": found / size, f"recall_of_{k}": found / np.minimum(size, k), f"hit_rate_{k}": found > 0,
            f"ndcg_{k}": gain / ideal[size - 1], f"ndcg_of_{k}": gain / ideal[np.minimum(size, k) - 1],
        }  # fmt: skip
    per_customer = figures["ndcg_10"]
    answer = {name: round(float(np.mean(values)), 5) for name, values in figures.items()}
    repeats = [wanted & own for wanted, own in zip(targets, known)]
    fresh = [wanted - own for wanted, own in zip(targets, known)]
    for name, parts in (("repeat_recall_10", repeats), ("new_recall_10", fresh)):
        shares = [len(part.intersection(row)) / len(part) for row, part in zip(items.tolist(), parts) if part]
        answer[name] = round(float(np.mean(shares)), 5) if shares else None
    answer["coverage"] = round(len(np.unique(items[items >= 0])) / catalogue, 5)
    return answer, per_customer
