"""Do the night run now."""

import datetime as dt
import json

from django.core.management.base import BaseCommand, CommandError

from crm.accounts.models import NoShopYet, Shop
from crm.lib import clock
from loyalty import pipeline
from loyalty.models import Run


class Command(BaseCommand):
    help = "Grade customers, estimate who may not come back, and update lists and suggestions."

    def add_arguments(self, parser):
        parser.add_argument("--as-of", metavar="DATE", help="the day to speak of; nothing later is looked at")
        parser.add_argument("--run", type=int, action="append", help="do this waiting run; several in this order")
        parser.add_argument("--json", action="store_true", help="print a JSON object a line, for each run done")

    def handle(self, *, as_of, run, json: bool, **options):
        try:
            shop = Shop.current()
        except NoShopYet as error:
            raise CommandError(str(error)) from None
        if run:
            days = dict(Run.objects.filter(pk__in=run).values_list("pk", "as_of"))
            if unknown := sorted(set(run) - days.keys()):
                raise CommandError(f"There is no run {unknown[0]}.")
        else:
            run = [None]
            days = {None: _date(as_of) if as_of else pipeline.natural_as_of(shop=shop, now=clock.now(), today=True)}
        if None in days.values():
            raise CommandError("There is no order to look at yet.")
        failed = ""
        for one in run:
            try:
                done = pipeline.run(as_of=days[one], now=clock.now(), run_id=one)
            except pipeline.NothingToDo as error:
                failed = str(error)
                continue
            if done.state == Run.State.DONE:
                self.stdout.write(_as_json(done) if json else _in_words(done))
            else:
                failed = " ".join(done.error.split()) or "The run failed."
        if failed:
            raise CommandError(failed)


def _as_json(run: Run) -> str:
    return json.dumps(
        {
            "run_id": run.pk, "as_of": run.as_of.isoformat(), "customers": run.customers, "orders": run.orders,
            "seconds": run.seconds, "peak_rss_mb": run.peak_rss_mb, "horizon_days": run.horizon_days,
            "stages": run.stages, "champions": run.champions,
        }
    )  # fmt: skip


def _in_words(run: Run) -> str:
    lines = [
        f"{run.customers} customers, {run.orders} orders as of {run.as_of}: "
        f"{run.seconds:.1f} s, {run.peak_rss_mb:.0f} MB"
    ]
    for name, stage in run.stages.items():
        lines.append(f"  {name:<10} {stage['state']:<8} {stage['seconds']:>7.2f} s  {stage['reason']}".rstrip())
    return "\n".join([*lines, *(f"  {task}: {name}" for task, name in run.champions.items())])


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--as-of {text!r} is not a date; write 2026-11-20") from None
