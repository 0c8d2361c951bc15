"""Correcting a person by hand."""

import pytest

from crm.contacts import editing
from crm.contacts.matching import Person, match
from crm.contacts.models import Contact
from tests.conftest import NOW
from tests.contacts.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ava(shop):
    return person("Ava", email="ava@example.com", city="Berlin")


def form(contact: Contact, **changes) -> dict:
    fields = (
        "name",
        "greeting",
        "email",
        "phone",
        "company",
        "street",
        "postcode",
        "city",
        "region",
        "country",
        "language",
    )
    return {field: getattr(contact, field) for field in fields} | {"birthday": "", "version": contact.version} | changes


@pytest.mark.parametrize("typed", ['"Ava B"@example.com', "ava@localhost", "ava"])
def test_an_address_nobody_can_be_known_by_is_refused_and_kept(owner_client, ava, typed):
    response = owner_client.post(f"/customers/{ava.pk}/edit/", form(ava, email=typed))
    assert (response.status_code, len(response.context["form"].errors["email"])) == (422, 1)
    assert response.context["form"]["email"].value() == typed


def test_edit_saves_what_changed_and_remembers_it_as_typed(owner_client, ava):
    response = owner_client.post(
        f"/customers/{ava.pk}/edit/",
        form(ava, city="Potsdam", birthday="1990-05-03", phone="030 5557 0142", country="DE"),
    )
    assert response["Location"] == f"/customers/{ava.pk}/"
    ava.refresh_from_db()
    assert (ava.city, str(ava.birthday), ava.phone_key, ava.version) == ("Potsdam", "1990-05-03", "493055570142", 2)
    assert ava.typed_fields == ["birthday", "city", "country", "phone"]


def test_an_import_does_not_overwrite_what_was_typed(owner_client, ava):
    owner_client.post(f"/customers/{ava.pk}/edit/", form(ava, city="Potsdam"))
    match(
        [Person(source="shopify", email="ava@example.com", city="Hamburg", company="New Ltd", authoritative=True)],
        now=NOW,
    )
    ava.refresh_from_db()
    assert (ava.city, ava.company) == ("Potsdam", "New Ltd")


def test_a_new_address_moves_the_keys(owner_client, ava):
    owner_client.post(f"/customers/{ava.pk}/edit/", form(ava, email="Ava.New@Example.com"))
    ava.refresh_from_db()
    assert (ava.email, ava.email_key, len(ava.address_hash)) == ("Ava.New@Example.com", "ava.new@example.com", 64)
    owner_client.post(f"/customers/{ava.pk}/edit/", form(ava, email=""))
    ava.refresh_from_db()
    assert (ava.email_key, ava.address_hash) == (None, None)


def test_saving_without_a_change_changes_nothing(owner_client, ava):
    owner_client.post(f"/customers/{ava.pk}/edit/", form(ava))
    ava.refresh_from_db()
    assert (ava.version, ava.typed_fields) == (1, [])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"name": "", "email": "", "phone": ""}, "Give at least a name, an e-mail address or a phone number."),
        ({"email": "not an address"}, "Enter a valid email address."),
        ({"birthday": "32.13.1990"}, "Enter a valid date."),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"email": "theo@example.com"}, "already has this e-mail address"),
    ],
)
def test_wrong_input_is_shown_again_with_422(owner_client, ava, changes, message):
    person("Theo", email="theo@example.com")
    response = owner_client.post(f"/customers/{ava.pk}/edit/", form(ava, **changes))
    assert response.status_code == 422
    assert message in response.content.decode()
    assert Contact.objects.get(pk=ava.pk).version == 1


def test_conflict_answers_409_shows_their_value_keeps_mine_and_saves_at_the_second_try(owner_client, ava):
    stale = form(ava, city="Mine-Stadt")
    owner_client.post(f"/customers/{ava.pk}/edit/", form(ava, city="Their-Stadt"))
    response = owner_client.post(f"/customers/{ava.pk}/edit/", stale)
    assert response.status_code == 409
    assert response.context["theirs"] == [("City", "Their-Stadt", "Mine-Stadt")]
    assert 'value="Mine-Stadt"' in response.content.decode()
    ava.refresh_from_db()
    assert ava.city == "Their-Stadt"
    owner_client.post(f"/customers/{ava.pk}/edit/", stale | {"version": response.context["form"]["version"].value()})
    ava.refresh_from_db()
    assert ava.city == "Mine-Stadt"


def test_an_address_taken_in_the_meantime_is_a_named_error(ava):
    person("Theo", email="theo@example.com")
    with pytest.raises(editing.EmailTaken):
        editing.edit(ava.pk, version=1, values={"email": "theo@example.com"}, now=NOW)
    ava.refresh_from_db()
    assert ava.email == "ava@example.com"
