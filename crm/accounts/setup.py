"""Make the owner and the shop on a box that has none."""

import logging
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from crm.accounts.models import Shop, User

log = logging.getLogger(__name__)


class AlreadySetUp(RuntimeError):
    """Somebody set the box up a moment earlier."""


class BadZone(ValueError):
    """No time zone has this name."""


@transaction.atomic
def set_up(*, owner_name: str, email: str, password: str, **shop_fields) -> User:
    """Make the first owner and the shop; raise AlreadySetUp where there is an owner.

    A shop made earlier by a command is completed, not made twice.
    """
    if User.objects.exists():
        raise AlreadySetUp
    Shop.objects.update_or_create(id=1, defaults=shop_fields)
    return User.objects.create_user(email=email, name=owner_name, password=password)


def ensure_shop(*, currency: str, timezone: str) -> Shop:
    """Return the shop, made now with these where a command comes before the set-up page."""
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadZone(f"No time zone is called {timezone!r}; say for example Europe/Berlin") from None
    shop, made = Shop.objects.get_or_create(
        id=1, defaults={"name": "My shop", "currency": currency, "timezone": timezone}
    )
    if made:
        log.warning("Made a shop counting in %s, in zone %s; the set-up page can change it.", currency, timezone)
    return shop
