"""Judge the versions of campaigns that are due."""

import json

from django.core.management.base import BaseCommand

from crm.lib import clock
from loyalty import judging


class Command(BaseCommand):
    help = "Work out which version of a campaign's message brings more orders, and how the next mailing is dealt."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, json: bool, **options):
        judged = judging.judge_due(now=clock.now())
        self.stdout.write(_as_json(judged) if json else f"{judged} campaigns judged.")


def _as_json(judged: int) -> str:
    return json.dumps({"judged": judged})
