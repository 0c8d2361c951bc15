"""What a backup is proven by: its own database is this process's."""

import json
import os
import sys

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import translation

from crm.accounts.models import Shop
from crm.keeping import manifests
from crm.lib import books


class Command(BaseCommand):
    help = "Say what the database of DATABASE_URL holds and whether its books are right. Backups are proven by it."
    requires_system_checks = []

    def handle(self, **options):
        os.nice(10)
        asked = json.loads(sys.stdin.read())
        if connection.vendor == "sqlite":
            found = [row[0] for row in manifests.ask_here("PRAGMA integrity_check(3)")]
            found += [f"{table} {row}" for table, row, *_rest in manifests.ask_here("PRAGMA foreign_key_check")[:3]]
            integrity = "; ".join(found).removeprefix("ok; ")
        else:
            integrity = "ok"  # PostgreSQL's own constraints were made while it was read in
        facts = findings = None
        if integrity == "ok":
            facts = manifests.facts(manifests.ask_here, asked["tables"])
            if asked["migrate"]:
                call_command("migrate", interactive=False, verbosity=0)
            shop = Shop.objects.first()
            with translation.override(shop.language if shop else "en"):
                findings = [vars(finding) for finding in books.run_all()]
        self.stdout.write(json.dumps({"integrity": integrity, "facts": facts, "findings": findings}))
