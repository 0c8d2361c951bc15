from celery import shared_task

from crm.lib import clock
from crm.listening import answering, digesting


@shared_task
def send_answers() -> int:
    """Send the answers that wait; the minute sweep does the same."""
    return answering.send_due(now=clock.now())


@shared_task
def digest() -> int:
    """Work out anew what customers say."""
    return digesting.renew(now=clock.now())
