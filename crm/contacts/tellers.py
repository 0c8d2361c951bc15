"""What contacts itself keeps of a person, to be handed over (contacts.handing_over)."""

import datetime as dt

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from crm.contacts.models import Consent, Contact, Merge, Pair, PrivacyRecord

COVERS = (
    "contacts.ContactKey.contact", "contacts.Consent.contact", "contacts.Note.contact",
    "contacts.SegmentMember.contact", "contacts.Pair.one", "contacts.Pair.other",
)  # fmt: skip
FACTS = (
    "name", "greeting", "email", "phone", "company", "street", "postcode", "city", "region", "country", "birthday",
    "language", "tags", "extra", "consent", "never_discount", "no_profiling", "typed_fields", "joined_at", "created_at",
    "updated_at", "order_count", "first_order_at", "last_order_at", "points_balance", "group", "stage", "churn_risk",
    "scored_on",
)  # fmt: skip
LABELS = {
    "customer": _("Who you are to the shop"), "facts": _("Facts"),
    "known_by": _("Numbers and addresses you are known by"), "permissions": _("Permission to write to you"),
    "notes": _("Notes about you"), "groups": _("Groups you are in"),
    "merges": _("Entries of yours that were put together"), "alike": _("Other entries that may be yours"),
    "privacy": _("What was done about your data"), "value": _("Value"), "how": _("How we know"),
    "wording": _("Wording"),
    "author": _("Written by"), "email": _("E-mail"), "phone": _("Phone"), "greeting": _("How to greet"),
    "company": _("Company"), "street": _("Street"), "postcode": _("Postcode"), "city": _("City"), "region": _("Region"),
    "country": _("Country"), "birthday": _("Birthday"), "language": _("Language"), "tags": _("Tags"),
    "extra": _("From imported files"), "consent": _("Permission to write"),
    "never_discount": _("Never give money off"), "no_profiling": _("Left out of predictions"),
    "typed_fields": _("Typed by hand"), "joined_at": _("Customer since"),
    "created_at": _("Entered"), "updated_at": _("Changed"), "order_count": _("Orders"),
    "first_order_at": _("First order"), "last_order_at": _("Last order"),
    "points_balance": _("Points you can spend"), "group": _("Group"), "stage": _("Stage"),
    "churn_risk": _("Risk of leaving"), "scored_on": _("Scores as of"),
    "former_number": _("Former number"), "undone_at": _("Undone"), "evidence": _("Why"), "act": _("What"),
}  # fmt: skip


def hand_over(*, contact_id: int) -> dict:
    """Return who somebody is, how we know, and what was noted."""
    contact = Contact.objects.get(pk=contact_id)
    consents = Consent.objects.filter(contact=contact).order_by("at", "pk")
    memberships = contact.memberships.select_related("segment").order_by("segment__rank", "segment_id")
    merges = Merge.objects.filter(kept_id=contact_id).order_by("at", "pk")
    alike = Pair.objects.filter(Q(one=contact) | Q(other=contact)).order_by("pk")
    records = PrivacyRecord.objects.filter(contact_id=contact_id).order_by("at", "pk")
    return {
        "facts": {name: getattr(contact, name) for name in FACTS},
        "known_by": list(contact.keys.order_by("source", "value").values("source", "value")),
        "permissions": [
            {"at": one.at, "state": one.state, "how": one.get_source_display(), "wording": one.detail}
            for one in consents
        ],
        "notes": list(contact.notes.order_by("at", "pk").values("at", "text", "author")),
        "groups": [member.segment.label for member in memberships],
        "merges": [
            {"at": one.at, "former_number": one.dropped_id, "undone_at": one.undone_at} for one in merges
        ],
        "alike": [{"evidence": pair.evidence, "number": pair.one_id + pair.other_id - contact_id} for pair in alike],
        "privacy": [{"at": one.at, "act": one.get_act_display()} for one in records],
    }


def said_yes_since(moment: dt.datetime) -> Exists:
    """Return the condition that somebody said since then that they want messages."""
    return Exists(Consent.objects.filter(contact=OuterRef("pk"), state=Contact.ConsentState.YES, at__gte=moment))
