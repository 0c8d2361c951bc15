"""Rows from before a message could be withheld, and from before enough points for a reward were told once for all."""

import importlib

import pytest
from django.apps import apps

from crm.campaigns.models import Automation, Message, Occasion, Rotation

PAST = importlib.import_module("crm.campaigns.migrations.0006_withheld_and_paced")
pytestmark = pytest.mark.django_db


def test_what_was_stopped_for_one_person_alone_is_withheld_and_counted_so(campaign, person, now):
    rotation = Rotation.objects.create(
        campaign=campaign(), local_date=now.date(), started_at=now, finished_at=now, counts={"stopped": 2, "sent": 1}
    )
    rows = (("Ava Brandt", "stopped", "Merged."), ("Ben Adler", "stopped", ""), ("Cleo Maier", "sent", ""))
    for name, state, error in rows:
        Message.objects.create(rotation=rotation, contact=person(name), state=state, error=error, due_at=now)
    PAST.withhold(apps, None)
    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["withheld", "stopped", "sent"]
    rotation.refresh_from_db()
    assert rotation.counts == {"withheld": 1, "stopped": 1, "sent": 1}
    PAST.stop(apps, None)
    assert Message.objects.filter(state="stopped").count() == 2


def test_told_of_two_rewards_counts_as_told(shop, person, now):
    reward, other = (Automation.objects.create(name=one, recipe=one, trigger=one) for one in ("reward", "quiet"))
    ava, ben = person(), person("Ben Adler")
    rows = (
        (reward, ava, "reward:100", 1), (reward, ava, "reward:90", 2), (reward, ben, "reward:100", 2),
        (other, ava, "quiet:2026-06-01", 2),
    )  # fmt: skip
    for automation, contact, key, step in rows:
        Occasion.objects.create(
            automation=automation, contact=contact, key=f"{automation.pk}:{key}", happened_at=now, due_date=now.date(), step=step
        )
    PAST.once_for_all(apps, None)
    assert sorted(Occasion.objects.values_list("contact", "key", "step")) == [
        (ava.pk, f"{reward.pk}:reward", 2), (ava.pk, f"{other.pk}:quiet:2026-06-01", 2), (ben.pk, f"{reward.pk}:reward", 2),
    ]  # fmt: skip
