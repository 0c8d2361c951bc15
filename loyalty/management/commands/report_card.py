"""Say how good every method is on this shop's past, or on a table of people."""

import datetime as dt
import json

from django.core.management.base import BaseCommand, CommandError

from crm.accounts.models import NoShopYet, Shop
from crm.lib import clock
from loyalty import pipeline
from loyalty.dates import day_number
from loyalty.report_cards import baskets, chances, clusters, demand, offers, table, uplift, value

TASKS = {
    "churn": chances, "intent": chances, "value": value, "offers": offers, "baskets": baskets, "clusters": clusters,
    "demand": demand, "uplift": uplift,
}  # fmt: skip
PROTOCOLS = ("rolling", "last-basket")


class Command(BaseCommand):
    help = "Learn from what was known at a cut, forecast, and compare with what happened."

    def add_arguments(self, parser):
        parser.add_argument("task", choices=TASKS)
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

    def handle(self, *, task, cut, horizon, protocol, table: str, target: str, json: bool, **options):
        from threadpoolctl import threadpool_limits

        from loyalty.estimators.base import NotEnoughData

        if horizon is not None and not 1 <= horizon <= 730:
            raise CommandError("--horizon: say 1 to 730 days")
        if (table or target) and task != "churn":
            raise CommandError("--table and --target go with churn")
        if protocol and task != "offers":
            raise CommandError("--protocol goes with offers")
        try:
            with threadpool_limits(1):
                answer = (
                    _of_people(table, target) if table or target else _of_orders(task, cut, horizon, protocol)
                )
        except (NoShopYet, NotEnoughData) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_as_json(answer) if json else _in_words(answer))


def _of_people(path: str | None, target: str | None) -> dict:
    try:
        return table.card(path, target)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _of_orders(task: str, cut: str | None, horizon: int | None, protocol: str | None) -> dict:
    from loyalty import dataset

    last = pipeline.natural_as_of(shop=Shop.current(), now=clock.now(), today=True)
    if last is None:
        raise CommandError("There is no order to look at yet.")
    day = day_number(_date(cut)) if cut else None
    chosen = {"protocol": protocol} if protocol else {}
    return TASKS[task].card(dataset.load(as_of=last), task=task, cut=day, horizon=horizon, **chosen)


def _as_json(answer: dict) -> str:
    return json.dumps(answer)


def _in_words(card: dict) -> str:
    words = getattr(TASKS[card["task"]], "in_words", None)
    return words(card) if words else json.dumps(card, indent=1)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--cut {text!r} is not a date; write 2026-11-20") from None
