"""The link to an erased customer's page opens nothing (portal.links); how often it was replaced goes too."""

import datetime as dt
from collections.abc import Collection

from crm.lib import bulk
from crm.portal.models import Card

COVERS = ("portal.Card.contact",)


def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Delete how often a link was replaced."""
    return Card.objects.filter(contact__in=bulk.among(contact_ids)).delete()[0]
