"""What is kept here about a person, forgotten with them. Texts belong to whoever wrote them."""

import datetime as dt
from collections.abc import Collection, Iterator

from django.db import transaction
from django.urls import reverse
from django.utils.translation import ngettext

from crm.campaigns.models import Outgoing
from crm.contacts import forgetting
from crm.contacts.forgetting import Foreseen
from crm.contacts.identity import FORMER_EMAIL, email_key
from crm.contacts.traces import Traces
from crm.lib import bulk
from crm.lib.templatetags import say
from crm.listening.models import Answer, Conversation, Digest, Line

COVERS = (
    "listening.Conversation.contact", "listening.Conversation.name", "listening.Conversation.email",
    "listening.Conversation.phone", "listening.Conversation.subject", "listening.Line.text",
    "listening.Line.attachments", "listening.Line.to", "listening.Answer.contact", "listening.Answer.comment",
    "listening.Digest.body",
)  # fmt: skip


@transaction.atomic
def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Delete these people's conversations with every mail kept of them; return how many rows that concerned.

    A score stays among the others, without the person, their words, their order and the message that asked.
    """
    these = bulk.among(list(contact_ids))
    ids = list(Conversation.objects.filter(contact__in=these).values_list("pk", flat=True)) + _of_strangers(contact_ids)
    conversations = Conversation.objects.filter(pk__in=bulk.among(ids))
    answers = Answer.objects.filter(contact__in=these)
    gone = list(answers.values_list("pk", flat=True))
    for pk in gone:
        Answer.objects.filter(pk=pk).update(
            key=f"forgotten:{pk}", contact=None, order=None, rotation=None, conversation=None, comment="",
            may_quote=False, changed_at=now,
        )  # fmt: skip
    if gone:
        Digest.objects.all().delete()  # made of their words too; the next sweep makes it anew
    Outgoing.objects.filter(answer__conversation__in=conversations).delete()
    deleted, _by_model = conversations.delete()
    return deleted + len(gone)


def _of_strangers(contact_ids: Collection[int]) -> list[int]:
    """Return the conversations in which one of these people wrote before anybody knew who that is."""
    known = {value for source, value in forgetting.keys_of(contact_ids) if source == FORMER_EMAIL}
    strangers = Conversation.objects.filter(contact=None).exclude(email="").values_list("pk", "email")
    return [pk for pk, email in strangers.iterator() if email_key(email) in known] if known else []


def naming(traces: Traces, contact_ids: Collection[int]) -> Iterator[str]:
    """Yield the conversations with others in which these people are named."""
    others = Line.objects.exclude(conversation__contact__in=bulk.among(contact_ids))
    lines = others.order_by("-pk").values_list("conversation_id", "conversation__subject", "text")
    for conversation_id, *said in lines.iterator(chunk_size=2_000):
        if traces.are_in(said):
            yield reverse("listening:thread", args=[conversation_id])


def foresee(*, contact_id: int) -> Foreseen:
    """Say how many conversations go, and that scores stay as numbers."""
    goes, stays = [], []
    if count := Conversation.objects.filter(contact=contact_id).count():
        text = ngettext("%(count)s conversation with you", "%(count)s conversations with you", count)
        goes.append(text % {"count": say.number(count)})
    if count := Answer.objects.filter(contact=contact_id).count():
        text = ngettext(
            "%(count)s score they gave, as a number without their words.",
            "%(count)s scores they gave, as numbers without their words.",
            count,
        )
        stays.append(text % {"count": say.number(count)})
    return Foreseen(goes, stays)
