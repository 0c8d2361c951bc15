"""Print churn report cards on public data, every candidate beside the dumb baseline.

    python benchmarks/churn.py [--data ../shared/data]

The method is chosen before the cut by the shop's own past, as `manage.py report_card churn` does; needs no database.
Cuts and protocol: everyone who bought by the cut is scored, "left" means no order in the horizon after it.
"""

import argparse
import csv
import datetime as dt
import gzip
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loyalty.estimators import churn, evaluate
from loyalty.estimators.base import History
from loyalty.estimators.buying import BgNbd

EPOCH = dt.date(1970, 1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    folder = parser.parse_args().data
    shops = [
        ("CDNOW sample", cdnow, ["1998-04-01"], 90),
        ("Online Retail, year 2", retail, ["2011-06-12", "2011-09-10"], 90),
        ("Apparel", apparel, ["2008-06-30", "2009-10-01"], 90),
        ("Complete Journey, a third", journey, ["2017-06-30", "2017-10-01"], 30),
    ]
    for name, read, cuts, horizon in shops:
        try:
            history = read(folder)
        except FileNotFoundError as error:
            print(f"{name}: {error.filename} is not here")
            continue
        for cut in cuts:
            card(name, history, day_of(cut), cut, horizon)


@threadpool_limits.wrap(limits=1)
def card(name: str, history: History, cut: int, date: str, horizon: int) -> None:
    """Print one report card."""
    began = time.perf_counter()
    past = history.upto(cut)
    tests = churn.back_test(past, horizon)
    rows = churn.rows_at(past, horizon, label_from=history)
    print(
        f"\n{name}, cut {date}, {horizon} days: {len(rows.label):,} customers, {rows.label.mean():.1%} left; "
        f"{len(tests.tested)} test windows before the cut; suggested horizon {churn.suggest_horizon(past)} days"
    )
    print(f"  {'':<16}{'AUC':>7}{'PR AUC':>8}{'log loss':>10}{'Brier':>8}{'ECE':>8}{'s':>7}")
    entry = churn.entry_for(tests, rows)
    for method in churn.able(tests):
        start = time.perf_counter()
        chance = churn.forecaster(tests, method, entry).predict(rows)
        show(method, rows.label, chance, time.perf_counter() - start, tests)
    s = rows.summary
    model = BgNbd().fit(s.repeats, s.recency, s.age)
    show("1 - P(alive)", rows.label, 1 - model.alive(s.repeats, s.recency, s.age), 0.0, tests)
    print(f"  the whole card took {time.perf_counter() - began:.1f} s")


def show(name: str, label: np.ndarray, chance: np.ndarray, seconds: float, tests: churn.Tests) -> None:
    m = evaluate.measures(label, chance)
    mark = " <- chosen" if name == tests.champion else " (baseline)" if name == tests.baseline else ""
    print(
        f"  {name:<16}{m['auc']:>7.4f}{m['pr_auc']:>8.4f}{m['log_loss']:>10.4f}{m['brier']:>8.4f}{m['ece']:>8.4f}"
        f"{seconds:>7.2f}{mark}"
    )


def day_of(text: str) -> int:
    return (dt.date.fromisoformat(text[:10]) - EPOCH).days


def rows_of(path: Path):
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        yield from csv.DictReader(file)


def history_of(rows) -> History:
    customer, day, cents = zip(*rows)
    return History.of_orders(np.array(customer), np.array(day), np.rint(np.array(cents)))


def cdnow(folder: Path) -> History:
    file = folder / "cdnow_sample.csv.gz"
    return history_of((int(r["customer_id"]), day_of(r["date"]), float(r["amount"]) * 100) for r in rows_of(file))


def apparel(folder: Path) -> History:
    file = folder / "apparel_transactions.csv.gz"
    return history_of((int(r["customer_id"]), day_of(r["date"]), float(r["price"]) * 100) for r in rows_of(file))


def journey(folder: Path) -> History:
    file = folder / "complete_journey_transactions.csv.gz"
    return history_of(
        (int(r["household_id"]), day_of(r["transaction_timestamp"]), float(r["sales_value"]) * 100)
        for r in rows_of(file)
    )


def retail(folder: Path) -> History:
    """Rows with a customer, quantity and price above zero, and no cancellation."""
    return history_of(
        (int(float(r["CustomerID"])), day_of(r["InvoiceDate"]), float(r["Quantity"]) * float(r["UnitPrice"]) * 100)
        for r in rows_of(folder / "online_retail_2010_2011.csv.gz")
        if r["CustomerID"]
        and float(r["Quantity"]) > 0
        and float(r["UnitPrice"]) > 0
        and not r["InvoiceNo"].startswith("C")
    )


if __name__ == "__main__":
    main()
