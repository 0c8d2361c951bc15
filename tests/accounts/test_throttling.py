"""Guessing a password or a code takes too long to pay."""

import datetime as dt

import pytest

from crm.accounts import throttling
from crm.accounts.models import Attempt

QUARTER = dt.timedelta(minutes=15)


def test_the_first_tries_are_allowed_and_the_next_stretch_begins_anew(db, now):
    start = dt.datetime.fromtimestamp(now.timestamp() // 900 * 900, dt.UTC)
    tries = [throttling.allow("code", "ada", limit=2, per=QUARTER, now=start) for _n in range(4)]
    assert tries == [True, True, False, False]
    assert throttling.allow("code", "bo", limit=2, per=QUARTER, now=start)
    assert throttling.allow("code", "ada", limit=2, per=QUARTER, now=start + QUARTER)
    assert "ada" not in str(list(Attempt.objects.values()))


def test_counts_of_days_gone_by_are_removed(db, now):
    throttling.allow("code", "ada", limit=2, per=QUARTER, now=now - dt.timedelta(days=3))
    assert throttling.sweep(now=now) == 1


def test_an_eleventh_login_has_to_wait_even_with_the_right_password(client, shop, owner):
    for _n in range(10):
        client.post("/login/", {"email": "lena@example.com", "password": "wrong horse battery"})
    answer = client.post("/login/", {"email": "lena@example.com", "password": "correct horse battery"})
    assert answer.status_code == 422
    assert "Too many tries" in answer.content.decode()


@pytest.mark.parametrize(("https", "expected"), [(True, "203.0.113.9"), (False, "127.0.0.1")])
def test_only_a_box_behind_its_proxy_believes_what_the_proxy_says(rf, settings, https, expected):
    settings.HTTPS = https
    assert throttling.address_of(rf.get("/", headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.9"})) == expected
