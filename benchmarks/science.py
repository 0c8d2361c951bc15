"""Print the analyst's figures on public data beside those of its peers, in the same run: quality, seconds, memory.

    python benchmarks/science.py [exact churn value table clusters baskets ...] [--data ../shared/data]

Without names every section runs. Peers are optional: lifetimes, mlxtend and scikit-learn stand beside ours where they
are installed in this environment (lifetimes needs numpy < 2: `python -m venv /tmp/peers && /tmp/peers/bin/pip install
mlxtend lifetimes "numpy<2" "pandas<2.2"`, then `--peers /tmp/peers/bin/python` runs them there on the same data).
A new section is a function of (data, peers) in SECTIONS.
"""

import argparse
import csv
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.churn import apparel, cdnow, day_of, journey, rows_of
from loyalty.estimators import baskets, churn, clusters, evaluate, tabular, value
from loyalty.estimators.base import History, counts_between, summarise
from loyalty.estimators.buying import BgNbd, MbgNbd, ParetoNbd
from loyalty.estimators.spend import GammaGamma

ROOT = Path(__file__).resolve().parent.parent
LIFETIMES = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, lifetimes
data = np.load(sys.argv[1])
x, t, T, z = data["x"], data["t"], data["T"], data["z"]
told = {"version": lifetimes.__version__}
for name, kind in (("BgNbd", lifetimes.BetaGeoFitter), ("MbgNbd", lifetimes.ModifiedBetaGeoFitter),
                   ("ParetoNbd", lifetimes.ParetoNBDFitter)):
    seconds = []
    for _ in range(1 if name == "ParetoNbd" else 3):
        began = time.perf_counter()
        model = kind().fit(x, t, T)
        seconds.append(time.perf_counter() - began)
    told[name] = {"parameters": [float(v) for v in model.params_], "seconds": min(seconds)}
    for label in ("theirs", "ours"):
        if label == "ours":
            model.params_ = type(model.params_)(data[name], index=model.params_.index)
        told[name]["alive_" + label] = np.asarray(model.conditional_probability_alive(x, t, T)).tolist()
        told[name]["expected_" + label] = np.asarray(
            model.conditional_expected_number_of_purchases_up_to_time(39, x, t, T)).tolist()
began = time.perf_counter()
model = lifetimes.GammaGammaFitter().fit(x[x > 0], z[x > 0])
told["GammaGamma"] = {"parameters": [float(v) for v in model.params_], "seconds": time.perf_counter() - began}
print(json.dumps(told))
"""

MLXTEND = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import mlxtend, pandas as pd
from mlxtend.frequent_patterns import association_rules, fpgrowth
from mlxtend.preprocessing import TransactionEncoder
rows = json.load(open(sys.argv[1]))
coder = TransactionEncoder()
table = pd.DataFrame(coder.fit(rows).transform(rows), columns=coder.columns_)
began = time.perf_counter()
sets = fpgrowth(table, min_support=10 / len(rows), use_colnames=True)
seconds = time.perf_counter() - began
rules = association_rules(sets, metric="confidence", min_threshold=0.5)
rules = rules[rules.consequents.map(len) == 1]
print(json.dumps({
    "version": mlxtend.__version__, "seconds": seconds,
    "sets": sorted([sorted(items), round(share * len(rows))] for items, share in zip(sets.itemsets, sets.support)),
    "rules": sorted([sorted(a), next(iter(c)), round(v, 9)]
                    for a, c, v in zip(rules.antecedents, rules.consequents, rules.confidence)),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="default: all")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--peers", default=sys.executable, help="a Python where the peers are installed")
    options = parser.parse_args()
    for name in options.sections or SECTIONS:
        print(f"\n== {name}")
        began = time.perf_counter()
        try:
            with threadpool_limits(1):
                SECTIONS[name](options.data, options.peers)
        except FileNotFoundError as error:
            print(f"  {error.filename} is not here")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
        print(f"  section {time.perf_counter() - began:.1f} s; most memory of the process so far {peak:.0f} MB")


def exact(data: Path, peers: str) -> None:
    """CDNOW sample, calibration to 1997-09-30: parameters, likelihoods, people, seconds."""
    history = cdnow(data).upto(day_of("1997-09-30"))
    s, visits = summarise(history), history.visits
    owner = np.repeat(np.arange(len(s.visits)), s.visits)
    later = np.ones(len(owner), bool)
    later[visits.starts] = False
    mean = np.bincount(owner[later], visits.amount[later], len(s.visits)) / 100 / np.maximum(s.repeats, 1)
    ours, fitted = {}, {}
    for kind in (BgNbd, MbgNbd, ParetoNbd):
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            model = kind(prior=False).fit(s.repeats, s.recency, s.age)
            seconds.append(time.perf_counter() - began)
        fitted[kind.__name__] = model
        ours[kind.__name__] = min(seconds)
    began = time.perf_counter()
    spend = GammaGamma(prior=False).fit(s.repeats[s.repeats > 0], mean[s.repeats > 0])
    spend_seconds = time.perf_counter() - began
    theirs = _lifetimes(
        peers, x=s.repeats, t=s.recency / 7, T=s.age / 7, z=mean, **{k: m.parameters_ for k, m in fitted.items()}
    )
    published = {"BgNbd": "0.243 4.414 0.793 2.426, LL -9582.4", "ParetoNbd": "0.553 10.578 0.606 11.669"}
    for name, model in fitted.items():
        values = " ".join(f"{v:.4f}" for v in model.parameters_)
        print(f"  {name:<10} ours {values}, LL {model.log_likelihood_:.2f}, {ours[name] * 1000:.1f} ms", end="")
        print(f"; published {published[name]}" if name in published else "")
        if theirs:
            peer = theirs[name]
            alive, expected = (
                model.alive(s.repeats, s.recency, s.age),
                model.expected(s.repeats, s.recency, s.age, 39 * 7),
            )
            away = [
                max(np.abs(alive - peer[f"alive_{who}"]).max(), np.abs(expected - peer[f"expected_{who}"]).max())
                for who in ("ours", "theirs")
            ]
            print(
                f"  {'':<10} lifetimes {theirs['version']} {' '.join(f'{v:.4f}' for v in peer['parameters'])}, "
                f"{peer['seconds'] * 1000:.1f} ms; ours takes {ours[name] / peer['seconds']:.2f} of that; largest difference "
                f"in P(alive) and E[X] of {len(s.visits)} people: {away[0]:.1e} with our parameters, {away[1]:.1e} with theirs"
            )
    print(
        f"  GammaGamma ours {spend.p_:.3f} {spend.q_:.3f} {spend.v_:.3f}, LL {spend.log_likelihood_:.2f}, "
        f"{spend_seconds * 1000:.1f} ms; published 6.25 3.74 15.44"
    )
    if theirs:
        peer = theirs["GammaGamma"]
        print(
            f"  {'':<10} lifetimes {' '.join(f'{v:.3f}' for v in peer['parameters'])}, {peer['seconds'] * 1000:.1f} ms"
        )


def _lifetimes(python: str, **arrays) -> dict | None:
    """Return what lifetimes tells of the arrays, or None with a line saying that it is not installed."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(file, **arrays)
        file.flush()
        done = subprocess.run([python, "-c", LIFETIMES, file.name], capture_output=True, text=True, check=False)
    if done.returncode:
        print("  lifetimes is not installed here; only our own figures follow (see --peers)")
        return None
    return json.loads(done.stdout.splitlines()[-1])


def contest(data: Path, peers: str) -> None:
    """Every churn candidate at the cuts of the report card; the peers are those of scikit-learn among them."""
    shops = [
        ("Online Retail, year 2", retail, ["2011-06-12", "2011-09-10"], 90),
        ("CDNOW sample", cdnow, ["1998-04-01"], 90),
        ("Apparel", apparel, ["2008-06-30", "2009-10-01"], 90),
        ("Complete Journey, a third", journey, ["2017-06-30", "2017-10-01"], 30),
    ]
    for name, read, cuts, horizon in shops:
        history = read(data)
        for cut in cuts:
            past = history.upto(day_of(cut))
            began = time.perf_counter()
            tests = churn.back_test(past, horizon)
            chosen = time.perf_counter() - began
            rows = churn.rows_at(past, horizon, label_from=history)
            entry = churn.entry_for(tests, rows)
            print(
                f"  {name}, {cut}, {horizon} days: {len(rows.label):,} customers, {rows.label.mean():.1%} left; choosing "
                f"took {chosen:.1f} s"
            )
            print(f"    {'':<14}{'AUC':>7} {'90 %':>15}{'PR AUC':>8}{'log loss':>10}{'Brier':>8}{'ECE':>8}{'s':>7}")
            s = rows.summary
            lone = BgNbd().fit(s.repeats, s.recency, s.age)
            alone = {"BG/NBD alone": rows.plain, "1 - P(alive)": 1 - lone.alive(s.repeats, s.recency, s.age)}
            for method in [*churn.able(tests), *alone]:
                began = time.perf_counter()
                if method in alone:
                    chance = alone[method]
                else:
                    chance = churn.forecaster(tests, method, entry).predict(rows)
                seconds = time.perf_counter() - began
                m, around = evaluate.measures(rows.label, chance), evaluate.intervals(rows.label, chance)["auc"]
                mark = " <- chosen" if method == tests.champion else " (baseline)" if method == tests.baseline else ""
                print(
                    f"    {method:<14}{m['auc']:>7.4f} {around[0]:>7.3f}-{around[1]:<7.3f}{m['pr_auc']:>8.4f}"
                    f"{m['log_loss']:>10.4f}{m['brier']:>8.4f}{m['ece']:>8.4f}{seconds:>7.2f}{mark}"
                )


def money(data: Path, peers: str) -> None:
    """Every way of telling money ahead; the peers are `buying` (BG/NBD and Gamma-Gamma) and `past_spend`."""
    shops = [
        ("Online Retail, year 2", retail, ["2011-06-12", "2011-09-10"], 90),
        ("CDNOW sample", cdnow, ["1998-01-01"], 180),
        ("CDNOW sample", cdnow, ["1998-04-01"], 90),
        ("Apparel", apparel, ["2008-06-01", "2009-06-01"], 180),
        ("Complete Journey, a third", journey, ["2017-07-01", "2017-10-01"], 30),
    ]
    for name, read, cuts, horizon in shops:
        history = read(data)
        for cut in cuts:
            past = history.upto(day_of(cut))
            began = time.perf_counter()
            tests = value.back_test(past, horizon)
            rows = churn.rows_at(past, horizon)
            today = value.Window.at(rows, past, history)
            entry, scores = value.entry_for(tests, today), value.score(past, tests, rows=rows)
            inside = (today.spent >= scores.low_minor - 0.5) & (today.spent <= scores.high_minor + 0.5)
            print(
                f"  {name}, {cut}, {horizon} days: {len(today.spent):,} customers; {inside.mean():.1%} inside the interval "
                f"told for {value.COVERED:.0%}; orders {scores.orders.sum() / today.orders.sum() - 1:+.1%}; "
                f"{time.perf_counter() - began:.1f} s"
            )
            print(f"    {'':<12}{'rel. Gini':>10}{'capture':>9}{'total':>9}{'MAE':>9}")
            alone = today.expected_orders * today.worth
            told = {"plain BG+GG": alone} | {method: entry.told(method) for method in value.able(tests)}
            for method, forecast in told.items():
                m = value.measures(today.spent, forecast)
                mark = " <- chosen" if method == tests.champion else " (baseline)" if method == tests.baseline else ""
                print(
                    f"    {method:<12}{m['relative_gini']:>10.4f}{m['capture']:>9.4f}{m['total']:>+9.1%}"
                    f"{m['mae_minor'] / 100:>9.2f}{mark}"
                )


def table(data: Path, peers: str) -> None:
    """The Telco table: five folds, everything chosen and corrected inside; then shops of 100 rows."""
    with gzip.open(data / "telco_churn.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    label, _ = tabular.yes_or_no([row["Churn"] for row in rows])
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "Churn"}
    found = tabular.report(columns, label)
    print(f"  Telco, {len(label):,} rows, five folds; spoke: {', '.join(found['champions'])}")
    for name, m in found["candidates"].items():
        print(f"    {name:<12} AUC {m['auc']:.4f}  Brier {m['brier']:.4f}  ECE {m['ece']:.4f}")
    rng, area = np.random.default_rng(0), {}
    for _ in range(20):
        drawn = rng.permutation(len(label))
        learn, test = drawn[:100], drawn[100:3_100]
        model = tabular.TableChurn().fit({k: [v[i] for i in learn] for k, v in columns.items()}, label[learn])
        others = {k: [v[i] for i in test] for k, v in columns.items()}
        for name in [*model.names_, "chosen"]:
            chance = model.predict(others, None if name == "chosen" else name)
            area.setdefault(name, []).append(evaluate.auc(label[test], chance))
    print("  at 100 rows, mean of 20 draws, AUC: " + ", ".join(f"{name} {np.mean(v):.4f}" for name, v in area.items()))


def groups(data: Path, peers: str) -> None:
    """How much of the variance of the next window's spend (log) groups explain, and how stable they are.

    Stability: the whole of the choosing repeated on four fifths of the customers, adjusted Rand index with the groups of
    all. Explained: by means of the other customers of a group, five folds.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    shops = [("Online Retail, year 2", retail, "2011-09-10", 90), ("CDNOW sample", cdnow, "1997-12-31", 90)]
    for name, read, cut, horizon in shops:
        history = read(data)
        past, cut_day = history.upto(day_of(cut)), day_of(cut)
        s = summarise(past)
        _, spent = counts_between(history, cut_day + 1, cut_day + horizon)
        ahead = np.log1p(np.maximum(spent[s.customer], 0) / 100)
        space = np.log1p(np.column_stack([s.quiet, s.visits, np.maximum(s.spend, 0) / 100]))
        space = (space - space.mean(0)) / space.std(0)
        fifths = np.argsort(np.argsort(space, axis=0, kind="stable"), axis=0) * 5 // len(space)
        rng = np.random.default_rng(0)
        draws = [rng.random(len(space)) < 0.8 for _ in range(5)]

        def kmeans(count: int, rows: np.ndarray) -> KMeans:
            return KMeans(count, n_init=10, random_state=0).fit(rows)

        rows = {"RFM, 25 cells of R and F": (fifths[:, 0] * 5 + fifths[:, 1], None),
                "RFM, 125 cells": (fifths @ np.array([25, 5, 1]), None)}  # fmt: skip
        for count in (4, 6, 8):
            labels = kmeans(count, space).labels_
            again = [adjusted_rand_score(labels, kmeans(count, space[some]).predict(space)) for some in draws]
            rows[f"k-means, {count}, on R, F, M"] = labels, float(np.mean(again))
        began = time.perf_counter()
        found = clusters.Clusters(horizon=horizon).fit(past)
        seconds, again, same, chosen = time.perf_counter() - began, [], 0, found.chosen_
        for some in draws:
            keep = np.zeros(len(history.customer_ids), bool)
            keep[s.customer[some]] = True
            other = clusters.Clusters(horizon=horizon).fit(past.of_customers(keep))
            again.append(adjusted_rand_score(found.labels_[some], other.labels_))
            same += (other.chosen_.method, other.chosen_.groups) == (chosen.method, chosen.groups)
        rows[f"ours: {chosen.method}, {len(found.groups_)}"] = found.labels_, float(np.mean(again))
        print(f"  {name}, {cut}, {horizon} days: {len(space):,} customers; choosing took {seconds:.1f} s, chosen at a stability of "
              f"{chosen.stability:.3f}, the same method and number in {same} of {len(draws)} repeated choices; "
              f"natural groups: {'yes' if found.is_natural_ else 'no'}")  # fmt: skip
        for label, (labels, stability) in rows.items():
            share, error = clusters.explained(labels, ahead)
            told = "" if stability is None else f", stability {stability:.3f}"
            print(f"    {label:<28} explains {share:.3f} +- {error:.3f}{told}")


def together(data: Path, peers: str) -> None:
    """Groceries: the published itemsets and rules, seconds beside mlxtend's FP-growth, and whether rules keep promises."""
    with gzip.open(data / "groceries_baskets.csv.gz", "rt", encoding="utf-8") as file:
        lists = [sorted(set(row)) for row in csv.reader(file)]
    names = sorted({item for row in lists for item in row})
    number = {item: place for place, item in enumerate(names)}
    shop = baskets.Baskets.of_lists([[number[item] for item in row] for row in lists], items=len(names))
    seconds = {}
    for way in (baskets.mine, baskets.apriori, baskets.fp_growth):
        took = []
        for _ in range(3):
            began = time.perf_counter()
            counts = way(shop, least=10)
            took.append(time.perf_counter() - began)
        seconds[way.__name__] = min(took)
    rules = baskets.rules_of(counts, baskets=len(shop), confidence=0.5)
    print(f"  Groceries, {len(shop):,} baskets: {len(counts):,} itemsets (published 13,492), {len(rules):,} rules (5,668); "
          + ", ".join(f"{way} {value:.2f} s" for way, value in seconds.items()))  # fmt: skip
    theirs = _peer(peers, MLXTEND, lists)
    if theirs:
        ours_sets = sorted([[names[item] for item in items], count] for items, count in counts.items())
        ours_sets = sorted([sorted(items), count] for items, count in ours_sets)
        ours_rules = sorted([sorted(names[i] for i in r.left), names[r.right], round(r.confidence, 9)] for r in rules)
        print(f"    mlxtend {theirs['version']} FP-growth {theirs['seconds']:.2f} s; ours takes "
              f"{seconds['mine'] / theirs['seconds']:.2f} of that; itemsets equal: {ours_sets == theirs['sets']}, rules "
              f"equal: {ours_rules == theirs['rules']}")  # fmt: skip
    for size, shops in ((100, 40), (300, 8), (1_000, 3), (3_000, 2)):
        raw = shown = kept = weight = 0.0
        count = 0
        for seed in range(shops):
            order = np.random.default_rng(seed).permutation(len(shop))
            found = baskets.Rules().fit(shop.only(np.sort(order[:size]))).rules_
            left, _, both = baskets.counts_of(shop.only(np.sort(order[size : size + 4_000])),
                                              [(rule.left, rule.right) for rule in found]).T  # fmt: skip
            seen = left > 0
            count += int(seen.sum())
            kept += float(np.sum(both[seen] / left[seen]))
            raw += float(np.sum(np.array([rule.raw_confidence for rule in found])[seen]))
            shown += float(np.sum(np.array([rule.confidence for rule in found])[seen]))
            weight += seen.sum()
        if not weight:
            print(f"    {size:>5} baskets, {shops} shops: no rule is worth showing")
            continue
        print(f"    {size:>5} baskets, {shops} shops, {count:,} rules: shown {shown / weight:.3f}, held on 4,000 others "
              f"{kept / weight:.3f}, raw confidence {raw / weight:.3f}")  # fmt: skip


def _peer(python: str, code: str, value) -> dict | None:
    """Return what a peer's program tells of a JSON value, or None with a line saying that it is not installed."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(value, file)
        file.flush()
        done = subprocess.run([python, "-c", code, file.name], capture_output=True, text=True, check=False)
    if done.returncode:
        print("    the peer is not installed here; only our own figures follow (see --peers)")
        return None
    return json.loads(done.stdout.splitlines()[-1])


def retail(data: Path) -> History:
    """Online Retail with its baskets: rows with a customer, quantity and price above zero, and no cancellation."""
    kept = [
        (int(float(r["CustomerID"])), day_of(r["InvoiceDate"]), r["InvoiceNo"], r["StockCode"], float(r["Quantity"]),
         float(r["Quantity"]) * float(r["UnitPrice"]) * 100)
        for r in rows_of(data / "online_retail_2010_2011.csv.gz")
        if r["CustomerID"] and float(r["Quantity"]) > 0 and float(r["UnitPrice"]) > 0
        and not r["InvoiceNo"].startswith("C")
    ]  # fmt: skip
    return with_baskets(*(np.array(column) for column in zip(*kept)))


def with_baskets(customer, day, order, product, quantity, cents) -> History:
    """Return a history of lines, arrays [l]: one order per customer, day and order label."""
    ids, who = np.unique(customer, return_inverse=True)
    _, label = np.unique(order, return_inverse=True)
    products, what = np.unique(product, return_inverse=True)
    keys, place = np.unique(np.column_stack([who, day, label]), axis=0, return_inverse=True)
    place = place.ravel()
    by_order = np.argsort(place, kind="stable")
    return History(
        as_of=int(day.max()),
        customer_ids=ids.astype(np.int64),
        order_customer=keys[:, 0].astype(np.int32),
        order_day=keys[:, 1].astype(np.int32),
        order_amount=np.rint(np.bincount(place, cents)).astype(np.int64),
        product_ids=np.arange(len(products)),
        product_active=np.ones(len(products), bool),
        line_order=place[by_order].astype(np.int32),
        line_product=what[by_order].astype(np.int32),
        line_quantity=quantity[by_order].astype(np.float32),
        line_amount=np.rint(cents[by_order]).astype(np.int64),
    )


SECTIONS = {
    "exact": exact, "churn": contest, "value": money, "table": table, "clusters": groups, "baskets": together,
}  # fmt: skip

if __name__ == "__main__":
    main()
