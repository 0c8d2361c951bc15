"""What upper floors have to say above the Today page, such as how the night run is doing.

A floor above registers `reader(now=, shop=) -> Notice | None` in its AppConfig.ready(), because
this floor does not know it (docs/decisions/0004-registries.md).
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from crm.accounts.models import Shop


@dataclass(frozen=True)
class Notice:
    text: str
    tone: str = "info"  # a callout's tone
    title: str = ""
    post_url: str = ""  # the button posts here; no address, no button
    button: str = ""
    link_url: str = ""
    link: str = ""
    is_working: bool = False  # something is under way: the page asks again by itself


Reader = Callable[..., Notice | None]
READERS: dict[str, Reader] = {}


def register(name: str, reader: Reader) -> None:
    READERS[name] = reader


def read(*, now: dt.datetime, shop: Shop) -> list[Notice]:
    """Return what the registered readers want said, in the order they registered."""
    said = [reader(now=now, shop=shop) for reader in READERS.values()]
    return [notice for notice in said if notice is not None]
