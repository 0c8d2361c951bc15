from celery import shared_task

from crm.imports import reading
from crm.lib import clock


@shared_task
def read_import(*, import_id: int) -> str:
    """Read one import, unless somebody else is at it."""
    if not reading.claim(import_id, now=clock.now()):
        return ""
    return reading.read(import_id, now=clock.now()).state
