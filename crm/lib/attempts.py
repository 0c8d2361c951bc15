"""Do an act in one transaction, and again where another process was quicker.

Two processes may make the same row, or one may merge away the customer whom another is about to name: references are
checked when a transaction ends, so only its end says so. Nothing was written then, and another look at the books
knows better.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, transaction

P, T = ParamSpec("P"), TypeVar("T")

ATTEMPTS = 3


def whole(act: Callable[P, T]) -> Callable[P, T]:
    """Return the act as one that is done wholly or not at all, tried again where the books contradict it.

    It must not remember anything of an attempt that failed. Inside another transaction only what is noticed at once is
    tried again; the rest is for the outermost to notice.
    """

    @wraps(act)
    def done(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with transaction.atomic():
                    return act(*args, **kwargs)
            except IntegrityError:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError

    return done
