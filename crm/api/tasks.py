from celery import shared_task

from crm.lib import clock


@shared_task
def read_reports() -> int:
    """Read what platforms reported."""
    from crm.api import inbound

    return inbound.read_waiting(now=clock.now())


@shared_task
def deliver_news() -> int:
    """Tell the owner's programs what changed."""
    from crm.api import outbound

    return outbound.deliver_due(now=clock.now())
