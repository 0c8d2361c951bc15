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
from django.core.cache import cache
from django.core.management import call_command
from django.utils.translation import gettext_noop

from crm.lib import changes, clock, hints
from loyalty import experiments, freshness, pipeline, publishing
from loyalty.models import Run

VISITS_EVERY = 5  # seconds: a busy website wakes the worker no more often; the sweep takes whom it leaves waiting


@shared_task(name="loyalty.tasks.refresh")
def refresh(run_id: int) -> int:
    """Do one waiting run and those that were asked for before it, as far as they still wait."""
    return _do(list(Run.objects.filter(pk__lte=run_id, state=Run.State.WAITING).order_by("pk")), now=clock.now())


def sweep(*, now: dt.datetime) -> int:
    """Do every run that is due; return how many were done."""
    return _do(pipeline.due(now=now), now=now)


def _do(runs: list[Run], *, now: dt.datetime) -> int:
    if getattr(settings, "CELERY_TASK_ALWAYS_EAGER", False):  # no worker to keep small
        return sum(_do_here(run, now=now) for run in runs)
    if not runs:
        return 0
    numbers = [word for run in runs for word in ("--run", str(run.pk))]
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "refresh_loyalty", "--json", *numbers]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    if done.returncode < 0:
        error = gettext_noop("The run was stopped by the system; there may be too little memory.")
        for run in runs:
            pipeline.bury(run.pk, error=error, now=clock.now())
    return Run.objects.filter(pk__in=[run.pk for run in runs], state=Run.State.DONE).count()


def _do_here(run: Run, *, now: dt.datetime) -> int:
    try:
        return int(pipeline.run(as_of=run.as_of, now=now, run_id=run.pk).state == Run.State.DONE)
    except pipeline.NothingToDo:
        return 0


def hear(kind: str, ids: Iterable[int]) -> None:
    """Note what concerns the numbers, and have the worker look at it soon."""
    if kind == changes.PRODUCTS:
        hints.hint(count_again)
    if kind == changes.ORDERS and freshness.note(list(ids), now=clock.now()):
        hints.hint(freshen)
    if kind == changes.VISITS and freshness.note_visits(list(ids), now=clock.now()) and _may_wake():
        hints.hint(freshen)


def _may_wake() -> bool:
    return cache.add("loyalty.visits", True, timeout=VISITS_EVERY)


@shared_task(name="loyalty.tasks.count_again")
def count_again() -> None:
    """Look at what runs out once more; should this be lost, the night does it."""
    publishing.count_again()


@shared_task(name="loyalty.tasks.freshen")
def freshen() -> int:
    """Look at the customers whose orders changed, or who visited the website."""
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
