"""Messages go to the kept customer when two are merged; nobody is written to twice, and links that were sent keep
working.

A message remembers in `written_to` for whom it was made, which lets a mailing hold two rows of one person. Of those
only one may still leave: where one has left, or the kept customer is left out to measure, the other is withheld; points
that were not given yet are given with one of them.
"""

import datetime as dt
from collections import defaultdict

from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop, ngettext

from crm.campaigns import attribution, starting
from crm.campaigns.capping import LONGEST_WAY
from crm.campaigns.models import Campaign, Message, Occasion
from crm.contacts.moving import Mover, Rows
from crm.lib import bulk
from crm.lib.templatetags import say
from crm.orders.models import Order
from crm.rewards.models import Entry

State = Message.State
WAITING = (State.QUEUED, State.CLAIMED, State.RETRY)
LEFT = (State.SENDING, State.SENT, State.UNCERTAIN)
ONCE = gettext_noop("Merged with a customer who gets this message.")


class Messages(Mover):
    """The mover of this floor."""

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        theirs = Message.objects.filter(contact=drop_id)
        moved = list(theirs.order_by("pk").values_list("pk", flat=True))
        stopped, held_back = _one_for_each(keep_id, drop_id, now=now)
        theirs.update(contact=keep_id, written_to=Coalesce("written_to", Value(drop_id)))
        _attribute(keep_id, now=now)
        return {"moved": moved, "stopped": stopped, "points": held_back}

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        for pk, state in said["stopped"]:
            again = Message.objects.filter(pk=pk, state=State.WITHHELD, rotation__finished_at=None)
            again = again.exclude(rotation__campaign__state=Campaign.State.STOPPED)
            again.update(state=State.QUEUED if state == State.CLAIMED else state, error="")
        for pk, points in said["points"]:
            Message.objects.filter(pk=pk, rotation__points_given_at=None).update(points=points)
        rows = Message.objects.filter(pk__in=bulk.among(said["moved"]), contact=keep_id)
        rows.filter(written_to=drop_id).update(contact=drop_id, written_to=None)
        rows.update(contact=drop_id)
        _attribute(keep_id, drop_id, now=now)


def tells(*, keep_id: int, drop_id: int):
    """Say how many messages that wait are not sent because the other customer gets them too."""
    stopped = Message.objects.filter(contact__in=[keep_id, drop_id], state=State.WITHHELD, error=ONCE)
    before = list(stopped.values_list("pk", flat=True))

    def told(*, now: dt.datetime) -> list[str]:
        count = stopped.exclude(pk__in=before).count()
        if not count:
            return []
        text = ngettext(
            "%(count)s message that waits is not sent: they get it once.",
            "%(count)s messages that wait are not sent: they get each once.",
            count,
        )
        return [text % {"count": say.number(count)}]

    return told


class Occasions(Rows):
    """The mover of what automations met two customers about: of one occasion counts how far either of them was."""

    def __init__(self):
        super().__init__(Occasion, once_in="key")

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        theirs = {one.key: one for one in Occasion.objects.filter(contact=drop_id)}
        further = []
        for mine in Occasion.objects.filter(contact=keep_id, key__in=theirs, ended="").order_by("pk"):
            other = theirs[mine.key]
            if other.step > mine.step:
                further.append([mine.pk, mine.step, mine.due_date.isoformat(), other.step])
                Occasion.objects.filter(pk=mine.pk).update(
                    step=other.step, due_date=other.due_date, ended=other.ended
                )
        return super().move(keep_id=keep_id, drop_id=drop_id, now=now) | {"further": further}

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        for pk, step, due, reached in said.get("further", []):  # merges of before had none
            Occasion.objects.filter(pk=pk, step=reached).update(step=step, due_date=due, ended="")
        super().back(said, keep_id=keep_id, drop_id=drop_id, now=now)


def _one_for_each(keep_id: int, drop_id: int, *, now: dt.datetime) -> tuple[list, list]:
    """Withhold what would be a second message, and points that would be given twice; return what there was.

    A mailing is the same for both; so is each step of the last days of an automation that met both about one occasion.
    """
    shared = Message.objects.filter(contact=drop_id, rotation__messages__contact=keep_id).values("rotation")
    met_both = set(
        Occasion.objects.filter(contact=drop_id, key__in=Occasion.objects.filter(contact=keep_id).values("key"))
        .values_list("automation", flat=True)
    )  # fmt: skip
    mailings = defaultdict(list)
    rows = Message.objects.filter(
        Q(rotation__in=list(shared.values_list("rotation", flat=True).distinct()))
        | Q(rotation__campaign__automation__in=met_both, rotation__started_at__gt=now - LONGEST_WAY),
        contact__in=[keep_id, drop_id],
    )
    for message in rows.select_related("rotation__campaign").select_for_update(of=("self",)).order_by("pk"):
        campaign = message.rotation.campaign
        is_step = campaign.automation_id in met_both
        mailings["step" if is_step else "day", campaign.pk if is_step else message.rotation_id].append(message)
    stopped, held_back = [], []
    for messages in mailings.values():
        if len({one.contact_id for one in messages}) < 2:
            continue
        waiting = sorted((one for one in messages if one.state in WAITING), key=lambda one: one.contact_id == drop_id)
        is_left_out = any(one.state == State.HELD_OUT and one.contact_id == keep_id for one in messages)
        if not is_left_out and not any(one.state in LEFT for one in messages):
            waiting = waiting[1:]
        stopped += [(one.pk, one.state) for one in waiting]
        held_back += _double_points(messages, drop_id)
    ids = [pk for pk, _state in stopped]
    Message.objects.filter(pk__in=ids).update(state=State.WITHHELD, error=ONCE, claimed_by="", claimed_until=None)
    Message.objects.filter(pk__in=[pk for pk, _points in held_back]).update(points=0)
    return stopped, held_back


def _double_points(messages: list[Message], drop_id: int) -> list[tuple[int, int]]:
    """Return the dropped customer's messages with points that were not given yet, where the other one gets them."""
    if not any(one.points for one in messages if one.contact_id != drop_id):
        return []
    mine = [one for one in messages if one.contact_id == drop_id and one.points]
    sources = {starting.source_of(one.rotation_id, one.written_to or one.contact_id): one for one in mine}
    given = set(Entry.objects.filter(source__in=list(sources)).values_list("source", flat=True))
    return [(one.pk, one.points) for source, one in sources.items() if source not in given]


def _attribute(*contact_ids: int, now: dt.datetime) -> None:
    """Say again which message each order of these customers followed."""
    orders = Order.objects.filter(contact__in=contact_ids)
    attribution.attribute(list(orders.values_list("pk", flat=True)), now=now)
