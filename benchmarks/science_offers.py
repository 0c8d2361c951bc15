"""Print the report cards of the next-product advice on public data, with other people's libraries beside ours.

    python benchmarks/science_offers.py [--data ../shared/data] [--only retail journey] [--protocol rolling last-basket]
    python benchmarks/science_offers.py --only tiny [--from retail journey drawn] [--shops 20] [--sizes 30 100 300]

Every candidate of loyalty/estimators/recommenders runs on the same customers and products. Beside them stand the
neighbours of scikit-learn and, where the package `implicit` is installed, its item neighbours, ALS and BPR. Also the
refresh of 2,500 customers and 20,000 products. `tiny` draws small shops from the public sets and from our simulator, lets
each choose from its own past as the night does, and holds what it chose against GP-Top. Needs no database.
"""

import argparse
import csv
import datetime as dt
import gzip
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loyalty.estimators import churn, recommenders, simulate
from loyalty.estimators.base import History, NotEnoughData
from loyalty.estimators.recommenders import base, contest
from loyalty.estimators.recommenders.discover import AHEAD

EPOCH = dt.date(1970, 1, 1)
KINDS = {
    "products": (60, 200, 600, 1_500), "gap": (8.0, 20.0, 45.0), "basket": (2.0, 4.0, 10.0), "habit": (0.0, 0.2, 0.5, 0.8),
    "favourites": (5, 15, 30), "drift": (0.0, 0.02, 0.1), "tastes": (1, 5, 15), "turnover": (0.0, 0.3),
}  # fmt: skip
CUTS = {"retail": ("2011-11-01", "2011-09-10"), "journey": ("2017-12-01", "2017-10-01")}  # next basket, new items


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--only", nargs="+", choices=["retail", "journey", "tiny", "refresh"],
                        default=["retail", "journey", "tiny", "refresh"])  # fmt: skip
    parser.add_argument("--from", nargs="+", choices=["retail", "journey", "drawn"], dest="sources",
                        default=["retail", "journey", "drawn"])  # fmt: skip
    parser.add_argument("--shops", type=int, default=20)
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 100, 300])
    parser.add_argument("--protocol", nargs="+", choices=contest.PROTOCOLS, default=list(contest.PROTOCOLS))
    options = parser.parse_args()
    with threadpool_limits(1):
        for name in ("retail", "journey"):
            if name in options.only:
                cards(name, READERS[name](options.data), options.protocol)
        if "tiny" in options.only:
            for name in options.sources:
                tiny(name, options)
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


def tiny(name: str, options: argparse.Namespace) -> None:
    """Print what the shop's own choice reaches in small shops, beside GP-Top on the same people and baskets.

    The choice is made as the night does, up to the cut; judged is each customer's first basket after it. What a shop
    cannot test counts as GP-Top: the night stays silent there. Intervals are Student's, over shops.
    """
    began = time.process_time()
    heads = ("customers", "shops", "baskets", "GP-Top R@10", "chosen", "difference, 95 %", "GP-Top NDCG", "chosen",
             "difference, 95 %")  # fmt: skip
    print(f"\n{name}\n" + "".join(f"{head:>{width}}" for head, width in zip(heads, (11, 7, 9, 13, 9, 20, 13, 9, 20))))
    for size, shops in (drawn if name == "drawn" else cut_out)(name, options):
        rows, chosen = [], Counter()
        for shop, cut in shops:
            past, targets = shop.upto(cut), base.baskets_after(shop, cut)
            here = np.isin(np.arange(len(shop.customer_ids)), past.order_customer)
            targets = contest.kept(past, targets, here)
            if not targets:
                continue
            try:
                champion = recommenders.back_test(past, min(horizon_of(past), 60)).champion
                chosen[champion] += 1
            except NotEnoughData:
                champion = recommenders.INCUMBENT
                chosen["untested"] += 1
            customers, wanted = np.array(list(targets)), list(targets.values())
            fitted = recommenders.RECOMMENDERS[champion]().fit(past)
            ours = fitted.recommend(customers, 10, guarded=False)[0]
            found = [
                contest.figures_of(items, wanted, [set()] * len(wanted), 1)[0]
                for items in (gp_top(past, customers), np.pad(ours, ((0, 0), (0, 10 - ours.shape[1])), constant_values=-1))
            ]
            rows.append([len(wanted), *(figures[key] for key in ("recall_10", "ndcg_10") for figures in found)])
        baskets, *figures = np.array(rows).T
        print(f"{size:>11}{len(rows):>7}{baskets.sum():>9,.0f}", end="")
        for theirs, ours in (figures[:2], figures[2:]):
            gain = ours - theirs
            error = stats.t.ppf(0.975, len(gain) - 1) * stats.sem(gain)
            said = f"{gain.mean():+.4f} ± {error:.4f}"
            print(f"{theirs.mean():>13.4f}{ours.mean():>9.4f}{said:>20}", end="")
        print("  " + ", ".join(f"{kind} {count}" for kind, count in chosen.most_common()), flush=True)
    print(f"{time.process_time() - began:.0f} s of CPU")


def cut_out(name: str, options: argparse.Namespace) -> Iterator[tuple[int, Iterator[tuple[History, int]]]]:
    """Return shops of customers drawn at random from those of a public set who had come by its cut."""
    whole, cut = READERS[name](options.data), day_of(CUTS[name][0])
    here = np.unique(whole.order_customer[whole.order_day <= cut])

    def shops(size: int) -> Iterator[tuple[History, int]]:
        for seed in range(options.shops):
            keep = np.zeros(len(whole.customer_ids), bool)
            keep[np.random.default_rng(seed).choice(here, size, replace=False)] = True
            yield whole.of_customers(keep), cut

    return ((size, shops(size)) for size in options.sizes)


def drawn(name: str, options: argparse.Namespace) -> Iterator[tuple[int, Iterator[tuple[History, int]]]]:
    """Return simulated shops of all kinds, from pure fashion to pure habit, each of a kind drawn at random."""

    def shops(size: int) -> Iterator[tuple[History, int]]:
        for seed in range(options.shops):
            rng = np.random.default_rng([seed, size])
            kind = {key: rng.choice(values).item() for key, values in KINDS.items()}
            yield simulate.shopping(customers=size, days=450, seed=seed, **kind)[0], 400

    return ((size, shops(size)) for size in options.sizes)


def horizon_of(past: History) -> int:
    try:
        return churn.suggest_horizon(past)
    except NotEnoughData:
        return 90


def gp_top(past: History, customers: np.ndarray) -> np.ndarray:
    """Return what each customer bought on most days, then what all did: counted plainly, over all that was ever sold."""
    rows = np.unique(np.column_stack(base.bought(past)).astype(np.int64), axis=0)
    products = len(past.product_ids)
    popular = np.bincount(rows[:, 2], minlength=products)
    times = [np.bincount(rows[rows[:, 0] == who, 2], minlength=products) for who in customers.tolist()]
    return np.array([np.lexsort((-popular, -own))[:10] for own in times])


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
