"""Backups, drills and exports: asked for or due, done one at a time, with a row for each that stays as the log."""

import datetime as dt
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts import instance
from crm.accounts.models import Shop
from crm.keeping import backing_up, erasures, exporting, packing, postgres, proving, sealing, shelf
from crm.keeping.models import Job, Plan

log = logging.getLogger(__name__)

AFTER_NIGHT = dt.timedelta(hours=1)  # the night run has ended by then
TRY_AGAIN = dt.timedelta(hours=1)
DRILL_EVERY = dt.timedelta(days=7)
CLOCK = dt.timedelta(days=1)  # what is further ahead was written by a clock that went wrong, and counts for nothing
KEPT = 100
_LOCK = 0x5265_6775_6C61_7273  # "Regulars": the advisory lock's number
EXPECTED = (  # what is said in words; anything else is a defect of ours and logged
    OSError, packing.NotABackup, proving.NotProven, postgres.NoProgram, postgres.ProgramFailed,
    sealing.BrokenSeal, sealing.WrongPassphrase,
)  # fmt: skip


@contextmanager
def alone() -> Iterator[bool]:
    """Hold the lock that lets one process at a time make, prove or export; yield whether we have it.

    It falls when the process dies, so that what it left undone can be taken up at once.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
            (is_ours,) = cursor.fetchone()
            try:
                yield is_ours
            finally:
                if is_ours:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
        return
    descriptor = os.open(settings.DATA_DIR / "keeping.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def ask(kind: str, *, now: dt.datetime, why: str = Job.Why.ASKED) -> Job:
    """Ask for a job, or return the one of its kind that waits already."""
    try:
        with transaction.atomic():
            return Job.objects.create(kind=kind, why=why, asked_at=now)
    except IntegrityError:
        return waiting(kind) or ask(kind, now=now, why=why)


def waiting(kind: str) -> Job | None:
    """Return the job of this kind that waits or is being done."""
    return Job.objects.filter(kind=kind, finished_at=None).first()


def latest(kind: str, **only) -> Job | None:
    """Return the newest finished job of a kind."""
    return Job.objects.filter(kind=kind, **only).exclude(finished_at=None).order_by("-finished_at").first()


def sweep(*, now: dt.datetime) -> int:
    """Ask for what is due, do all that waits, forget old exports; return how many jobs were done."""
    instance.settle()
    shop = Shop.objects.first()
    if shop is None:
        return 0
    if settings.BACKUP_NIGHTLY:
        _ask_for_due(shop, now=now)
    exporting.forget_old(now=now)
    erasures.share()
    return do_waiting(now=now)


def _ask_for_due(shop: Shop, *, now: dt.datetime) -> None:
    due_from = shop.night_of(now) + AFTER_NIGHT
    nights = Job.objects.filter(
        kind=Job.Kind.BACKUP, why=Job.Why.NIGHT, asked_at__gte=due_from, asked_at__lte=now + CLOCK
    )  # fmt: skip
    if now >= due_from and not nights.exclude(ok=False, finished_at__lt=now - TRY_AGAIN).exists():
        ask(Job.Kind.BACKUP, now=now, why=Job.Why.NIGHT)
    drill = latest(Job.Kind.DRILL, finished_at__lte=now + CLOCK)
    pause = DRILL_EVERY if drill and drill.ok else dt.timedelta(days=1)
    newest = shelf.newest(now=now)
    is_due = drill.finished_at <= now - pause if drill else newest and newest.made_at <= now - pause
    if newest and is_due:
        ask(Job.Kind.DRILL, now=now, why=Job.Why.NIGHT)


def do_waiting(*, now: dt.datetime) -> int:
    """Do what was asked for, unless another process is at it; return how many jobs."""
    if not Job.objects.filter(finished_at=None).exists():
        return 0
    done = 0
    with alone() as is_ours:
        if is_ours:
            shop = Shop.objects.first()
            with translation.override(shop.language if shop else "en"):
                for job in list(Job.objects.filter(finished_at=None).order_by("asked_at", "pk")):
                    _do(job, now=now)
                    done += 1
    return done


def _do(job: Job, *, now: dt.datetime) -> None:
    begun = time.monotonic()
    Job.objects.filter(pk=job.pk).update(started_at=now)
    try:
        changes = _ACTS[job.kind](job, now=now)
    except EXPECTED as error:
        changes = {"ok": False, "problem": in_words(error)}
    except Exception as error:
        log.exception("%s %s failed", job.kind, job.pk)
        changes = {"ok": False, "problem": f"{type(error).__name__}: {error}"}
    changes["problem"] = changes.get("problem", "")[:500]
    ended_at = now + dt.timedelta(seconds=time.monotonic() - begun)
    Job.objects.filter(pk=job.pk).update(finished_at=ended_at, **changes)
    old = Job.objects.filter(kind=job.kind).order_by("-pk").values_list("pk", flat=True)[KEPT:]
    Job.objects.filter(pk__in=list(old)).delete()


def in_words(error: Exception) -> str:
    """Return what went wrong, for the owner."""
    if isinstance(error, OSError) and error.errno is not None:
        return _("The disk refused: %(words)s") % {"words": error.strerror}
    return str(error)


def _backup(job: Job, *, now: dt.datetime) -> dict:
    made = backing_up.make(now=now, why=job.why)
    return {"name": made.backup.name, **_told(made.proof)}


def _drill(job: Job, *, now: dt.datetime) -> dict:
    newest = shelf.newest(now=now)
    if newest is None:
        return {"ok": False, "problem": _("There is no backup to read back.")}
    Job.objects.filter(pk=job.pk).update(name=newest.name)
    with shelf.scratch() as scratch:
        secret = backing_up.passphrase(Plan.current())
        return _told(proving.prove(newest.path, scratch=scratch, passphrase=secret, is_drill=True))


def _told(proof: proving.Proof) -> dict:
    report = {"facts": proof.facts, "findings": proof.findings or [], "notes": proof.notes}
    return {"ok": not proof.problem, "problem": proof.problem, "report": report}


def _export(job: Job, *, now: dt.datetime) -> dict:
    path = exporting.build(job.pk, now=now)
    return {"ok": True, "name": path.name}


_ACTS: dict[str, Callable[..., dict]] = {Job.Kind.BACKUP: _backup, Job.Kind.DRILL: _drill, Job.Kind.EXPORT: _export}
