"""Who did what: written down where nothing else remembers it, told together with the privacy records."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.accounts import logbook
from crm.accounts.models import Deed, User
from crm.contacts.models import PrivacyRecord
from crm.rewards.models import Rule
from tests.conftest import NOW
from tests.contacts.people import person

Role = User.Role
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def near_now():
    with time_machine.travel(NOW, tick=True):
        yield


def deeds() -> list[tuple[str, str]]:
    return list(Deed.objects.order_by("pk").values_list("kind", "user__name"))


def inbox_settings(client) -> dict:
    """Return the form of the inbox's settings as it is sent when nothing is changed."""
    form = client.get("/inbox/settings/").context["form"]
    return {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}


def read_all(**asked) -> list[str]:
    return [line.text for line in logbook.read(before=NOW + dt.timedelta(days=1), **asked)[0]]


def test_logins_right_and_wrong_are_written_down_without_what_was_typed(client, owner, shop):
    client.post("/login/", {"email": owner.email, "password": "wrong"})
    client.post("/login/", {"email": "zarathustra@example.com", "password": "wrong"})
    client.post("/login/", {"email": owner.email, "password": "correct horse battery"})
    assert deeds() == [("refused", "Lena Hartmann"), ("refused", None), ("logged_in", "Lena Hartmann")]
    assert "zarathustra" not in str(list(Deed.objects.values()))


def test_what_people_do_stands_under_their_name(owner_client, owner, people):
    helper = people[Role.HELPER]
    owner_client.get("/customers/export/")
    owner_client.post("/customers/", {"act": "export", "everyone": "on"})
    owner_client.get("/orders/export/")
    owner_client.get("/loyalty/points.csv")
    owner_client.post(f"/settings/people/{helper.pk}/role/", {"role": "looker"})
    owner_client.post(f"/settings/people/{helper.pk}/switch/")
    owner_client.post("/settings/connections/keys/new/", {"name": "web shop", "scopes": ["orders:read"]})
    owner_client.post("/settings/backups/start/export/")
    assert owner_client.post("/inbox/settings/", inbox_settings(owner_client)).status_code == 302
    said = Deed.objects.order_by("pk").values_list("kind", "detail")
    assert list(said) == [
        ("customers_exported", ""), ("customers_exported", ""), ("orders_exported", ""), ("points_exported", ""),
        ("role", "Hanna Weiß: Looker-on"), ("switched_off", "Hanna Weiß"), ("key_made", "web shop"), ("all_exported", ""),
        ("settings_changed", ""),
    ]  # fmt: skip
    assert set(Deed.objects.values_list("user", flat=True)) == {owner.pk}


def test_points_by_hand_lead_to_the_customer_and_name_nobody(owner_client, owner):
    zara = person("Zarathustra Quirk")
    form = owner_client.get(f"/loyalty/customers/{zara.pk}/adjust/").context["form"]
    said = {"points": "25", "reason": "a kind word", "key": form["key"].value()}
    for _pressed_twice in range(2):
        assert owner_client.post(f"/loyalty/customers/{zara.pk}/adjust/", said).status_code == 302
    assert list(Deed.objects.values_list("kind", "detail", "href")) == [
        ("points_adjusted", "+25", f"/loyalty/customers/{zara.pk}/")
    ]


def test_what_was_refused_or_went_wrong_is_not_written_as_done(owner_client, people, log_in):
    assert owner_client.post("/settings/", {"name": ""}).status_code == 422
    assert owner_client.post("/loyalty/rules/new/", {"kind": "per_amount"}).status_code == 422
    assert Rule.objects.count() == 0
    assert log_in(people[Role.HELPER]).get("/customers/export/").status_code == 403
    assert deeds() == []


def test_privacy_records_are_told_and_not_written_twice(owner_client, owner):
    zara = person("Zarathustra Quirk", email="zara@quirk.example")
    assert owner_client.post(f"/customers/{zara.pk}/data/").status_code == 200
    assert (Deed.objects.count(), PrivacyRecord.objects.count()) == (0, 1)
    page = owner_client.get("/settings/people/log/").content.decode()
    assert ("Data handed over" in page, f"Customer {zara.pk}" in page, "Zarathustra" in page) == (True, True, False)


def test_filters_by_person_and_kind(people, owner):
    helper = people[Role.HELPER]
    for by, kind in ((owner, "logged_in"), (helper, "logged_in"), (owner, "orders_exported"), (None, "refused")):
        logbook.write(kind, by=by, now=NOW)
    PrivacyRecord.objects.create(act="handed", by_user=owner.pk, at=NOW)
    PrivacyRecord.objects.create(act="asked", by_customer=True, at=NOW)
    assert len(read_all()) == 5
    assert read_all(user_id=helper.pk) == ["Logged in"]
    assert sorted(read_all(user_id=owner.pk)) == ["Data handed over", "Downloaded a list of orders", "Logged in"]
    assert read_all(group=logbook.Group.TAKEN_OUT) == ["Downloaded a list of orders"]
    assert read_all(group=logbook.Group.PRIVACY) == ["Data handed over"]


def test_older_pages_miss_nothing_and_repeat_nothing(owner, db):
    for number in range(1, 121):
        at = NOW - (number // 3) * MINUTE  # three of a time
        if number % 2:
            logbook.write("logged_in", by=owner, now=at, detail=str(number))
        else:
            PrivacyRecord.objects.create(act="handed", contact_id=number, by_user=owner.pk, at=at)
    seen, before = [], NOW + MINUTE
    while before:
        lines, before = logbook.read(before=before)
        seen += [line.detail.removeprefix("Customer ") for line in lines]
    assert sorted(map(int, seen)) == list(range(1, 121))


def test_the_page_asks_the_database_the_same_for_many_lines(owner_client, owner):
    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            owner_client.get("/settings/people/log/")
        return len(asked)

    logbook.write("logged_in", by=owner, now=NOW)
    one = count()
    for _more in range(30):
        logbook.write("logged_in", by=owner, now=NOW)
    assert count() == one


def test_deeds_are_forgotten_after_three_years(owner):
    for years in (1, 2, 4):
        logbook.write("logged_in", by=owner, now=NOW - dt.timedelta(days=365 * years), detail=str(years))
    assert logbook.sweep(now=NOW) == 1
    assert list(Deed.objects.order_by("detail").values_list("detail", flat=True)) == ["1", "2"]


def test_only_owners_read_it(people, log_in):
    assert [log_in(people[role]).get("/settings/people/log/").status_code for role in Role] == [200, 403, 403]
