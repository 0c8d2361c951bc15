"""Who sent somebody: typed at the till, on the customer form, or told by a program."""

import pytest
import time_machine
from django.core.exceptions import ValidationError

from crm.contacts.models import Contact
from crm.imports.sent_by import SentByField
from crm.imports.typed_forms import new_key
from crm.portal import cards, invitations
from crm.rewards import ledger, rule_changing
from crm.rewards.models import Referral
from tests.portal.conftest import new_person


@pytest.fixture(autouse=True)
def near_now(now):
    with time_machine.travel(now, tick=True):
        yield


@pytest.fixture
def anna(shop, owner):
    return new_person("Anna Adler", email="anna@example.com", phone="+49 30 5557001")


@pytest.fixture
def gift(shop, now):
    rule_changing.start(kind="referral_friend", params={"points": 50}, starts_on=now.date(), now=now)


def referrals():
    return list(Referral.objects.values_list("friend__name", "advocate__name", "via"))


def test_a_customer_is_found_by_code_number_address_and_name(anna):
    new_person("Annabel Bach")
    for text in (
        invitations.code(anna.pk), invitations.address(anna.pk), cards.code(anna.pk), "+49 30 5557001", "030 5557001",
        "ANNA@example.com", "anna adler", "Adler",
    ):  # fmt: skip
        assert SentByField().clean(text) == anna
    assert SentByField().clean(" ") is None


def test_several_or_nobody_is_asked_about(anna):
    new_person("Annabel Bach", phone="+49 30 5557002")
    with pytest.raises(ValidationError, match=r"Anna Adler \(.*5557001\), Annabel Bach \(.*5557002\)"):
        SentByField().clean("Anna")
    for text in ("Zoe", "2222-2222-2222", "+49 30 999999999", "http://["):
        with pytest.raises(ValidationError, match="No customer has this"):
            SentByField().clean(text)


def test_the_till_notes_who_sent_somebody_new(owner_client, anna, gift):
    said = {"form_key": new_key(), "name": "Ben Berg", "phone": "", "sent_by": "Anna Adler"}
    for _turn in range(2):
        assert owner_client.post("/till/new/", said).status_code == 302
    assert referrals() == [("Ben Berg", "Anna Adler", "till")]
    assert ledger.balance(Contact.objects.get(name="Ben Berg").pk) == 50


def test_the_till_asks_again_when_it_is_not_clear(owner_client, anna):
    response = owner_client.post("/till/new/", {"form_key": new_key(), "name": "Ben", "sent_by": "Zoe"})
    assert (response.status_code, Contact.objects.count()) == (422, 1)
    assert "No customer has this code" in response.content.decode()


def test_the_customer_form_notes_it_and_both_pages_tell(owner_client, anna, gift):
    said = {"form_key": new_key(), "name": "Ben Berg", "email": "ben@example.org", "sent_by": "Anna Adler"}
    response = owner_client.post("/customers/new/", said, follow=True)
    assert referrals() == [("Ben Berg", "Anna Adler", "typed")]
    assert "Sent by <a" in response.content.decode()
    page = owner_client.get(anna.get_absolute_url()).content.decode()
    assert "Sent 1 friend. 0 have bought." in page


def test_the_owner_learns_why_somebody_does_not_count(owner_client, anna):
    said = {"form_key": new_key(), "name": "Ben Berg", "email": "anna+new@example.com", "sent_by": "Anna Adler"}
    page = owner_client.post("/customers/new/", said, follow=True).content.decode()
    assert "It was not noted that Anna Adler sent them. Both have the same e-mail" in page
    assert referrals() == []
