"""Tell the worker that there is work. The work itself is a row in the database; the message is only a hint.

Call `hint(task, key=value)` after writing the row. It sends the message when the transaction has been
committed, waits at most a moment for the broker, and never fails: a hint that is lost costs a
minute, because the next sweep (crm/lib/sweeps.py) picks the row up. Do not use `task.delay()` or
`task.delay_on_commit()`: with the broker away they raise inside the request, or keep it waiting.
"""

import functools
import logging

from celery import Task, current_app
from django.db import transaction

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 1.0


def hint(task: Task, **kwargs) -> None:
    """Have the worker run this task soon after the transaction is committed."""
    transaction.on_commit(functools.partial(_send, task, kwargs))


def _send(task: Task, kwargs: dict) -> None:
    if current_app.conf.task_always_eager:
        task.apply(kwargs=kwargs, throw=True)
        return
    options = {
        **current_app.conf.broker_transport_options,
        "max_retries": 1,
        "interval_start": 0,
        "socket_connect_timeout": PATIENCE_SECONDS,
        "socket_timeout": PATIENCE_SECONDS,
    }
    try:
        # A connection of its own: hints are rare, and a pooled one would wait for a lost broker for ever.
        with current_app.connection_for_write(connect_timeout=PATIENCE_SECONDS, transport_options=options) as broker:
            current_app.send_task(task.name, kwargs=kwargs, connection=broker, retry=False)
    except Exception as error:
        log.warning("the hint for %s was not sent, the next sweep does it: %s", task.name, error)
