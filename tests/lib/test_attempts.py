"""An act is done wholly or not at all, and tried again where another process was quicker."""

import pytest
from django.db import IntegrityError, connection, transaction

from crm.api import commands, keys
from crm.api.models import Command
from crm.contacts.models import Note
from crm.lib.attempts import ATTEMPTS, whole
from tests.contacts.people import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna(shop):
    return person("Anna Meyer")


@pytest.fixture
def gone(shop):
    """Return the number of a customer who was merged away a moment ago."""
    twin = person("A. Meyer")
    number = twin.pk
    twin.delete()
    return number


@pytest.fixture
def jot(now):
    """Return an act that writes a note about the next of these customers."""

    def act(*contact_ids):
        whose = iter(contact_ids)
        return lambda: Note.objects.create(contact_id=next(whose), text="Likes rye", at=now).contact_id

    return act


def test_a_reference_that_is_gone_at_the_end_is_looked_up_again(anna, gone, jot):
    assert whole(jot(gone, anna.pk))() == anna.pk
    assert Note.objects.get().contact == anna


def test_a_contradiction_that_stays_is_said_and_nothing_written(anna, gone, jot):
    with pytest.raises(IntegrityError):
        whole(jot(*[gone] * ATTEMPTS, anna.pk))()
    assert not Note.objects.exists()


def test_other_errors_are_not_tried_again(anna, jot):
    asked = []

    @whole
    def refuse():
        asked.append(Note.objects.count())
        raise ValueError

    with pytest.raises(ValueError):
        refuse()
    assert asked == [0]


def test_inside_a_transaction_only_what_is_noticed_at_once_is_tried_again(anna, gone, jot):
    with pytest.raises(IntegrityError), transaction.atomic():
        assert whole(jot(gone, anna.pk))() == gone
        connection.check_constraints()
    assert not Note.objects.exists()


def test_a_program_that_asks_while_a_merge_wins_is_answered(anna, gone, jot, owner, now):
    key = keys.create(name="web shop", scopes=["customers:write"], now=now)[0]
    about = jot(gone, anna.pk)
    said = {"idempotency_key": "k1", "request": b"{}", "now": now}
    assert commands.once(key, act=lambda: (200, {"customer": about()}), **said) == (200, {"customer": anna.pk})
    assert commands.once(key, act=jot(), **said) == (200, {"customer": anna.pk})
    assert (Note.objects.count(), Command.objects.get().answer) == (1, {"customer": anna.pk})
