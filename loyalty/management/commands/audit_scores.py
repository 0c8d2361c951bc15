"""Prove what the scores on show were computed from."""

import json as json_text
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError

from crm.accounts.models import NoShopYet
from loyalty import auditing
from loyalty.models import Run

MOST_NAMED = 20


class Command(BaseCommand):
    help = "Read the books of the newest run's date again and say for which customers they are not what they were."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object, with every customer's number")

    def handle(self, *, json: bool, **options):
        from loyalty import dataset
        from loyalty.estimators.base import NotEnoughData

        run = Run.objects.latest_done()
        if run is None:
            raise CommandError("No night run has finished yet, so there are no scores to audit.")
        try:
            history = dataset.load(as_of=run.as_of)
        except (NoShopYet, NotEnoughData) as error:
            raise CommandError(str(error)) from None
        found = auditing.audit(run, history)
        self.stdout.write(_as_json(run, found) if json else _in_words(run, found))


def _as_json(run: Run, found: auditing.Audit) -> str:
    told = asdict(found) | {"run": found.run_id, "as_of": found.as_of.isoformat(), "is_clean": found.is_clean}
    for name in ("run_id", "is_same_code"):
        told.pop(name)
    told["code"] = {"then": run.inputs.get("code"), "now": auditing.code(), "is_same": found.is_same_code}
    told["inputs"] = run.inputs
    return json_text.dumps(told)


def _in_words(run: Run, found: auditing.Audit) -> str:
    lines = [
        f"Run {found.run_id} of {found.as_of}: {found.scores} scores, of which {found.same} were computed from exactly "
        "the orders, refunds and lines the books hold today."
    ]
    for people, what in (
        (found.changed, "were computed from orders that have changed since"),
        (found.gone, "have no order up to that day any more"),
        (found.added, "have orders up to that day now, but had none then"),
    ):
        if people:
            more = ", ..." if len(people) > MOST_NAMED else ""
            lines.append(f"  {len(people)} {what}: customers {', '.join(map(str, people[:MOST_NAMED]))}{more}")
    if found.unknown:
        lines.append(f"  {found.unknown} have no fingerprint: the run is older than fingerprints")
    if not found.is_same_catalogue:
        lines.append("  The products on sale, their names or categories have changed since.")
    if found.is_same_code:
        lines.append(f"The same code is installed: {auditing.code()}")
    else:
        lines.append(f"Computed by {run.inputs.get('code', 'an earlier version')}; installed is {auditing.code()}")
    return "\n".join(lines)
