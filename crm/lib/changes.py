"""Who wants to know that people, orders, products or balances changed, or that somebody visited the website.

The acts that change them call `tell` inside their transaction; a floor above registers a listener in
AppConfig.ready(), because the lower ones do not know it (docs/decisions/0004-registries.md). Only ids are told:
of people, orders and products; for POINTS those of the people whose balance moved, for VISITS those who came.
"""

from collections.abc import Callable, Iterable

PEOPLE, ORDERS, PRODUCTS, POINTS, VISITS = "customers", "orders", "products", "points", "visits"

Listener = Callable[[str, Iterable[int]], None]
LISTENERS: dict[str, Listener] = {}


def register(name: str, listener: Listener) -> None:
    """Add a listener: `listener(kind, ids)` runs inside the transaction of the change and must be quick.

    The ids may be a query that was not asked yet; a listener nobody waits for leaves it so.
    """
    LISTENERS[name] = listener


def tell(kind: str, ids: Iterable[int]) -> None:
    """Say that these rows were made or changed."""
    for listener in LISTENERS.values():
        listener(kind, ids)
