"""Put a backup in the place of the shop."""

import fcntl
import getpass
import os
from contextlib import nullcontext
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.utils import Error as DatabaseError

from crm.keeping import crossing, jobs, packing, postgres, proving, restoring, sealing
from crm.lib import clock

_SAID = (
    restoring.Refused, packing.NotABackup, proving.NotProven, sealing.WrongPassphrase, sealing.BrokenSeal,
    postgres.NoProgram, postgres.ProgramFailed, crossing.NotTaken, OSError,
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "Put a backup in the place of the shop: all or nothing. What was there is kept aside, and nothing is sent "
        "until you confirm on the Today page. Stop Regulars first."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, nargs="?", help="the backup; without it, one that was cut off goes on")
        parser.add_argument("--key-is-lost", action="store_true", help="restore under another secret key than it had")
        parser.add_argument("--finish", action="store_true", help="the second half, started by the first")

    def handle(self, *, file, key_is_lost, finish, **options):
        if finish:
            self._finish()
            return
        with open(settings.DATA_DIR / "up.lock", "a") as box:
            try:
                fcntl.flock(box, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError("Regulars runs on this data folder. Stop it first, then restore.") from None
            with jobs.alone() if connection.vendor == "sqlite" else nullcontext(True) as is_alone:
                if not is_alone:
                    raise CommandError("A backup or export is being made. Wait until it has ended, then restore.")
                self._restore(file, key_is_lost=key_is_lost)

    def _restore(self, file: Path | None, *, key_is_lost: bool) -> None:
        if restoring.is_begun():
            restoring.go_on()
            self._go_on()
            self.stdout.write("A restore that had been cut off is finished now.")
            return
        if file is None:
            raise CommandError("Say which backup: manage.py restore FILE")
        try:
            secret = _passphrase() if sealing.is_sealed(file) else ""
            restoring.restore(file.resolve(), passphrase=secret, key_is_lost=key_is_lost, now=clock.now())
        except _SAID as error:
            raise CommandError(str(error)) from None
        self._go_on()

    def _go_on(self) -> None:
        try:
            restoring.finish_apart()
        except restoring.NotFinished as error:
            raise CommandError(str(error)) from None

    def _finish(self) -> None:
        try:
            done = restoring.finish(now=clock.now())
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {' '.join(str(error).split())}") from None
        self.stdout.write(f"The shop is as it was on {done.made_at:%Y-%m-%d %H:%M} UTC.")
        if done.aside:
            self.stdout.write(f"What was there before is kept in {done.aside}.")
        told = done.carried
        self.stdout.write(
            f"Taken over from it: {told.said_no} customers who said no since, {told.addresses} addresses never to "
            f"write to, {told.messages} messages that have left since."
        )
        if told.objected or told.wishes or told.links or told.keys:
            self.stdout.write(
                f"Also: {told.objected} customers left out of predictions, {told.wishes} requests about people's data, "
                f"{told.links} replaced links of customers, {told.keys} keys of programs taken back."
            )
        if told.erased:
            self.stdout.write(f"{told.erased} customers had been erased since; they are erased again within minutes.")
        for words in done.wrong:
            self.stdout.write(f"The books in it are not right: {words}")
        self.stdout.write("Nothing is sent until you say on the Today page that this is the shop now.")


def _passphrase() -> str:
    secret = settings.BACKUP_PASSPHRASE or (getpass.getpass("Passphrase of the backup: ") if os.isatty(0) else "")
    if not secret:
        raise CommandError("This backup is encrypted. Say its passphrase in BACKUP_PASSPHRASE.")
    return secret
