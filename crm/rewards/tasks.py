"""Hints to the worker; the sweeps do the same work when one is lost."""

from celery import shared_task

from crm.lib import clock
from crm.rewards import auditing, catching_up, levelling


@shared_task
def catch_up() -> int:
    """Apply changed rules to the past, and place everybody on new levels."""
    now = clock.now()
    return catching_up.catch_up(now=now) + levelling.sweep(now=now)


@shared_task
def audit() -> int:
    """Look through the books if somebody asked."""
    return auditing.audit_due(now=clock.now())
