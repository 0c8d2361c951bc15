"""What campaigns forget of people who are erased: nothing more is sent; what was sent is a number in the results.

What automations met them about goes as well, and with it what they were still to get.
"""

import datetime as dt
from collections.abc import Collection, Iterator

from django.db import transaction
from django.utils.translation import ngettext

from crm.campaigns.merging import WAITING
from crm.campaigns.models import Campaign, Message, Occasion, Outgoing
from crm.contacts import forgetting
from crm.contacts.forgetting import Foreseen
from crm.contacts.traces import Traces
from crm.lib import bulk
from crm.lib.templatetags import say

COVERS = (
    "campaigns.Occasion.contact", "campaigns.Occasion.key", "campaigns.Message.contact", "campaigns.Message.error",
    "campaigns.Message.provider_id", "campaigns.Message.address_hash", "campaigns.Outgoing.to",
    "campaigns.Outgoing.subject", "campaigns.Outgoing.text", "campaigns.Outgoing.html", "campaigns.Outgoing.headers",
)  # fmt: skip


@transaction.atomic
def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Stop what waits, and delete what was written; that it was sent, and clicks, stay as numbers."""
    count = Occasion.objects.filter(contact__in=bulk.among(contact_ids)).delete()[0]
    messages = Message.objects.filter(contact__in=bulk.among(contact_ids))
    count += messages.filter(state__in=WAITING).update(
        state=Message.State.SUPPRESSED, claimed_by="", claimed_until=None, tried_at=now
    )
    messages.filter(rotation__points_given_at=None).update(points=0)
    count += Outgoing.objects.filter(message__in=messages.values("pk")).delete()[0]
    messages.update(address_hash=None, provider_id="", error="")
    traces = forgetting.traces_of(contact_ids)
    tests = Outgoing.objects.filter(message=None) if traces else Outgoing.objects.none()
    said = ((pk, " ".join(texts)) for pk, *texts in tests.values_list("pk", "to", "subject", "text", "html").iterator())
    naming = [pk for pk, text in said if traces.are_in(text)]  # written to the owner as to this person, to try it out
    return count + Outgoing.objects.filter(pk__in=bulk.among(naming)).delete()[0]


def naming(traces: Traces, contact_ids: Collection[int]) -> Iterator[str]:
    """Yield the campaigns whose text names these people."""
    for campaign in Campaign.objects.order_by("-pk").iterator():
        if traces.are_in([campaign.name, campaign.subject, campaign.body]):
            yield campaign.get_absolute_url()


def foresee(*, contact_id: int) -> Foreseen:
    """Say how many messages wait, were kept, and were sent."""
    messages, goes, stays = Message.objects.filter(contact=contact_id), [], []
    if waiting := messages.filter(state__in=WAITING).count():
        text = ngettext(
            "%(count)s message that waits, which is not sent",
            "%(count)s messages that wait, which are not sent",
            waiting,
        )
        goes.append(text % {"count": say.number(waiting)})
    if kept := Outgoing.objects.filter(message__contact=contact_id).count():
        text = ngettext("The text of %(count)s message", "The texts of %(count)s messages", kept)
        goes.append(text % {"count": say.number(kept)})
    if sent := messages.filter(sent_at__isnull=False).count():
        text = ngettext(
            "That %(count)s message was sent, as a number: what came of a campaign must stay true.",
            "That %(count)s messages were sent, as a number: what came of a campaign must stay true.",
            sent,
        )
        stays.append(text % {"count": say.number(sent)})
    return Foreseen(goes, stays)
