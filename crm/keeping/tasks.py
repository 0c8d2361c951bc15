from celery import shared_task

from crm.lib import clock


@shared_task
def do_waiting() -> int:
    """Make the backup, drill or export that was asked for."""
    from crm.keeping import jobs

    return jobs.do_waiting(now=clock.now())
