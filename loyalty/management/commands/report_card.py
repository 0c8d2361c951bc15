"""Say how good every method is on this shop's past, or on a table of people."""

import csv
import datetime as dt
import json
import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from crm.accounts.models import NoShopYet, Shop
from crm.lib import clock
from loyalty import pipeline

CHANCES, VALUE = ("churn", "intent"), "value"
OFFERS, BASKETS, CLUSTERS = "offers", "baskets", "clusters"
PROTOCOLS = ("rolling", "last-basket")


class Command(BaseCommand):
    help = "Learn from what was known at a cut, forecast, and compare with what happened."

    def add_arguments(self, parser):
        parser.add_argument("task", choices=[*CHANCES, VALUE, OFFERS, BASKETS, CLUSTERS])
        parser.add_argument(
            "--cut", metavar="DATE", help="the last day that is known; default: one horizon before the end"
        )
        parser.add_argument("--horizon", metavar="DAYS", type=int, help="default: what the shop's own gaps suggest")
        parser.add_argument(
            "--protocol", choices=PROTOCOLS, help="offers only: what is bought after a cut, or each one's last basket"
        )
        parser.add_argument("--table", metavar="FILE", help="churn only: a CSV of people instead of the shop's orders")
        parser.add_argument(
            "--target", metavar="COLUMN", help="churn only: the column of yes or no; without --table a custom field"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, task, cut, horizon, protocol, table, target, json: bool, **options):
        from threadpoolctl import threadpool_limits

        from loyalty import dataset
        from loyalty.estimators.base import NotEnoughData

        if horizon is not None and not 1 <= horizon <= 730:
            raise CommandError("--horizon: say 1 to 730 days")
        if (table or target) and task != "churn":
            raise CommandError("--table and --target go with churn")
        if protocol and task != OFFERS:
            raise CommandError("--protocol goes with offers")
        try:
            with threadpool_limits(1):
                if table or target:
                    answer = table_card(table, target)
                else:
                    last = pipeline.natural_as_of(shop=Shop.current(), now=clock.now(), today=True)
                    if last is None:
                        raise CommandError("There is no order to look at yet.")
                    history = dataset.load(as_of=last)
                    make = {VALUE: value_card, BASKETS: baskets_card, CLUSTERS: clusters_card}.get(task, chance_card)
                    day = dataset.day_number(_date(cut)) if cut else None
                    if task == OFFERS:
                        answer = offers_card(history, cut=day, protocol=protocol or PROTOCOLS[0])
                    else:
                        answer = make(history, task, cut=day, horizon=horizon)
        except (NoShopYet, NotEnoughData) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_as_json(answer) if json else _in_words(answer))


def _placed(history, task: str, cut: int | None, horizon: int | None):
    """Return (the past up to the cut, horizon), and refuse a cut whose window has not ended."""
    from loyalty.estimators import churn, intent
    from loyalty.estimators.base import NotEnoughData

    def usual(past) -> int:
        return intent.HORIZON if task == "intent" else churn.suggest_horizon(past)

    if cut is None:
        horizon = horizon or usual(history.upto(history.as_of))
        cut = history.as_of - horizon
    past = history.upto(cut)
    if not len(past.order_day):
        raise NotEnoughData("orders", have=0, need=1)
    horizon = horizon or usual(past)
    if cut + horizon > history.as_of:
        raise NotEnoughData("future_days", have=history.as_of - cut, need=horizon)
    return past, horizon


def chance_card(history, task: str, *, cut: int | None, horizon: int | None) -> dict:
    """Return the report card of churn or intent at a cut: learned and chosen before it, measured after it."""
    from loyalty import dataset
    from loyalty.estimators import churn, evaluate

    past, horizon = _placed(history, task, cut, horizon)
    tests = churn.back_test(past, horizon)
    rows = churn.rows_at(past, horizon, label_from=history, learn_from=churn.draw_customers(past, churn.MOST_CUSTOMERS))
    entry, came = churn.entry_for(tests, rows), task == "intent"
    label = ~rows.label if came else rows.label
    candidates = {}
    for name in churn.able(tests):
        began = time.perf_counter()
        chance = churn.forecaster(tests, name, entry).predict(rows)
        seconds = round(time.perf_counter() - began, 3)
        chance = 1 - chance if came else chance
        found = evaluate.measures(label, chance) | {"intervals": evaluate.intervals(label, chance)}
        candidates[name] = found | {"seconds": seconds}
    return {
        "task": task, "cut": dataset.date_of(past.as_of).isoformat(), "horizon_days": horizon,
        "customers": len(label), "positives": int(label.sum()), "baseline": tests.baseline,
        "champion": tests.champion, "trust": tests.trust, "candidates": candidates,
    }  # fmt: skip


def value_card(history, task: str, *, cut: int | None, horizon: int | None) -> dict:
    """Return the report card of money ahead at a cut, with how often the interval told held the truth."""
    from loyalty import dataset
    from loyalty.estimators import churn, value

    past, horizon = _placed(history, task, cut, horizon)
    tests = value.back_test(past, horizon)
    rows = churn.rows_at(past, horizon, learn_from=churn.draw_customers(past, churn.MOST_CUSTOMERS))
    today = value.Window.at(rows, past, history)
    entry, candidates = value.entry_for(tests, today), {}
    for name in value.able(tests):
        began = time.perf_counter()
        told = entry.told(name)
        candidates[name] = value.measures(today.spent, told) | {"seconds": round(time.perf_counter() - began, 3)}
    scores = value.score(past, tests, rows=rows)
    inside = (today.spent >= scores.low_minor - 0.5) & (today.spent <= scores.high_minor + 0.5)
    return {
        "task": task, "cut": dataset.date_of(past.as_of).isoformat(), "horizon_days": horizon,
        "customers": len(today.spent), "positives": int((today.spent > 0).sum()), "baseline": tests.baseline,
        "champion": tests.champion, "interval": value.COVERED, "covered": round(float(inside.mean()), 4),
        "orders": {"told": round(float(scores.orders.sum()), 1), "came": int(today.orders.sum())},
        "candidates": candidates,
    }  # fmt: skip


def offers_card(history, *, cut: int | None, protocol: str) -> dict:
    """Return how well each way to choose the next product did: repeats, and products new to a customer."""
    from loyalty import dataset
    from loyalty.estimators.recommenders import contest

    answer = contest.report(history, cut, protocol)
    for part in (answer, answer.get("new_items", {})):
        if "cut" in part:
            part["cut"] = dataset.date_of(part["cut"]).isoformat()
    return answer


def baskets_card(history, task: str, *, cut: int | None, horizon: int | None) -> dict:
    """Return what the rules of the baskets up to a cut promised, and how much of it held in the baskets after it."""
    import numpy as np

    from loyalty import dataset
    from loyalty.estimators import baskets

    past, horizon = _placed(history, task, cut, horizon)
    known = history.order_day[history.line_order] <= past.as_of
    ahead = ~known & (history.order_day[history.line_order] <= past.as_of + horizon)
    products, item = np.unique(history.line_product, return_inverse=True)

    def held(lines):
        return baskets.Baskets.of_pairs(history.line_order[lines], item[lines], items=len(products))

    began = time.perf_counter()
    rules = baskets.Rules().fit(held(known)).rules_
    seconds = round(time.perf_counter() - began, 3)
    after = held(ahead)
    left, _right, both = baskets.counts_of(after, [(rule.left, rule.right) for rule in rules]).T
    seen = left > 0

    def mean(values) -> float | None:
        return round(float(np.mean(values)), 4) if len(values) else None

    raw, shown = (np.array([getattr(rule, name) for rule in rules]) for name in ("raw_confidence", "confidence"))
    kept = both[seen] / left[seen]
    return {
        "task": BASKETS, "cut": dataset.date_of(past.as_of).isoformat(), "horizon_days": horizon,
        "baskets": len(held(known)), "baskets_after": len(after), "rules": len(rules), "rules_seen": int(seen.sum()),
        "baseline": "raw", "champion": "shown", "held": mean(kept),
        "candidates": {
            "raw": {"claimed": mean(raw[seen]), "seconds": seconds},
            "shown": {"claimed": mean(shown[seen]), "seconds": seconds},
        },
    }  # fmt: skip


def clusters_card(history, task: str, *, cut: int | None, horizon: int | None) -> dict:
    """Return how stable the groups found up to a cut are, and how much of what was spent after it they explain."""
    import numpy as np

    from loyalty import dataset
    from loyalty.estimators import clusters
    from loyalty.estimators.base import counts_between

    past, horizon = _placed(history, task, cut, horizon)
    began = time.perf_counter()
    found = clusters.Clusters(horizon=horizon).fit(past)
    _visits, spent = counts_between(history, past.as_of + 1, past.as_of + horizon)
    ahead, _error = clusters.explained(found.labels_, np.log1p(np.maximum(spent[found.customer_], 0) / 100))
    return {
        "task": CLUSTERS, "cut": dataset.date_of(past.as_of).isoformat(), "horizon_days": horizon,
        "customers": len(found.labels_), "champion": f"{found.chosen_.method} {found.chosen_.groups}",
        "is_natural": found.is_natural_, "explained_after": round(ahead, 4),
        "seconds": round(time.perf_counter() - began, 3),
        "candidates": {
            f"{trial.method} {trial.groups}": {
                "stability": round(trial.stability, 4), "separation": round(trial.separation, 4),
                "explained_before": round(trial.foresight, 4),
            }
            for trial in found.trials_
        },
    }  # fmt: skip


def table_card(path: str | None, target: str | None) -> dict:
    """Return the report card of a table of people: five folds, every figure told of people not learned from.

    Without a file the table is the custom fields of the shop's customers.
    """
    from loyalty import dataset
    from loyalty.estimators import tabular

    rows = _rows_of(path) if path else dataset.people_table()
    names = list(dict.fromkeys(name for row in rows for name in row if name))
    target = target or next((name for name in names if name.strip().lower() in tabular.NAMES), None)
    if target not in names:
        raise CommandError(f"--target: say which of these columns tells who left: {', '.join(names)}")
    yes, told = tabular.yes_or_no([row.get(target) for row in rows])
    if not told.any():
        raise CommandError(f"--target {target}: no row says yes or no")
    kept = [row for row, known in zip(rows, told) if known]
    columns = {name: [row.get(name) for row in kept] for name in names if name != target}
    label = yes[told]
    began = time.perf_counter()
    found = tabular.report(columns, label)
    champions = found["champions"]
    return {
        "task": "churn", "table": Path(path).name if path else "custom fields", "target": target,
        "customers": len(label), "positives": int(label.sum()), "skipped": int((~told).sum()), "baseline": "base_rate",
        "champion": max(set(champions), key=champions.count), "folds": tabular.FOLDS,
        "seconds": round(time.perf_counter() - began, 3), "candidates": found["candidates"],
    }  # fmt: skip


def _rows_of(path: str) -> list[dict]:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "this is not a CSV in UTF-8"
        raise CommandError(f"--table {path}: {reason}") from None


def _as_json(answer: dict) -> str:
    return json.dumps(answer)


def _in_words(card: dict) -> str:
    if card["task"] in (OFFERS, BASKETS, CLUSTERS):
        return json.dumps(card, indent=1)
    if "table" in card:
        head = f"{card['customers']} people in {card['table']}; {card['positives']} left. Spoke in most of the folds: "
    else:
        happened = {"churn": "did not order", "intent": "ordered", "value": "spent"}[card["task"]]
        head = (
            f"{card['customers']} customers known on {card['cut']}; {card['positives']} {happened} in the "
            f"{card['horizon_days']} days after. Chosen before the cut: "
        )
    lines = [head + card["champion"]]
    for name, m in card["candidates"].items():
        if card["task"] == VALUE:
            lines.append(
                f"  {name:<14} relative Gini {m['relative_gini']:.3f}  capture {m['capture']:.3f}  "
                f"total {m['total']:+.1%}  off per customer {m['mae_minor'] / 100:.2f}"
            )
            continue
        area = "    -" if m["auc"] is None else f"{m['auc']:.3f}"
        lines.append(
            f"  {name:<14} AUC {area}  PR AUC {m['pr_auc'] or 0:.3f}  accuracy {m['accuracy']:.3f}  "
            f"Brier {m['brier']:.4f}  log loss {m['log_loss']:.4f}  ECE {m['ece']:.4f}"
        )
    if card["task"] == VALUE:
        lines.append(f"  {card['covered']:.0%} of customers lay inside the interval told for {card['interval']:.0%}")
    return "\n".join(lines)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--cut {text!r} is not a date; write 2026-11-20") from None
