"""Where an erased person is named in words about others: notes, the inbox, texts of campaigns.

Nothing there is changed by itself, because it belongs to somebody else. The owner sees the places before an erasure,
and after it as addresses without a name (Erasure.mentions), until they say that they have looked.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from crm.contacts.models import Note
from crm.contacts.traces import Traces
from crm.lib import bulk

MOST = 20  # of each kind


class Where(TextChoices):
    NOTE = "note", _("Note on another customer")
    CONVERSATION = "conversation", _("Conversation with somebody else")
    CAMPAIGN = "campaign", _("Text of a campaign")


class Place(NamedTuple):
    where: str
    href: str

    @property
    def label(self) -> str:
        return str(Where(self.where).label)


Finder = Callable[[Traces, Collection[int]], Iterable[str]]
FINDERS: dict[str, Finder] = {}


def register(where: str, find: Finder) -> None:
    """Add a kind of place: `find(traces, contact_ids)` yields addresses of what names people and is not theirs."""
    FINDERS[where] = find


def places(traces: Traces, contact_ids: Collection[int]) -> list[Place]:
    """Return where these people are named, each place once."""
    if not traces:
        return []
    return [
        Place(where, href)
        for where, find in FINDERS.items()
        for href in islice(dict.fromkeys(find(traces, contact_ids)), MOST)
    ]


def notes(traces: Traces, contact_ids: Collection[int]) -> Iterator[str]:
    """Yield the customers on whose pages a note names these people."""
    others = Note.objects.exclude(contact__in=bulk.among(contact_ids)).select_related("contact").order_by("-at", "-pk")
    for note in others.iterator(chunk_size=2_000):
        if traces.are_in(note.text):
            yield note.contact.get_absolute_url()
