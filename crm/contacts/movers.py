"""What contacts itself hands over when two customers are merged (contacts.merging)."""

import datetime as dt

from crm.contacts import merging, segments
from crm.contacts.models import Consent, ContactKey, Note, Segment, SegmentMember
from crm.contacts.moving import Rows


class Groups(Rows):
    """The kept customer is in the groups of both until the next night; the sizes follow."""

    def __init__(self):
        super().__init__(SegmentMember, once_in="segment")

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        said = super().move(keep_id=keep_id, drop_id=drop_id, now=now)
        self._count(keep_id)
        return said

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        super().back(said, keep_id=keep_id, drop_id=drop_id, now=now)
        self._count(keep_id, drop_id)

    def _count(self, *contact_ids: int) -> None:
        for segment in Segment.objects.filter(kind=Segment.Kind.COMPUTED, members__contact__in=contact_ids).distinct():
            segments.count_again(segment)


def register_all() -> None:
    merging.register("keys", Rows(ContactKey), owns=("contacts.ContactKey.contact",))
    merging.register("consents", Rows(Consent), owns=("contacts.Consent.contact",))
    merging.register("notes", Rows(Note), owns=("contacts.Note.contact",))
    merging.register("groups", Groups(), owns=("contacts.SegmentMember.contact",))
    merging.register("apart", merging.Apart(), owns=("contacts.Pair.one", "contacts.Pair.other"))
