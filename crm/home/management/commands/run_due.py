"""One sweep of everything that is due."""

import datetime as dt
import json

from django.core.management.base import BaseCommand, CommandError

from crm.lib import clock, sweeps


class Command(BaseCommand):
    help = "Do one sweep of everything that is due and print counts by kind as one JSON object."

    def add_arguments(self, parser):
        parser.add_argument("--now", metavar="TIME", help="the moment to act at, ISO 8601; UTC where it names no zone")
        parser.add_argument("--json", action="store_true", help="print one JSON object (the answer always is)")

    def handle(self, *, now, **options):
        counts, errors = sweeps.run_all(now=_moment(now) if now else clock.now())
        self.stdout.write(json.dumps(counts))
        if errors:
            said = "; ".join(f"{kind}: {type(error).__name__}: {error}" for kind, error in errors.items())
            raise CommandError(" ".join(said.split()))


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--now {text!r} is not a time; write 2026-11-20T09:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
