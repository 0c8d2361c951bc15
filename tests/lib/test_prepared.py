"""Prepared questions give what the ORM gives, and inserting one row gives it its key."""

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from crm.contacts.models import Contact
from crm.lib import prepared
from crm.lib.prepared import Prepared
from crm.rewards.models import Account, Redemption


def people(*names, now):
    return [Contact.objects.create(name=name, joined_at=now, order_count=len(name)) for name in names]


def test_the_same_question_with_other_values(db, now):
    mia, ada = people("Mia", "Ada", now=now)
    asked = Prepared(lambda pk: Contact.objects.filter(pk=pk, erased_at=None).values_list("name", "joined_at", "tags"))
    assert (list(asked(mia.pk)), asked(ada.pk).first()) == ([("Mia", now, [])], ("Ada", now, []))
    assert asked(0).first() is None


def test_several_values_and_one_column(db, now):
    people("Mia", "Adeline", "Jo", now=now)
    between = Prepared(
        lambda least, most: Contact.objects.filter(order_count__gte=least, order_count__lte=most)
        .order_by("pk")
        .values_list("name"),
        flat=True,
    )
    assert (list(between(2, 3)), list(between(3, 9))) == (["Mia", "Jo"], ["Mia", "Adeline"])


def test_nothing_is_asked_before_somebody_reads(db, now):
    (mia,) = people("Mia", now=now)
    asked = Prepared(lambda pk: Contact.objects.filter(pk=pk).values_list("name"), flat=True)(mia.pk)
    Contact.objects.update(name="Maria")
    with CaptureQueriesContext(connection) as queries:
        assert [list(asked), list(asked)] == [["Maria"], ["Maria"]]
    assert len(queries) == 2


def test_an_inserted_row_has_its_key_and_reads_back_the_same(db, now):
    (mia,) = people("Mia", now=now)
    account = Account.objects.create(contact=mia, opened_at=now)
    row = Redemption(key="a", account=account, points=5, reserved_at=now, reserved_until=now + dt.timedelta(hours=1))
    assert prepared.insert(row)
    assert Redemption.objects.values().get() == {
        name: value for name, value in vars(row).items() if name not in ("_state",)
    } | {"id": row.pk}
    row.note = "saved again"
    row.save()
    assert Redemption.objects.get().note == "saved again"


def test_what_is_there_already_is_told_or_raised(db, now):
    (mia,) = people("Mia", now=now)
    account = Account.objects.create(contact=mia, opened_at=now)
    values = {"key": "a", "account": account, "points": 5, "reserved_at": now, "reserved_until": now}
    assert [prepared.insert(Redemption(**values), ignore_conflicts=True) for _turn in range(2)] == [True, False]
    with pytest.raises(IntegrityError), transaction.atomic():
        prepared.insert(Redemption(**values))
