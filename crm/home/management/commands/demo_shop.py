import json
import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from crm.home import demo
from crm.lib import clock


class Command(BaseCommand):
    help = (
        "Fill an empty shop with an invented bakery, or remove it again. The truth behind it can be written to a file."
    )

    def add_arguments(self, parser):
        parser.add_argument("--customers", type=int, default=demo.CUSTOMERS, metavar="N")
        parser.add_argument("--years", type=float, default=demo.YEARS, metavar="N")
        parser.add_argument(
            "--seed", type=int, default=demo.SEED, metavar="N", help="the same seed gives the same shop"
        )
        parser.add_argument(
            "--truth", type=Path, metavar="FILE", help="write who churned when and what offers did, as JSON"
        )
        parser.add_argument("--remove", action="store_true", help="remove the demo; the owner and the settings stay")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, customers, years, seed, truth, remove, json: bool, **_options):
        if remove:
            self._remove(as_json=json)
            return
        if customers < 1 or not 0.2 <= years <= 20:
            raise CommandError("Say at least 1 customer, and 0.2 to 20 years.")
        started = time.monotonic()
        try:
            filled = demo.fill(now=clock.now(), customers=customers, years=years, seed=seed)
        except demo.NotEmpty:
            raise CommandError(
                "The shop holds customers or orders already; the demo goes into an empty shop only."
            ) from None
        if truth:
            demo.write_truth(filled, truth)
        said = {
            "customers": filled.customers,
            "orders": filled.orders,
            "lines": filled.lines,
            "seed": seed,
            "years": years,
            "truth": str(truth) if truth else None,
            "seconds": round(time.monotonic() - started, 2),
        }
        self._say(said, as_json=json, text="{customers} customers with {orders} orders in {seconds} s.")

    def _remove(self, *, as_json: bool) -> None:
        try:
            demo.remove(now=clock.now())
        except demo.NotADemo:
            raise CommandError("This is not a demo shop; nothing was removed.") from None
        self._say({"removed": True}, as_json=as_json, text="The demo is removed; the owner and the settings stay.")

    def _say(self, said: dict, *, as_json: bool, text: str) -> None:
        self.stdout.write(json.dumps(said) if as_json else text.format(**said))
