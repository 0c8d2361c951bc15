from celery import shared_task

from crm.imports import reading
from crm.lib import clock


@shared_task
def read_import(*, import_id: int) -> str:
    """Check, read or take back one import, whatever waits, unless somebody else is at it."""
    return reading.take_up(import_id, now=clock.now())
