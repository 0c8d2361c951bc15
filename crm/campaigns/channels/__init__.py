"""How a message leaves the box. A new channel is one file here and one line below (docs/howto/add-a-channel.md)."""

from django.conf import settings

from crm.accounts.models import Shop
from crm.campaigns.channels.base import Channel
from crm.campaigns.channels.email import Email
from crm.campaigns.channels.outbox import Outbox

CHANNELS: dict[str, type[Channel]] = {
    "email": Email,
    "outbox": Outbox,
}


def current_slug() -> str:
    """Return the channel messages leave by: e-mail where EMAIL_URL is set, else the outbox.

    A demo shop's customers are invented, so their messages never leave the box.
    """
    return "email" if settings.EMAIL_URL and not Shop.objects.filter(is_demo=True).exists() else "outbox"


def kind() -> type[Channel]:
    return CHANNELS[current_slug()]


def current() -> Channel:
    return kind()()
