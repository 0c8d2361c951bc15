"""What imports kept of a person, to be handed over."""

from django.utils.translation import gettext_lazy as _

from crm.contacts import merging
from crm.contacts.models import Contact
from crm.imports.models import Change, Import

LABELS = {
    "imports": _("Files that told of you"), "came_with": _("Came with"), "earlier_values": _("What stood there before"),
    "file": _("File"), "before": _("Before"),
}  # fmt: skip


def hand_over(*, contact_id: int) -> dict:
    """Return the file a person came with, and what stood there before later files changed it."""
    made_by = Contact.objects.values_list("created_by_import", flat=True).get(pk=contact_id)
    made = Import.objects.filter(pk=made_by).first()
    everything = [contact_id, *merging.former_ids(contact_id)]
    theirs = Change.objects.filter(table="contact", row_id__in=everything)
    changes = theirs.select_related("importing").order_by("pk")
    return {
        "came_with": {"file": made.file_name, "at": made.created_at} if made else None,
        "earlier_values": [
            {"file": one.importing.file_name, "at": one.importing.created_at, "before": one.before} for one in changes
        ],
    }
