"""Insights: who may leave, as told by the owner's own field of who left. Read from the night's list, without NumPy."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.contacts.models import Contact
from crm.lib.templatetags import say
from loyalty.models import Found, Run
from loyalty.stages.table_churn import LEAVERS

MOST_SHOWN = 25
OURS = {"country": gettext_lazy("Country"), "orders": gettext_lazy("Orders"), "spent": gettext_lazy("Spent")}


@dataclass(frozen=True)
class Leaver:
    contact: Contact
    chance: float
    reasons: list[str]

    @property
    def tone(self) -> str:
        return "bad" if self.chance >= 0.5 else "warn" if self.chance >= 0.2 else "good"


def panel(run: Run, *, currency: str) -> dict | None:
    """Return what the page of risks shows of the likeliest to leave, or None where no field says who left."""
    data = Found.objects.filter(run=run, kind=LEAVERS).values_list("data", flat=True).first()
    if not data:
        return None
    rows = data["rows"][:MOST_SHOWN]
    people = Contact.objects.filter(erased_at=None).in_bulk([row["contact"] for row in rows])
    return {
        **data,
        "shown": [
            Leaver(people[row["contact"]], row["chance"], _reasons(people[row["contact"]], row["reasons"], currency))
            for row in rows if row["contact"] in people
        ],
    }  # fmt: skip


def _reasons(contact: Contact, names: list[str], currency: str) -> list[str]:
    """Say what each field tells of this person today."""
    ours = {
        "country": contact.country, "orders": say.number(contact.order_count),
        "spent": say.money(contact.spent_minor, currency),
    }  # fmt: skip
    told = []
    for name in names:
        value = contact.extra[name] if name in contact.extra else ours.get(name)
        value = _("not filled in") if value in (None, "") else value
        told.append(_("%(field)s: %(value)s") % {"field": name if name in contact.extra else OURS.get(name, name),
                                                "value": value})  # fmt: skip
    return told
