"""Points that customers bring from the programme a shop had before."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from crm.contacts import merging
from crm.contacts.matching import Person
from crm.contacts.models import Contact
from crm.imports import opening, reading, undoing
from crm.imports.models import Import
from crm.rewards import costing, ledger
from crm.rewards.models import Entry

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
LIST = "Name,Email,Points balance\nAda,ada@example.com,\"1,250\"\nBo,bo@example.com,40\nCy,cy@example.com,0\nDi,di@example.com,gold\n"
YOUZAN = "客户姓名,客户昵称,客户手机号,成为客户时间,客户积分\n小明,,13800138000,2023-01-02 10:00:00,300\n小红,,13900139000,2023-01-03 10:00:00,20\n"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.parametrize(
    ("extra", "points"),
    [
        ({"Points": "1,250"}, 1250), ({"客户积分": "300"}, 300), ({"points": "12.00"}, 12), ({"Punktestand": "1.250"}, 1250),
        ({"Points": "0"}, None), ({"Points": "-5"}, None), ({"Points": "2.5"}, None), ({"Points": "gold"}, None),
        ({"Points": "1e99"}, None), ({"Shoe size": "39"}, None), ({}, None), (None, None),
    ],
)  # fmt: skip
def test_what_a_row_says(extra, points):
    assert opening.told(Person(source="list", extra=extra)) == points


def send(client, text: str, name: str = "people.csv") -> Import:
    client.post(reverse("imports:new"), {"files": SimpleUploadedFile(name, text.encode(), content_type="text/csv")})
    reading.sweep(now=NOW)
    return Import.objects.latest("id")


def bring_in(client, text: str, **said) -> Import:
    importing = send(client, text)
    client.post(reverse("imports:start", args=[importing.pk]), said)
    reading.sweep(now=NOW)
    importing.refresh_from_db()
    assert (importing.state, importing.error) == ("done", "")
    return importing


def balances() -> dict[str, int]:
    return {contact.name: ledger.balance(contact.pk) for contact in Contact.objects.order_by("name")}


def test_the_check_tells_what_it_would_come_to_and_nothing_is_given_unasked(owner_client, shop):
    importing = send(owner_client, LIST)
    found = importing.preview["check"]
    assert (found["opening_people"], found["opening_points"]) == (2, 1290)
    page = owner_client.get(reverse("imports:detail", args=[importing.pk])).content.decode()
    assert "Take over the stamps the file names: 1,290 stamps of 2 customers" in page
    assert "Say what 100 stamps are worth" in page
    costing.say_worth(250)
    page = owner_client.get(reverse("imports:detail", args=[importing.pk])).content.decode()
    assert "of 2 customers · worth €32.25" in page
    bring_in(owner_client, LIST)
    assert (Entry.objects.count(), balances()) == (0, {"Ada": 0, "Bo": 0, "Cy": 0, "Di": 0})


@pytest.mark.parametrize(("text", "wanted"), [(LIST, {"Ada": 1250, "Bo": 40, "Cy": 0, "Di": 0}), (YOUZAN, {"小明": 300, "小红": 20})])
def test_a_balance_is_taken_over_once_with_its_reason_and_taken_back(owner_client, shop, text, wanted):
    first = bring_in(owner_client, text, balances="on")
    assert balances() == wanted
    assert first.result["opening"] == {"people": 2, "points": sum(wanted.values())}
    assert set(Entry.objects.values_list("kind", "reason")) == {
        ("adjust", f"Balance brought along in “people.csv”, import {first.pk}")
    }
    newer = text.replace("40", "90").replace("300", "500")
    second = bring_in(owner_client, newer, balances="on")
    assert (balances(), second.result["opening"]) == (wanted, {"people": 0, "points": 0})
    assert "opening_points" not in send(owner_client, newer).preview["check"]
    assert undoing.foresee(first.pk)["points"] == sum(wanted.values())
    undoing.undo(second.pk, now=NOW)
    assert balances() == wanted
    undoing.undo(first.pk, now=NOW)
    assert (Contact.objects.count(), sum(Entry.objects.values_list("points", flat=True))) == (0, 0)


def test_who_was_known_keeps_everything_but_the_balance_and_may_be_given_it_again(owner_client, shop):
    bring_in(owner_client, LIST)
    ada = Contact.objects.get(name="Ada")
    ledger.adjust(ada.pk, points=5, reason="nice", key="k", now=NOW)
    second = bring_in(owner_client, LIST, balances="on")
    assert ledger.balance(ada.pk) == 1255
    undoing.undo(second.pk, now=NOW)
    assert (ledger.balance(ada.pk), Contact.objects.count()) == (5, 4)
    bring_in(owner_client, LIST, balances="on")
    assert ledger.balance(ada.pk) == 1255


def test_a_reading_that_was_broken_off_gives_nothing_twice(owner_client, shop):
    first = bring_in(owner_client, LIST, balances="on")
    Import.objects.filter(pk=first.pk).update(state=Import.State.READING, heartbeat_at=None)
    reading.sweep(now=NOW + dt.timedelta(hours=1))
    first.refresh_from_db()
    assert (first.state, first.result["opening"], balances()["Ada"]) == ("done", {"people": 2, "points": 1290}, 1250)


def test_whoever_was_merged_brings_no_second_balance(owner_client, shop):
    bring_in(owner_client, LIST, balances="on")
    ada, bo = Contact.objects.get(name="Ada"), Contact.objects.get(name="Bo")
    merging.merge(ada.pk, drop_id=bo.pk, now=NOW)
    assert ledger.balance(ada.pk) == 1290
    bring_in(owner_client, LIST, balances="on")
    assert ledger.balance(ada.pk) == 1290
