"""The owner's word that somebody is never to be given money off."""

import pytest

from crm.contacts.listing import filtered
from crm.contacts.matching import Person, match
from crm.contacts.models import Contact
from crm.coupons import issuing
from crm.coupons.models import Code
from tests.conftest import NOW
from tests.contacts.people import person
from tests.contacts.test_edit import form
from tests.contacts.test_export import rows
from tests.coupons.conftest import new_coupon

pytestmark = pytest.mark.django_db


@pytest.fixture
def ava(shop):
    return person("Ava", email="ava@example.com")


@pytest.fixture
def locked(shop):
    contact = person("Ben")
    Contact.objects.filter(pk=contact.pk).update(never_discount=True)
    return Contact.objects.get(pk=contact.pk)


def test_the_owner_sets_it_and_takes_it_back_on_the_customer_s_page(owner_client, ava):
    owner_client.post(f"/customers/{ava.pk}/edit/", form(ava, never_discount="on"))
    ava.refresh_from_db()
    assert (ava.never_discount, ava.typed_fields, ava.version) == (True, ["never_discount"], 2)
    assert "Never money off" in owner_client.get(f"/customers/{ava.pk}/").content.decode()
    owner_client.post(f"/customers/{ava.pk}/edit/", form(ava))
    ava.refresh_from_db()
    assert (ava.never_discount, ava.version) == (False, 3)


def test_nobody_is_locked_to_begin_with_and_an_import_changes_nothing(ava, locked):
    match([Person(source="shopify", email="ava@example.com", name="Ava B", authoritative=True)], now=NOW)
    match([Person(source="shopify", email="new@example.com", name="New")], now=NOW)
    assert set(Contact.objects.open_to_discounts().values_list("email", flat=True)) == {"ava@example.com", "new@example.com"}


def test_somebody_else_s_change_is_shown_in_words(owner_client, ava):
    typed = form(ava, never_discount="on")
    Contact.objects.filter(pk=ava.pk).update(never_discount=False, city="Bonn", version=5)
    response = owner_client.post(f"/customers/{ava.pk}/edit/", typed)
    page = response.content.decode()
    assert (response.status_code, "<td>no</td><td>yes</td>" in page) == (409, True)


def test_the_list_filters_by_it_and_says_so(owner_client, ava, locked):
    page = owner_client.get("/customers/?discounts=never").content.decode()
    assert ["Ben" in page, "ava@example.com" in page, "Never give money off" in page] == [True, False, True]
    assert (list(filtered({"discounts": "never"})), list(filtered({"discounts": "open"}))) == ([locked], [ava])


def test_the_export_has_a_column_for_it(owner_client, ava, locked):
    said = {row["Full name"]: row["Never give money off"] for row in rows(owner_client.get("/customers/export/"))}
    assert said == {"Ava": "", "Ben": "yes"}


def test_codes_of_their_own_are_not_made_for_them(ava, locked):
    coupon = new_coupon(codes=1)
    made = issuing.issue(coupon, count=0, contact_ids=[ava.pk, locked.pk], now=NOW)
    assert (made, set(Code.objects.exclude(contact=None).values_list("contact", flat=True))) == (1, {ava.pk})


def test_a_gift_card_is_paid_for_and_theirs_to_have(locked):
    coupon = new_coupon(codes=1, gives="gift_card", amount_minor=2_000, percent=None)
    assert issuing.issue(coupon, count=0, contact_ids=[locked.pk], now=NOW) == 1
