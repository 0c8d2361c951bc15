"""What points tell of a person's story. Points earned by an order are left to the order's own moment."""

import datetime as dt

from crm.contacts.timeline import Moment
from crm.rewards import explaining
from crm.rewards.models import Entry


def points(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell when points were given or taken for another reason than a purchase."""
    rows = Entry.objects.filter(account__contact_id=contact_id, at__lt=before).exclude(kind=Entry.Kind.ORDER, reason="")
    return [
        Moment(at=row.entry.at, icon=row.icon, text=row.sentence)
        for row in explaining.explain(rows.order_by("-at", "-pk")[:limit])
    ]
