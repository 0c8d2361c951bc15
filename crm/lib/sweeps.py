"""What is due. Each app registers one function that picks up its own due or forgotten work.

The broker only makes work start sooner; `manage.py run_due` and the worker's minute beat
call every sweep here, so nothing depends on a message arriving (docs/decisions/0004-registries.md).
"""

import datetime as dt
from collections.abc import Callable

Sweep = Callable[..., int]
SWEEPS: dict[str, Sweep] = {}


def register(kind: str, sweep: Sweep) -> None:
    """Add a sweep: `sweep(now=) -> how many pieces of work it did`. Called from AppConfig.ready()."""
    SWEEPS[kind] = sweep


def run_all(*, now: dt.datetime) -> tuple[dict[str, int], dict[str, Exception]]:
    """Run every sweep once; one that fails does not stop the others. Return counts and errors by kind."""
    counts, errors = {}, {}
    for kind, sweep in SWEEPS.items():
        try:
            counts[kind] = sweep(now=now)
        except Exception as error:
            counts[kind], errors[kind] = 0, error
    return counts, errors
