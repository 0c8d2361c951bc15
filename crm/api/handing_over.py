"""A person's visits to the website, to be handed over."""

import datetime as dt

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from crm.api.models import Visit

LABELS = {
    "visits": _("Visits to the website"), "all_visits": _("All visits"), "page": _("Page"), "product": _("Product"),
}  # fmt: skip


def hand_over(*, contact_id: int) -> dict:
    """Return every visit that is kept."""
    visits = Visit.objects.filter(contact=contact_id).select_related("product").order_by("at", "pk")
    return {"all_visits": [
        {"at": one.at, "kind": one.kind, "page": one.path, "product": one.product.name if one.product else ""}
        for one in visits
    ]}  # fmt: skip


def visited_since(moment: dt.datetime) -> Exists:
    """Return the condition that somebody visited the website since then."""
    return Exists(Visit.objects.filter(contact=OuterRef("pk"), at__gte=moment))
