"""People of the shop: invited by a link, given a role, switched off at once, and always one owner left."""

import datetime as dt
import re
import threading
from io import StringIO

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from crm.accounts import letting_in, two_step
from crm.accounts.models import OneTimeLink, User
from crm.accounts.people import LastOwner, give_role
from tests.conftest import NOW

Role, Purpose = User.Role, OneTimeLink.Purpose


@pytest.fixture(autouse=True)
def near_now():
    with time_machine.travel(NOW, tick=True):
        yield


def path(address: str) -> str:
    return re.sub(r"^https?://[^/]+", "", address)


def test_an_invited_helper_chooses_a_password_once_and_logs_in(owner_client):
    page = owner_client.post(
        "/settings/people/", {"name": "Hanna Weiß", "email": " Hanna@Example.org ", "role": "helper"}, follow=True
    ).content.decode()
    [address] = re.findall(r"<code>(http[^<]+)</code>", page)
    hanna, browser = User.objects.get(email="hanna@example.org"), Client()
    assert (hanna.role, hanna.has_usable_password()) == ("helper", False)
    assert address not in owner_client.get("/settings/people/").content.decode()
    assert "Welcome, Hanna" in browser.get(path(address)).content.decode()
    assert browser.post(path(address), {"new": "short"}).status_code == 422
    assert browser.post(path(address), {"new": "a bicycle in the rain"}).url == "/login/"
    assert [browser.get(path(address)).status_code, browser.post(path(address), {"new": "x" * 12}).status_code] == [404, 404]
    assert browser.post("/login/", {"email": "hanna@example.org", "password": "a bicycle in the rain"}).url == "/"
    assert browser.get("/customers/").status_code == 200
    assert browser.get("/settings/people/").status_code == 403


def test_links_run_out_are_replaced_and_are_hashed_at_rest(owner):
    first = letting_in.make(owner, Purpose.PASSWORD, now=NOW).rpartition("/enter/")[2].strip("/")
    kept = OneTimeLink.objects.get()
    assert first not in (kept.token_hash, str(kept.__dict__))
    assert letting_in.find(first, now=NOW + dt.timedelta(minutes=59)) == kept
    assert letting_in.find(first, now=NOW + dt.timedelta(minutes=61)) is None
    letting_in.make(owner, Purpose.PASSWORD, now=NOW)
    assert letting_in.find(first, now=NOW) is None


def test_a_link_used_twice_at_once_is_used_once(owner):
    token = letting_in.make(owner, Purpose.PASSWORD, now=NOW).rpartition("/enter/")[2].strip("/")
    one, other = (letting_in.find(token, now=NOW) for _browser in range(2))
    assert [letting_in.use(one, password="first of the two"), letting_in.use(other, password="second of two")] == [True, False]
    assert User.objects.get().check_password("first of the two")


def test_the_page_says_who_has_not_used_their_link(owner_client, owner):
    owner_client.post("/settings/people/", {"name": "Hanna", "email": "hanna@example.org", "role": "helper"})
    assert ">Invited<" in owner_client.get("/settings/people/").content.decode()
    OneTimeLink.objects.update(expires_at=NOW)
    page = owner_client.get("/settings/people/").content.decode()
    assert (">Invited<" in page, "No password yet" in page) == (False, True)


def test_the_same_address_is_not_invited_twice(owner_client):
    answer = owner_client.post("/settings/people/", {"name": "L", "email": "LENA@example.com", "role": "owner"})
    assert (answer.status_code, User.objects.count()) == (422, 1)


def test_switching_off_ends_sessions_and_links_at_once(owner_client, people):
    helper, browser = people[Role.HELPER], Client()
    browser.force_login(helper)
    letting_in.make(helper, Purpose.PASSWORD, now=NOW)
    assert browser.get("/orders/").status_code == 200
    for _pressed_twice in range(2):
        owner_client.post(f"/settings/people/{helper.pk}/switch/")
    assert browser.get("/orders/").url == "/login/?next=/orders/"
    assert OneTimeLink.objects.count() == 0
    said = {"email": helper.email, "password": "a helper's password"}
    assert browser.post("/login/", said).status_code == 422
    owner_client.post(f"/settings/people/{helper.pk}/switch/", {"on": "1"})
    assert browser.get("/orders/").url == "/login/?next=/orders/"  # the old session stays ended
    assert browser.post("/login/", said).status_code == 302
    assert owner_client.get("/orders/").status_code == 200


def test_a_new_role_holds_from_the_next_click(owner_client, people):
    helper, browser = people[Role.HELPER], Client()
    browser.force_login(helper)
    assert browser.get("/settings/").status_code == 403
    owner_client.post(f"/settings/people/{helper.pk}/role/", {"role": "owner"})
    assert browser.get("/settings/").status_code == 200
    owner_client.post(f"/settings/people/{helper.pk}/role/", {"role": "looker"})
    assert browser.get("/customers/").status_code == 403


def test_the_last_owner_stays_one(owner_client, owner, people):
    owner_client.post(f"/settings/people/{owner.pk}/role/", {"role": "helper"})
    page = owner_client.post(f"/settings/people/{owner.pk}/switch/", follow=True).content.decode()
    owner.refresh_from_db()
    assert (owner.role, owner.is_active, "Make another person owner first" in page) == ("owner", True, True)
    looker = people[Role.LOOKER]
    owner_client.post(f"/settings/people/{looker.pk}/role/", {"role": "owner"})
    owner_client.post(f"/settings/people/{looker.pk}/switch/")
    owner_client.post(f"/settings/people/{owner.pk}/role/", {"role": "helper"})
    owner.refresh_from_db()
    assert owner.role == "owner"  # the other owner is switched off


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_demote_each_other_in_one_moment(shop, owner):
    other = User.objects.create_user("otto@example.org", "Otto", "another owner", role=Role.OWNER)
    gate, said = threading.Barrier(2), []

    def demote(pk):
        try:
            gate.wait(5)
            give_role(pk, Role.HELPER)
            said.append("done")
        except LastOwner:
            said.append("refused")
        finally:
            connection.close()

    both = [threading.Thread(target=demote, args=[one.pk]) for one in (owner, other)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(said) == ["done", "refused"]
    assert User.objects.filter(role=Role.OWNER).count() == 1


def test_a_forgotten_password_is_mailed_to_people_and_nobody_learns_who_they_are(
    client, owner, shop, settings, django_capture_on_commit_callbacks
):
    settings.EMAIL_URL, settings.MAIL_FROM = "smtp://mail.example", "hello@linden.example"
    with django_capture_on_commit_callbacks(execute=True):
        known = client.post("/password/forgotten/", {"email": "Lena@example.com"}, follow=True)
    with django_capture_on_commit_callbacks(execute=True):
        unknown = client.post("/password/forgotten/", {"email": "nobody@example.com"}, follow=True)
    said = [re.search(r"If somebody[^<]+", page.content.decode())[0] for page in (known, unknown)]
    assert said[0] == said[1]
    [letter] = mail.outbox
    assert letter.to == ["lena@example.com"]
    [address] = re.findall(r"http\S+", letter.body)
    assert client.post(path(address), {"new": "a whole new sentence"}).url == "/login/"
    assert client.post("/login/", {"email": "lena@example.com", "password": "a whole new sentence"}).url == "/"


def test_asking_again_and_again_mails_three_times_an_hour(
    client, owner, shop, settings, django_capture_on_commit_callbacks
):
    settings.EMAIL_URL, settings.MAIL_FROM = "smtp://mail.example", "hello@linden.example"
    with django_capture_on_commit_callbacks(execute=True):
        for _again in range(5):
            client.post("/password/forgotten/", {"email": "lena@example.com"})
    assert len(mail.outbox) == 3


def test_a_box_without_mail_says_what_to_do_instead(client, owner, shop):
    page = client.get("/password/forgotten/").content.decode()
    assert ".venv/bin/python manage.py let_in" in page
    assert "<form" not in page.split("</main>")[0].split("<h1>")[1].split("public-languages")[0]


def test_a_new_password_does_not_switch_the_second_step_off_but_the_machine_does(owner, shop):
    two_step.begin(owner)
    two_step.TwoStep.objects.update(confirmed_at=NOW)

    def follow(address: str) -> bool:
        link = letting_in.find(address.rpartition("/enter/")[2].strip("/"), now=NOW)
        return letting_in.use(link, password="a whole new sentence")

    assert follow(letting_in.make(owner, Purpose.PASSWORD, now=NOW)) is True
    assert two_step.is_on(owner)
    out = StringIO()
    call_command("let_in", stdout=out)
    assert follow(out.getvalue().split()[-1]) is True
    assert not two_step.is_on(owner)


def test_the_machine_lets_in_whom_it_is_told_even_switched_off(owner, people, shop):
    helper = people[Role.HELPER]
    User.objects.filter(pk=helper.pk).update(switched_off_at=NOW)
    out = StringIO()
    call_command("let_in", "HANNA@example.org", stdout=out)
    link = letting_in.find(out.getvalue().split()[-1].rpartition("/enter/")[2].strip("/"), now=NOW)
    assert letting_in.use(link, password="a whole new sentence") is True
    assert User.objects.get(pk=helper.pk).is_active is True
    with pytest.raises(CommandError, match="Nobody logs in"):
        call_command("let_in", "who@example.com")


def test_an_owner_switches_the_second_step_of_somebody_off(owner_client, people):
    helper = people[Role.HELPER]
    two_step.begin(helper)
    two_step.TwoStep.objects.update(confirmed_at=NOW)
    assert two_step.is_on(helper)
    owner_client.post(f"/settings/people/{helper.pk}/phone/")
    assert not two_step.is_on(helper)
