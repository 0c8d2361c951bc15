"""Prove the books: what was posted, what is shown and what the database guards."""

import json
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError

from crm.lib import books


class Command(BaseCommand):
    help = "Check the books and say what every check found; fails when one is not right."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, json: bool = False, **options):
        findings = books.run_all()
        wrong = [finding for finding in findings if not finding.ok]
        self.stdout.write(_as_json(findings) if json else _as_text(findings))
        if wrong:
            raise CommandError("The books are not right: " + "; ".join(f"{f.name}: {f.detail}" for f in wrong))


def _as_json(findings: list[books.Finding]) -> str:
    return json.dumps({"ok": all(f.ok for f in findings), "checks": [asdict(f) for f in findings]}, ensure_ascii=False)


def _as_text(findings: list[books.Finding]) -> str:
    return "\n".join(f"{'ok   ' if f.ok else 'WRONG'} {f.name}: {f.detail}" for f in findings)
