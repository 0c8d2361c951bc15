"""Make a backup now."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.keeping import jobs, shelf
from crm.keeping.models import Job
from crm.lib import clock


class Command(BaseCommand):
    help = "Make a backup now, prove it, and say where it lies. Works beside the running box."

    def add_arguments(self, parser):
        parser.add_argument("--drill", action="store_true", help="read the newest backup back for trial instead")

    def handle(self, *, drill, **options):
        kind = Job.Kind.DRILL if drill else Job.Kind.BACKUP
        job = jobs.ask(kind, now=clock.now())
        jobs.do_waiting(now=clock.now())
        job.refresh_from_db()
        if job.finished_at is None:
            raise CommandError("Another backup or export is being made; this one follows it.")
        if not job.ok:
            raise CommandError(job.problem)
        found = shelf.find(job.name)
        rows = job.report["facts"]["rows"]
        self.stdout.write(
            f"{found.path}: {found.size:,} bytes, {rows['contacts_contact']:,} customers, "
            f"{rows['orders_order']:,} orders, proven {timezone.localtime(job.finished_at):%Y-%m-%d %H:%M}."
        )
        for note in job.report["notes"]:
            self.stdout.write(note)
