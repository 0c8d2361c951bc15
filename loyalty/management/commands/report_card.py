"""Say how good every method is on this shop's past."""

import datetime as dt
import json
import time

from django.core.management.base import BaseCommand, CommandError

from crm.accounts.models import NoShopYet, Shop
from crm.lib import clock
from loyalty import pipeline


class Command(BaseCommand):
    help = "Learn from what was known at a cut, forecast, and compare with what happened."

    def add_arguments(self, parser):
        parser.add_argument("task", choices=["churn"])
        parser.add_argument(
            "--cut", metavar="DATE", help="the last day that is known; default: one horizon before the end"
        )
        parser.add_argument("--horizon", metavar="DAYS", type=int, help="default: what the shop's own gaps suggest")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, task, cut, horizon, json: bool, **options):
        from threadpoolctl import threadpool_limits

        from loyalty import dataset
        from loyalty.estimators.base import NotEnoughData

        if horizon is not None and not 1 <= horizon <= 730:
            raise CommandError("--horizon: say 1 to 730 days")
        try:
            last = pipeline.natural_as_of(shop=Shop.current(), now=clock.now(), today=True)
            if last is None:
                raise CommandError("There is no order to look at yet.")
            history = dataset.load(as_of=last)
            with threadpool_limits(1):
                answer = churn_card(history, cut=dataset.day_number(_date(cut)) if cut else None, horizon=horizon)
        except (NoShopYet, NotEnoughData) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_as_json(answer) if json else _in_words(answer))


def churn_card(history, *, cut: int | None, horizon: int | None) -> dict:
    """Return the churn report card at a cut: learned and chosen before it, measured after it."""
    from loyalty import dataset
    from loyalty.estimators import churn, evaluate
    from loyalty.estimators.base import NotEnoughData

    if cut is None:
        horizon = horizon or churn.suggest_horizon(history.upto(history.as_of))
        cut = history.as_of - horizon
    past = history.upto(cut)
    if not len(past.order_day):
        raise NotEnoughData("orders", have=0, need=1)
    horizon = horizon or churn.suggest_horizon(past)
    if cut + horizon > history.as_of:
        raise NotEnoughData("future_days", have=history.as_of - cut, need=horizon)
    tests = churn.back_test(past, horizon)
    rows = churn.rows_at(past, horizon, label_from=history, learn_from=churn.draw_customers(past, churn.MOST_CUSTOMERS))
    candidates = {}
    for name in churn.able(tests):
        began = time.perf_counter()
        chance = churn.rising_for_one_timers(churn.fit_final(tests, name).predict(rows), rows.summary)
        candidates[name] = evaluate.measures(rows.label, chance) | {"seconds": round(time.perf_counter() - began, 3)}
    return {
        "task": "churn", "cut": dataset.date_of(cut).isoformat(), "horizon_days": horizon,
        "customers": len(rows.label), "positives": int(rows.label.sum()), "baseline": tests.baseline,
        "champion": tests.champion, "candidates": candidates,
    }  # fmt: skip


def _as_json(answer: dict) -> str:
    return json.dumps(answer)


def _in_words(card: dict) -> str:
    lines = [
        f"{card['customers']} customers known on {card['cut']}; {card['positives']} did not order in the "
        f"{card['horizon_days']} days after. Chosen before the cut: {card['champion']}"
    ]
    for name, m in card["candidates"].items():
        area = "    -" if m["auc"] is None else f"{m['auc']:.3f}"
        lines.append(
            f"  {name:<14} AUC {area}  Brier {m['brier']:.4f}  log loss {m['log_loss']:.4f}  ECE {m['ece']:.4f}"
        )
    return "\n".join(lines)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--cut {text!r} is not a date; write 2026-11-20") from None
