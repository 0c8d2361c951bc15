"""What contacts itself forgets of people who are erased (contacts.forgetting)."""

import datetime as dt
from collections.abc import Collection

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.contacts import forgetting, merging, segments
from crm.contacts.forgetting import Foreseen
from crm.contacts.models import Consent, Contact, ContactKey, DataRequest, Merge, Note, Pair, Segment, SegmentMember
from crm.lib import bulk
from crm.lib.templatetags import say

COVERS = (
    "contacts.ContactKey.contact", "contacts.Consent.contact", "contacts.Note.contact",
    "contacts.SegmentMember.contact", "contacts.Pair.one", "contacts.Pair.other", "contacts.Contact.extra",
    "contacts.Contact.tags", "contacts.Consent.detail", "contacts.Note.text", "contacts.Merge.details",
    "contacts.Segment.name", "contacts.Segment.description", "contacts.Segment.filter",
)  # fmt: skip
_NAMING = ("name", "description", "filter")


@transaction.atomic
def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Delete what is known of people beside their row, and what merges kept of them."""
    ids = bulk.among(contact_ids)
    everything = {*contact_ids, *(former for one in contact_ids for former in merging.former_ids(one))}
    merges = Merge.objects.filter(Q(kept_id__in=bulk.among(everything)) | Q(dropped_id__in=bulk.among(everything)))
    count = merges.exclude(details={}).update(details={})
    left = list(Segment.objects.filter(kind=Segment.Kind.COMPUTED, members__contact__in=ids).distinct())
    for kind in (ContactKey, Consent, Note, SegmentMember):
        count += kind.objects.filter(contact__in=ids).delete()[0]
    count += Pair.objects.filter(Q(one__in=ids) | Q(other__in=ids)).delete()[0]
    requests = DataRequest.objects.filter(contact_id__in=bulk.among(everything), answered_at=None)
    count += requests.update(answered_at=now)
    for segment in left:
        segments.count_again(segment)
    return count + _forget_filters(contact_ids)


def _forget_filters(contact_ids: Collection[int]) -> int:
    """Let saved filters that look for somebody by name look for nobody."""
    traces, word, count = forgetting.traces_of(contact_ids), forgetting.label(contact_ids), 0
    for segment in Segment.objects.filter(kind=Segment.Kind.SAVED) if traces else ():
        said = {name: getattr(segment, name) for name in _NAMING}
        if traces.are_in(said):
            Segment.objects.filter(pk=segment.pk).update(**traces.redacted(said, word))
            count += 1
    return count


def foresee(*, contact_id: int) -> Foreseen:
    """Say what is known of somebody here."""
    contact = Contact.objects.get(pk=contact_id)
    goes = [
        _("Name, addresses, birthday and all other facts, and the numbers shops and programs use for this customer")
    ]
    if notes := Note.objects.filter(contact=contact).count():
        goes.append(ngettext("%(count)s note", "%(count)s notes", notes) % {"count": say.number(notes)})
    if contact.tags:
        text = ngettext("%(count)s tag", "%(count)s tags", len(contact.tags))
        goes.append(text % {"count": say.number(len(contact.tags))})
    groups = SegmentMember.objects.filter(contact=contact).count()
    if groups:
        goes.append(ngettext("The place in %(count)s group", "The places in %(count)s groups", groups) % {
            "count": say.number(groups)
        })  # fmt: skip
    if merges := Merge.objects.filter(kept_id=contact.pk, undone_at=None).exclude(details={}).count():
        text = ngettext(
            "What a merge kept of another entry of this customer; it cannot be undone any more",
            "What %(count)s merges kept of other entries of this customer; they cannot be undone any more",
            merges,
        )
        goes.append(text % {"count": say.number(merges)})
    stays = [_("A mark that no address can be read from: by it an old file is recognised and brings nobody back.")]
    return Foreseen(goes, stays)


def register_all() -> None:
    forgetting.register("contacts", forget, foresee=foresee, covers=COVERS)
