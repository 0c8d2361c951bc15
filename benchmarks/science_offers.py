"""Print the report cards of the next-product advice on public data, with other people's libraries beside ours.

    python benchmarks/science_offers.py [--data ../shared/data] [--only retail journey] [--protocol rolling last-basket]

Every candidate of loyalty/estimators/recommenders runs on the same customers and products. Beside them stand the
neighbours of scikit-learn and, where the package `implicit` is installed, its item neighbours, ALS and BPR. Also the
refresh of 2,500 customers and 20,000 products, and champions in shops of 30, 100 and 300 customers. Needs no database.
"""

import argparse
import csv
import datetime as dt
import gzip
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loyalty.estimators import recommenders
from loyalty.estimators.base import History, NotEnoughData
from loyalty.estimators.recommenders import base, contest
from loyalty.estimators.recommenders.discover import AHEAD

EPOCH = dt.date(1970, 1, 1)
CUTS = {"retail": ("2011-11-01", "2011-09-10"), "journey": ("2017-12-01", "2017-10-01")}  # next basket, new items


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--only", nargs="+", choices=["retail", "journey", "tiny", "refresh"],
                        default=["retail", "journey", "tiny", "refresh"])  # fmt: skip
    parser.add_argument("--protocol", nargs="+", choices=contest.PROTOCOLS, default=list(contest.PROTOCOLS))
    options = parser.parse_args()
    with threadpool_limits(1):
        for name in ("retail", "journey"):
            if name in options.only:
                cards(name, READERS[name](options.data), options.protocol)
        if "tiny" in options.only:
            for name in ("retail", "journey"):
                tiny(name, READERS[name](options.data))
        if "refresh" in options.only:
            refresh()
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB")


def cards(name: str, history: History, protocols: list[str]) -> None:
    """Print the candidates and the libraries on the next basket and on new items."""
    cut, new_cut = (day_of(date) for date in CUTS[name])
    for protocol in protocols:
        if protocol == "rolling":
            past, targets = history.upto(cut), base.baskets_after(history, cut)
        else:
            past, targets = contest.without_last(history)
        past, able = contest.usable(past)
        card(f"{name}, next basket, {protocol}", past, contest.kept(past, targets, able), only_new=False)
    past, able = contest.usable(history.upto(new_cut), fewest_baskets=2)
    targets = contest.kept(past, base.firsts_after(history, new_cut, AHEAD), able)
    card(f"{name}, new items in {AHEAD} days", past, targets, only_new=True)


def card(title: str, past: History, targets: dict[int, set[int]], *, only_new: bool) -> None:
    found = contest.contest(past, targets, only_new=only_new)
    figures = found["candidates"] | libraries(past, targets, only_new=only_new)
    print(f"\n{title}: {found['customers']:,} customers, {found['products']:,} products; best by the one-standard-error rule: {found['best']}")
    print(f"  {'':<24}{'R@10':>8}{'of 10':>8}{'NDCG@10':>9}{'of 10':>8}{'HR@10':>8}{'R@5':>8}{'cover':>8}{'s':>8}")
    for name, row in figures.items():
        print(
            f"  {name:<24}{row['recall_10']:>8.4f}{row['recall_of_10']:>8.4f}{row['ndcg_10']:>9.4f}{row['ndcg_of_10']:>8.4f}"
            f"{row['hit_rate_10']:>8.3f}{row['recall_5']:>8.4f}{row['coverage']:>8.1%}{row['seconds']:>8.1f}",
            flush=True,
        )


def libraries(past: History, targets: dict[int, set[int]], *, only_new: bool) -> dict[str, dict]:
    """Return the figures of scikit-learn's and implicit's own recommenders on the same matrix."""
    p = base.Purchases(past)
    customers, wanted = np.array(list(targets), np.int64), list(targets.values())
    known = [set(p.catalogue[p.owned[who].indices].tolist()) for who in customers.tolist()]
    found = {}
    for name, advise in {"scikit-learn user k-NN": scikit_neighbours, **implicit_models()}.items():
        began = time.perf_counter()
        items = p.catalogue[advise(p, customers, only_new)]
        found[name], _ = contest.figures_of(items, wanted, known, p.size)
        found[name]["seconds"] = time.perf_counter() - began
    return found


def scikit_neighbours(p: base.Purchases, customers: np.ndarray, only_new: bool) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=min(100, p.owned.shape[0] - 1), metric="cosine", algorithm="brute").fit(p.owned)
    away, who = near.kneighbors(p.owned[customers])
    best = np.empty((len(customers), 10), np.int64)
    for row in range(len(customers)):
        others = who[row] != customers[row]
        score = np.asarray((1 - away[row][others]) @ p.owned[who[row][others]]).ravel()
        if only_new:
            score[p.owned[customers[row]].indices] = -1
        best[row] = base.leading(score[None], 10)[0]
    return best


def implicit_models() -> dict:
    try:
        from implicit.als import AlternatingLeastSquares
        from implicit.bpr import BayesianPersonalizedRanking
        from implicit.nearest_neighbours import CosineRecommender
    except ImportError:
        print("  (implicit is not installed: its rows are left out)")
        return {}

    def advise_by(make):
        def advise(p: base.Purchases, customers: np.ndarray, only_new: bool) -> np.ndarray:
            times = p.matrix(np.ones(len(p.item)))
            model = make()
            model.fit(times, show_progress=False)
            return model.recommend(customers, times[customers], N=10, filter_already_liked_items=only_new)[0]

        return advise

    return {
        "implicit item k-NN": advise_by(lambda: CosineRecommender(K=20)),
        "implicit ALS": advise_by(lambda: AlternatingLeastSquares(factors=32, alpha=5.0, random_state=0, num_threads=1)),
        "implicit BPR": advise_by(lambda: BayesianPersonalizedRanking(factors=32, random_state=0, num_threads=1)),
    }


def tiny(name: str, history: History) -> None:
    """Print what the choice reaches in small shops, beside GP-Top: customers drawn at random, choice made before the cut."""
    cut = day_of(CUTS[name][0])
    for size in (30, 100, 300):
        ours, theirs, chosen = [], [], []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            keep = np.zeros(len(history.customer_ids), bool)
            keep[rng.choice(len(keep), size, replace=False)] = True
            shop = history.of_customers(keep)
            past, targets = shop.upto(cut), base.baskets_after(shop, cut)
            here = np.isin(np.arange(size), past.order_customer)
            targets = {who: wanted for who, wanted in sorted(targets.items()) if here[who]}
            if not targets:
                continue
            try:
                champion = recommenders.back_test(past, 30).champion
            except NotEnoughData:
                champion = recommenders.ANCHOR
            chosen.append(champion)
            customers, wanted = np.array(list(targets)), list(targets.values())
            purchases = base.Purchases(past)
            for kind, gains in ((champion, ours), ("personal_popular", theirs)):
                items, _ = recommenders.RECOMMENDERS[kind]().fit(past, purchases).recommend(customers, 10, guarded=False)
                gains.append(contest.figures_of(items, wanted, [set()] * len(wanted), purchases.size)[0]["recall_10"])
        print(f"\n{name}, {size} customers, 5 shops: Recall@10 {np.mean(ours):.4f}, GP-Top {np.mean(theirs):.4f} ({', '.join(chosen)})")


def refresh() -> None:
    """Print the seconds of choosing and advising for 2,500 customers and 20,000 products, 25 baskets of 8 each."""
    rng, customers, products, baskets, size = np.random.default_rng(0), 2_500, 20_000, 25, 8
    likes = rng.zipf(1.2, (customers, 60)) % products
    who = np.repeat(np.arange(customers), baskets)
    order_day = np.sort(rng.integers(0, 365, (customers, baskets)), axis=1).ravel()
    lines = np.repeat(np.arange(len(who)), size)
    liked = likes[who[lines], rng.integers(0, 60, len(lines))]
    product = np.where(rng.random(len(lines)) < 0.6, liked, rng.integers(0, products, len(lines)))
    history = History(
        as_of=364, customer_ids=np.arange(customers), order_customer=who.astype(np.int32),
        order_day=order_day.astype(np.int32), order_amount=np.full(len(who), 1_000), product_ids=np.arange(products),
        product_active=np.ones(products, bool), line_order=lines.astype(np.int32), line_product=product.astype(np.int32),
        line_quantity=np.ones(len(lines), np.float32), line_amount=np.full(len(lines), 100),
    )  # fmt: skip
    began = time.perf_counter()
    tests = recommenders.back_test(history, 30)
    chosen = time.perf_counter()
    recommenders.advise(history, tests.champion, np.arange(customers))
    advised = time.perf_counter()
    recommenders.advise(history, "learned", np.arange(customers))
    slowest = time.perf_counter()
    print(
        f"\n2,500 customers, 20,000 products, {len(lines):,} lines: choice {chosen - began:.1f} s ({tests.champion}), "
        f"advice {advised - chosen:.1f} s; by the slowest method {slowest - advised:.1f} s"
    )
    print("  " + ", ".join(f"{name} {figures['seconds']:.1f} s" for name, figures in tests.metrics.items()))


def read(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def retail(folder: Path) -> History:
    """Return Online Retail, 2010-12 to 2011-12, products by their five digits, with their names."""
    rows = [
        (int(row["CustomerID"]), day_of(row["InvoiceDate"][:10]), row["StockCode"][:5], float(row["Quantity"]),
         float(row["Quantity"]) * float(row["UnitPrice"]), row["Description"])
        for row in read(folder / "online_retail_2010_2011.csv.gz")
        if row["CustomerID"] and not row["InvoiceNo"].startswith("C") and row["StockCode"][:5].isdigit()
        and float(row["Quantity"]) > 0 and float(row["UnitPrice"]) > 0
    ]  # fmt: skip
    return history_of(rows)


def journey(folder: Path) -> History:
    """Return the Complete Journey, a third of the households, with product types."""
    text = {
        row["product_id"]: f"{row['product_category']} {row['product_type']} {row['brand']}"
        for row in read(folder / "complete_journey_products.csv.gz")
    }
    rows = [
        (int(row["household_id"]), day_of(row["transaction_timestamp"][:10]), row["product_id"], float(row["quantity"]),
         float(row["sales_value"]), text.get(row["product_id"], ""))
        for row in read(folder / "complete_journey_transactions.csv.gz")
    ]  # fmt: skip
    return history_of(rows)


READERS = {"retail": retail, "journey": journey}


def history_of(rows: list[tuple[int, int, str, float, float, str]]) -> History:
    """Return a history of (customer, day, product, quantity, money, name), one order per customer and day."""
    who, day, code, quantity, money, name = zip(*rows)
    customer_ids, customer = np.unique(who, return_inverse=True)
    codes, first, product = np.unique(code, return_index=True, return_inverse=True)
    visit, order = np.unique(customer.astype(np.int64) * 100_000 + np.array(day), return_inverse=True)
    line = np.argsort(order, kind="stable")
    minor = np.rint(np.array(money) * 100).astype(np.int64)
    history = History(
        as_of=max(day), customer_ids=customer_ids.astype(np.int64), order_customer=(visit // 100_000).astype(np.int32),
        order_day=(visit % 100_000).astype(np.int32),
        order_amount=np.bincount(order, minor, len(visit)).astype(np.int64), product_ids=np.arange(len(codes)),
        product_active=np.ones(len(codes), bool), line_order=order[line].astype(np.int32),
        line_product=product[line].astype(np.int32), line_quantity=np.array(quantity, np.float32)[line],
        line_amount=minor[line],
    )  # fmt: skip
    return replace(history, product_text=np.array(name, object)[first])


def day_of(date: str) -> int:
    return (dt.date.fromisoformat(date) - EPOCH).days


if __name__ == "__main__":
    main()
