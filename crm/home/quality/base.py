"""What a check of the shop's own data speaks."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils.functional import Promise

from crm.accounts.models import Shop

CUSTOMERS, ORDERS, PRODUCTS = "customers", "orders", "products"
MISSING, IMPOSSIBLE, UNUSUAL, DOUBLE = "missing", "impossible", "unusual", "double"
EXAMPLES = 50


class Scene(NamedTuple):
    """What a check looks at."""

    shop: Shop
    now: dt.datetime
    today: dt.date


@dataclass(frozen=True)
class Check:
    """One thing that may be wrong with the shop's data, in the owner's words.

    `rows` gives the rows concerned, the most important first; it runs at night and may read a whole table.
    """

    slug: str
    about: str
    kind: str
    label: str | Promise
    cost: str | Promise  # what it costs the owner
    fix: str | Promise
    rows: Callable[[Scene], QuerySet]
    is_urgent: bool = False
    page: str = ""  # the name of the page on which it is mended
