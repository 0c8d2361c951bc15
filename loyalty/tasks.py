"""The worker's part: runs that are due, each in a process of its own.

A night takes hundreds of megabytes and both cores; in its own process the memory goes back to the machine, messages
keep flowing meanwhile, and a run that is killed leaves the worker alive.
"""

import datetime as dt
import io
import subprocess
import sys
from collections.abc import Iterable

from celery import shared_task
from django.conf import settings
from django.core.management import call_command
from django.utils.translation import gettext_noop

from crm.lib import changes, clock, hints
from loyalty import experiments, freshness, pipeline
from loyalty.models import Run


@shared_task(name="loyalty.tasks.refresh")
def refresh(run_id: int) -> int:
    """Do one waiting run, if it still waits."""
    run = Run.objects.filter(pk=run_id, state=Run.State.WAITING).first()
    return _do(run, now=clock.now()) if run else 0


def sweep(*, now: dt.datetime) -> int:
    """Do every run that is due; return how many were done."""
    return sum(_do(run, now=now) for run in pipeline.due(now=now))


def _do(run: Run, *, now: dt.datetime) -> int:
    if getattr(settings, "CELERY_TASK_ALWAYS_EAGER", False):  # no worker to keep small
        try:
            return int(pipeline.run(as_of=run.as_of, now=now, run_id=run.pk).state == Run.State.DONE)
        except pipeline.NothingToDo:
            return 0
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "refresh_loyalty", "--run", str(run.pk), "--json"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    if done.returncode < 0:
        error = gettext_noop("The run was stopped by the system; there may be too little memory.")
        pipeline.bury(run.pk, error=error, now=clock.now())
    return int(done.returncode == 0)


def hear(kind: str, ids: Iterable[int]) -> None:
    """Note that orders changed, and have the worker look at their customers soon."""
    if kind == changes.ORDERS and freshness.note(list(ids), now=clock.now()):
        hints.hint(freshen)


@shared_task(name="loyalty.tasks.freshen")
def freshen() -> int:
    """Look at the customers whose orders changed."""
    return freshness.refresh_due(now=clock.now())


def sweep_stirred(*, now: dt.datetime) -> int:
    """Look at those whom a lost hint left behind; return how many that were."""
    return freshness.refresh_due(now=now)


def sweep_versions(*, now: dt.datetime) -> int:
    """Judge the versions of campaigns that are due, in a process of its own as well; return how many were due."""
    count = len(experiments.due(now=now))
    if not count:
        return 0
    if getattr(settings, "CELERY_TASK_ALWAYS_EAGER", False):  # no worker to keep small
        call_command("judge_versions", "--json", stdout=io.StringIO())
    else:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "judge_versions", "--json"]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    return count
