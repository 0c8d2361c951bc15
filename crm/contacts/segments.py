"""The segment tray: who is in a named group, and how many there were over time."""

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count, QuerySet, Sum

from crm.contacts import listing
from crm.contacts.models import Contact, Segment, SegmentMember, SegmentSize
from crm.lib import bulk


@transaction.atomic
def replace_members(
    slug: str, contact_ids: Iterable[int], *, as_of: dt.date, rank: int = 100, name: str = "", description: str = ""
) -> Segment:
    """Make these people the members of a computed segment, which is made if need be, and note its size that day."""
    segment, _made = Segment.objects.get_or_create(slug=slug, defaults={"name": name or slug, "rank": rank})
    present = set(segment.members.values_list("contact_id", flat=True))
    wanted = set(contact_ids)
    wanted = present & wanted | set(
        Contact.objects.profiled().filter(id__in=bulk.among(wanted - present)).values_list("id", flat=True)
    )
    if gone := present - wanted:
        segment.members.filter(contact_id__in=bulk.among(gone)).delete()
    bulk.insert(
        SegmentMember,
        ("segment_id", "contact_id"),
        [(segment.id, member) for member in sorted(wanted - present)],
        ignore_conflicts=True,
    )
    segment.kind, segment.rank = Segment.Kind.COMPUTED, rank
    segment.name, segment.description = name or segment.name, description or segment.description
    segment.save()
    note_size(segment, as_of)
    return segment


@transaction.atomic
def let_in_and_out(slug: str, *, come: Iterable[int] = (), leave: Iterable[int] = ()) -> int | None:
    """Move people between two nights; return how many members there are now, None where nobody moved.

    The size kept under the night's date stays as the night found it.
    """
    segment = Segment.objects.filter(slug=slug, kind=Segment.Kind.COMPUTED).first()
    if segment is None:
        return None
    gone, _by_model = segment.members.filter(contact_id__in=bulk.among(list(leave))).delete()
    known = set(segment.members.filter(contact_id__in=bulk.among(list(come))).values_list("contact_id", flat=True))
    new = [(segment.id, member) for member in sorted(set(come) - known)]
    bulk.insert(SegmentMember, ("segment_id", "contact_id"), new, ignore_conflicts=True)
    if not gone and not new:
        return None
    return count_again(segment)


def count_again(segment: Segment) -> int:
    """Write how many members a computed segment has now and what they spent; return how many."""
    totals = people(segment).aggregate(members=Count("id"), spent=Sum("spent_minor"))
    Segment.objects.filter(pk=segment.pk).update(member_count=totals["members"], spent_minor=totals["spent"] or 0)
    return totals["members"]


def people(segment: Segment) -> QuerySet:
    """Return who is in the segment now."""
    if segment.kind == Segment.Kind.SAVED:
        return listing.filtered(segment.filter)
    return Contact.objects.alive().filter(memberships__segment=segment)


def note_size(segment: Segment, as_of: dt.date) -> None:
    """Count who is in the segment now, and keep the figure under its date."""
    totals = people(segment).aggregate(members=Count("id"), spent=Sum("spent_minor"))
    segment.member_count, segment.spent_minor, segment.as_of = totals["members"], totals["spent"] or 0, as_of
    segment.save(update_fields=["member_count", "spent_minor", "as_of"])
    SegmentSize.objects.update_or_create(
        segment=segment,
        date=as_of,
        defaults={"member_count": segment.member_count, "spent_minor": segment.spent_minor},
    )
