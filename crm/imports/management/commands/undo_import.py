"""Take an import back."""

import json

from django.core.management.base import BaseCommand, CommandError

from crm.imports import undoing
from crm.lib import clock


class Command(BaseCommand):
    help = "Undo an import: put back what it changed, remove what it made, take points back."

    def add_arguments(self, parser):
        parser.add_argument("import_id", type=int, metavar="ID")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, import_id, json: bool, **_options):
        try:
            done = undoing.undo(import_id, now=clock.now())
        except undoing.NotUndoable as error:
            raise CommandError(str(error)) from None
        if json:
            self._print(done)
            return
        for name in ("orders", "contacts", "products"):
            counts = done[name]
            self.stdout.write(
                f"{name}: {counts['removed']} removed, {counts['restored']} restored, {counts['kept']} kept"
            )
        for conflict in done["conflicts"]:
            self.stdout.write(
                f"  kept {conflict['table']} {conflict['id']} ({conflict['label']}): {conflict['reason']}"
            )

    def _print(self, done: dict) -> None:
        self.stdout.write(json.dumps(done, ensure_ascii=False))
