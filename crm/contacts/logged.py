"""What the privacy records tell of who did what (accounts.logbook); they are kept here and written once."""

import datetime as dt

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.accounts.logbook import Group, Line
from crm.contacts.models import PrivacyRecord


def privacy_acts(*, before: dt.datetime, limit: int, user_id: int | None, group: str) -> list[Line]:
    """Tell what people of the shop did with whose data; what customers asked for themselves is not theirs."""
    if group not in ("", Group.PRIVACY):
        return []
    rows = PrivacyRecord.objects.filter(at__lt=before, by_user__isnull=False)
    if user_id:
        rows = rows.filter(by_user=user_id)
    href = reverse("contacts:privacy")
    return [
        Line(row.at, row.by_user, row.get_act_display(), Group.PRIVACY, _of_whom(row), href)
        for row in rows.order_by("-at", "-pk")[:limit]
    ]


def _of_whom(row: PrivacyRecord) -> str:
    return _("Customer %(number)s") % {"number": row.contact_id} if row.contact_id else ""
