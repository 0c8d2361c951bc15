"""Segments the owner keeps: a filter of the customer list under a name, counted once a day."""

import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.text import slugify

from crm.accounts.models import Shop
from crm.contacts import segments
from crm.contacts.listing import Filter
from crm.contacts.models import Segment
from crm.lib import clock


class EmptyFilter(ValueError):
    """Nothing was filtered: a segment of everybody would be a misunderstanding."""


class SegmentInUse(RuntimeError):
    """A campaign or another segment still needs it; `names` says which."""

    def __init__(self, names: list[str]):
        super().__init__(", ".join(names))
        self.names = names


def save(asked: Filter, *, name: str, now: dt.datetime) -> Segment:
    """Keep a filter under a name, with its size of today."""
    if not asked.params:
        raise EmptyFilter
    stem = slugify(name)[:50] or "segment"
    number = 1
    while True:
        slug = stem if number == 1 else f"{stem}-{number}"
        try:
            with transaction.atomic():
                segment = Segment.objects.create(slug=slug, name=name, kind=Segment.Kind.SAVED, filter=asked.params)
        except IntegrityError:
            number += 1
            continue
        segments.note_size(segment, as_of=clock.local_date(now, Shop.current().timezone))
        return segment


def count_due(*, now: dt.datetime) -> int:
    """Count every saved segment whose size is not of today; return how many."""
    shop = Shop.objects.first()
    if shop is None:
        return 0
    today = clock.local_date(now, shop.timezone)
    due = list(Segment.objects.filter(kind=Segment.Kind.SAVED).exclude(as_of=today).order_by("pk"))
    for segment in due:
        segments.note_size(segment, as_of=today)
    return len(due)


@transaction.atomic
def delete(segment: Segment) -> None:
    """Delete a saved segment, unless a campaign or another saved segment is built on it."""
    others = Segment.objects.filter(kind=Segment.Kind.SAVED, filter__segment=segment.slug).exclude(pk=segment.pk)
    if names := list(others.order_by("name").values_list("name", flat=True)):
        raise SegmentInUse(names)
    try:
        segment.delete()
    except ProtectedError as error:
        raise SegmentInUse(sorted(str(row) for row in error.protected_objects)) from None
