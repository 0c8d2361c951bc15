"""Make, change, switch on and switch off an automation. Only the owner switches one on."""

import datetime as dt
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.accounts.wording import counted
from crm.campaigns import checklist, scheduling, sending, standing_orders
from crm.campaigns.models import Automation, Campaign, Message, Occasion, Rotation, Rules
from crm.campaigns.recipes import gift
from crm.campaigns.scheduling import NotPossible
from crm.lib import clock

MOST_STEPS = 3

State = Campaign.State


def draft(slug: str, *, shop: Shop) -> tuple[Automation, list[Campaign]]:
    """Return an automation as its recipe says, with its steps; nothing is saved."""
    recipe = standing_orders.RECIPES[slug]
    with translation.override(shop.language):
        automation = Automation(
            name=counted(recipe.name, shop.kind), recipe=slug, trigger=recipe.trigger, params=dict(recipe.params),
            step_count=len(recipe.letters), ends_on_order=recipe.ends_on_order,
        )  # fmt: skip
        steps = [
            Campaign(
                automation=automation, name=_step_name(automation.name, number), repeat=Campaign.Repeat.DAILY,
                step=number, wait_days=letter.wait_days, subject=counted(letter.subject, shop.kind),
                body=counted(letter.body, shop.kind), points=gift(letter.points, shop.kind), holdout_percent=10,
                window_days=recipe.window_days,
            )
            for number, letter in enumerate(recipe.letters, start=1)
        ]  # fmt: skip
    return automation, steps


@transaction.atomic
def make(slug: str, *, shop: Shop) -> Automation:
    """Make an automation from a recipe, switched off; one of it that never ran is used again."""
    untouched = Automation.objects.filter(recipe=slug, on_since=None, ran_at=None).order_by("pk").first()
    if untouched:
        return untouched
    automation, steps = draft(slug, shop=shop)
    if same := Automation.objects.filter(recipe=slug).count():
        automation.name = f"{automation.name[:90]} · {same + 1}"
    automation.save()
    for step in steps:
        step.automation, step.name = automation, _step_name(automation.name, step.step)
        step.save()
    return automation


@transaction.atomic
def change(
    automation: Automation, *, values: Mapping[str, object], common: Mapping[str, object],
    letters: Sequence[Mapping[str, object]], now: dt.datetime,
) -> None:
    """Write what the owner says about an automation that is off: itself, what all steps share, and each letter."""
    if Rotation.objects.filter(campaign__automation=automation, finished_at=None).exists():
        raise NotPossible(_("A message of it is still on its way. Try again in a few minutes."))
    row = Automation.objects.filter(pk=automation.pk, on_since=None)
    if not row.update(**values, step_count=min(len(letters), MOST_STEPS)):
        raise NotPossible(_("It is on. Switch it off first, then change it."))
    automation.refresh_from_db()
    for number, letter in enumerate(letters[:MOST_STEPS], start=1):
        content = {**common, **letter, "name": _step_name(automation.name, number)}
        there = automation.steps.filter(step=number)
        if not there.update(**content, updated_at=now, version=F("version") + 1):
            Campaign.objects.create(automation=automation, step=number, repeat=Campaign.Repeat.DAILY, **content)
    automation.steps.filter(step__gt=len(letters), rotations=None).delete()


def switch_on(automation: Automation, *, now: dt.datetime) -> bool:
    """Let it write from its next time on, about what happens from now on. False: it was on already."""
    shop = Shop.current()
    steps = list(automation.live_steps())
    if blocking := [check for check in checklist.of_steps(steps, shop=shop) if check.tone == checklist.BAD]:
        raise NotPossible(f"{blocking[0].name}: {blocking[0].text}")
    check_time(automation.send_time)
    sending.finish(now=now)
    with transaction.atomic():
        if not Automation.objects.filter(pk=automation.pk, on_since=None).update(on_since=now, problem=""):
            return False
        if Rotation.objects.filter(campaign__automation=automation, finished_at=None).exists():
            raise NotPossible(_("A message of it is still on its way. Try again in a few minutes."))
        today = clock.local_date(now, shop.timezone)
        for step in steps:
            step.starts_date, step.send_time = today, automation.send_time
            date, at = scheduling.next_occurrence(step, after=now, zone=shop.timezone)
            Campaign.objects.filter(pk=step.pk).update(
                state=State.SCHEDULED, starts_date=today, send_time=automation.send_time, next_date=date, next_at=at,
                problem="", watched_since=now, updated_at=now, version=F("version") + 1,
            )  # fmt: skip
    automation.refresh_from_db()
    return True


def check_time(send_time: dt.time) -> None:
    """Raise NotPossible where what is written at this time would wait for the next morning."""
    rules = Rules.current()
    if not rules.opens_at <= send_time < rules.closes_at:
        raise NotPossible(
            _("Automations write between %(opens)s and %(closes)s. Choose a time within these hours.")
            % {"opens": f"{rules.opens_at:%H:%M}", "closes": f"{rules.closes_at:%H:%M}"}
        )


def switch_off(automation: Automation, *, now: dt.datetime) -> bool:
    """Stop it at once: whoever waits gets nothing any more. Messages on their way arrive. False: it was off already."""
    with transaction.atomic():
        if not Automation.objects.filter(pk=automation.pk, on_since__isnull=False).update(on_since=None):
            return False
        for step in automation.steps.all():
            scheduling.stop(step, now=now)
        Occasion.objects.filter(automation=automation, ended="").update(ended=Occasion.Ended.OFF)
        # what was not given by now is not given when it is switched on again
        Rotation.objects.filter(campaign__automation=automation, points_given_at=None).update(points_given_at=now)
    sending.finish(now=now)
    automation.refresh_from_db()
    return True


@transaction.atomic
def begin_anew(*, now: dt.datetime) -> None:
    """Go on in a restored or copied shop: what was due until today was the other shop's to write about."""
    today = clock.local_date(now, Shop.current().timezone)
    Automation.objects.filter(on_since__isnull=False).update(on_since=now)
    Occasion.objects.filter(ended="", due_date__lte=today).update(ended=Occasion.Ended.LATE)


@transaction.atomic
def delete(automation: Automation) -> bool:
    """Throw an automation away that has never written to anybody; False: it is no such one."""
    written = Message.objects.filter(rotation__campaign__automation=automation)
    never = Automation.objects.filter(pk=automation.pk, on_since=None)
    if written.exists() or not never.exists():
        return False
    automation.delete()
    return True


def _step_name(name: str, number: int) -> str:
    return name if number == 1 else f"{name} ({number})"
