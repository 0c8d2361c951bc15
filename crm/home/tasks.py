"""The minute beat."""

import logging

from celery import shared_task

from crm.lib import clock, sweeps

log = logging.getLogger(__name__)


@shared_task(name="crm.home.tasks.sweep")
def sweep() -> dict[str, int]:
    """Do everything that is due; return counts by kind."""
    counts, errors = sweeps.run_all(now=clock.now())
    for kind, error in errors.items():
        log.error("sweep %s failed", kind, exc_info=error)
    return counts
