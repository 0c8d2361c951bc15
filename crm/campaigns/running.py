"""The daily run of an automation: find what has happened, write to people about it, once for each occasion.

Each step is a campaign that is due daily. Its run is one transaction: the campaign is claimed, the mailing, its
messages and the occasions they are about are written together, so that a run happens whole or not at all. Whatever
restarts, an occasion is a row under a unique key, found again and left alone. Sending, points and results are those of
any campaign.

The box was off: the days it missed are looked at today, as far back as a message still makes sense
(Trigger.grace_days); older occasions are never written about. Nor is what happened before it was switched on.
"""

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.campaigns import audience, capping, deciding, scheduling, starting, variants
from crm.campaigns.deciding import HOLD_OUT, PASS, WAIT, WRITE, Known, Open
from crm.campaigns.models import Automation, Campaign, Occasion, Rotation, Rules
from crm.campaigns.triggers import TRIGGERS
from crm.campaigns.triggers.base import Past, sales_of
from crm.contacts.models import Contact
from crm.lib import bulk, clock

Ended = Occasion.Ended


def start_due(*, now: dt.datetime) -> int:
    """Run every step whose time has come; return how many mailings began."""
    shop = Shop.objects.first()
    due = Campaign.objects.filter(
        state=Campaign.State.SCHEDULED, next_at__lte=now, automation__on_since__isnull=False
    ).select_related("automation")
    return sum(starting.apart(_run, step, now=now, shop=shop) for step in due.order_by("automation", "step"))


def texts(steps: Iterable[Campaign]) -> list[str]:
    """Return all that the messages of an automation say."""
    return [text for step in steps for text in variants.texts(step)]


def _run(step: Campaign, *, now: dt.datetime, shop: Shop) -> int:
    today = clock.local_date(now, shop.timezone)
    following = scheduling.next_occurrence(step, after=now, zone=shop.timezone)
    with transaction.atomic():
        rules = Rules.locked()  # the limit of messages holds across automations: one at a time
        automation = Automation.objects.select_for_update().filter(pk=step.automation_id).first()
        if automation is None or automation.on_since is None:  # switched off at this moment
            return 0
        step.automation = automation
        claimed = Campaign.objects.filter(pk=step.pk, state=Campaign.State.SCHEDULED, next_at=step.next_at).update(
            next_date=following[0], next_at=following[1], problem="", watched_since=now
        )
        is_early = following[0] == today  # it was held up till now: today's turn is yet to come, and looks back too
        if not claimed or is_early or step.rotations.filter(local_date=today).exists():
            return 0
        Automation.objects.filter(pk=step.automation_id).update(ran_at=now)
        decided = _decide(step, rules=rules, now=now, today=today, shop=shop)
        chosen = [one for one, fate in decided if fate in (WRITE, HOLD_OUT)]
        written, left_out = _write(step, chosen, now=now, today=today, shop=shop)
        _note(step, decided, written=written, today=today)
        if left_out:
            _used_up(step, shop=shop)
    return int(bool(written))


def _decide(step: Campaign, *, rules: Rules, now: dt.datetime, today: dt.date, shop: Shop) -> list[tuple[Open, str]]:
    automation = step.automation
    grace = TRIGGERS[automation.trigger].grace_days
    if step.step == 1:
        opened = _found(automation, now=now, today=today, zone=shop.timezone)
    else:
        opened = _left(step, today=today)
    if not opened:
        return []
    people = {one.contact_id for one in opened}
    may_write = audience.writable(
        people, texts=texts(automation.live_steps()), shop=shop, trigger=TRIGGERS[automation.trigger]
    )
    known = Known(
        may_write=may_write,
        held_back=audience.held_back(people - may_write, shop=shop),
        orders=orders_after(opened) if automation.ends_on_order else {},
        is_held_out=lambda contact_id: starting.is_held_out(step, contact_id),
        written=capping.written(people, since=capping.week_before(today, shop.timezone), now=now, zone=shop.timezone),
    )
    return deciding.decide(opened, known=known, moment=now, today=today, grace_days=grace, most=rules.most_messages)


def orders_after(opened: Iterable[Open]) -> dict[int, list[dt.datetime]]:
    """Return when the people of these occasions ordered since the first of them happened."""
    opened = list(opened)
    if not opened:
        return {}
    return sales_of({one.contact_id for one in opened}, since=min(one.happened_at for one in opened))


def _found(automation: Automation, *, now: dt.datetime, today: dt.date, zone: str) -> list[Open]:
    """Return the occasions of today that nobody has met yet, and of the days before that may still be written about."""
    trigger = TRIGGERS[automation.trigger]
    past = Past(today - dt.timedelta(days=trigger.grace_days), today, automation.send_time, zone, now=now)
    found = {
        (one.contact_id, f"{automation.pk}:{one.key}"): one
        for one in trigger.find(trigger.read(automation.params), past)
        if automation.on_since <= one.happened_at <= now
    }
    people = {contact_id for contact_id, _key in found}
    rows = Occasion.objects.filter(automation=automation, contact__in=bulk.among(people)).order_by()
    met = {(row[1], row[2]): row for row in rows.values_list("pk", "contact_id", "key", "step", "ended")}
    opened = []
    for (contact_id, key), one in found.items():
        pk, _contact_id, _key, step, ended = met.get((contact_id, key), (None, 0, "", 1, ""))
        if step == 1 and not ended:
            opened.append(Open(contact_id, key, one.happened_at, one.due, pk=pk))
    waited = Occasion.objects.filter(automation=automation, ended="", step=1, due_date__lt=past.first)
    waited.update(ended=Ended.LATE)
    return opened


def _left(step: Campaign, *, today: dt.date) -> list[Open]:
    """Return the occasions whose next message is this step's, and due."""
    rows = Occasion.objects.filter(automation=step.automation_id, ended="", due_date__lte=today, step=step.step)
    return [
        Open(contact_id, key, happened_at, due, step=step.step, pk=pk)
        for pk, contact_id, key, happened_at, due in bulk.rows(
            rows.order_by().values_list("pk", "contact_id", "key", "happened_at", "due_date")
        )
    ]


def _write(
    step: Campaign, chosen: list[Open], *, now: dt.datetime, today: dt.date, shop: Shop
) -> tuple[set[int], int]:
    """Write the mailing, if anybody is chosen; return who is in it, and for how many the budget was too small."""
    if not chosen:
        return set(), 0
    budget = variants.most_points(step)
    rotation = Rotation.objects.create(
        campaign=step, local_date=today, started_at=now, points_given_at=None if budget else now,
        shares=variants.shares(step),
    )
    people = list(
        Contact.objects.filter(pk__in=bulk.among({one.contact_id for one in chosen}), email_key__isnull=False)
        .order_by("pk")
        .values_list("pk", "email_key")
    )
    rows = starting.Rows(step, rotation, now=now)
    written = rows.write(people, allowed={pk for pk, _key in people})
    Campaign.objects.filter(pk=step.pk).update(state=Campaign.State.RUNNING)
    starting.write_links(step, shop=shop)
    return written, rows.left_out


def _used_up(step: Campaign, *, shop: Shop) -> None:
    """End an automation whose budget of points is used up; what is written already leaves."""
    with translation.override(shop.language):
        problem = _("The budget of points is used up, so it switched itself off.")
    Automation.objects.filter(pk=step.automation_id).update(on_since=None, problem=problem)
    Occasion.objects.filter(automation=step.automation_id, ended="").update(ended=Ended.OFF)
    steps = Campaign.objects.filter(automation=step.automation_id)
    steps.filter(state=Campaign.State.SCHEDULED).update(state=Campaign.State.FINISHED)
    steps.update(next_at=None, next_date=None)


def _note(step: Campaign, decided: list[tuple[Open, str]], *, written: set[int], today: dt.date) -> None:
    """Write down what became of each occasion, so that it is met once."""
    following = step.automation.live_steps().filter(step=step.step + 1).values_list("wait_days", flat=True).first()
    fresh, moved = [], []
    for one, fate in decided:
        number, due, ended = one.step, one.due, ""
        if fate in (WRITE, HOLD_OUT):
            if one.contact_id not in written:
                continue  # the budget was used up
            number += 1
            due, ended = (today + dt.timedelta(days=following), "") if following is not None else (due, Ended.DONE)
        elif fate == PASS:
            continue
        elif fate != WAIT:
            ended = fate
        if one.pk is None:
            fresh.append((step.automation_id, one.contact_id, one.key, one.happened_at, due, number, str(ended)))
        else:
            moved.append((due, number, str(ended), one.pk))
    columns = ("automation_id", "contact_id", "key", "happened_at", "due_date", "step", "ended")
    bulk.insert(Occasion, columns, fresh)
    bulk.update(Occasion, ("due_date", "step", "ended"), moved)
