import pytest

from crm.contacts import consent
from crm.contacts.matching import Person, match
from crm.contacts.models import Consent, Contact, Suppression

pytestmark = pytest.mark.django_db

EVERYBODY = ("yes@example.com", "unknown@example.com", "no@example.com", "buyer@example.com", "blocked@example.com")


@pytest.fixture
def people(now):
    ids = match([Person("file", email=email) for email in EVERYBODY], now=now).contact_ids
    people = dict(zip(EVERYBODY, ids))
    Contact.objects.filter(email="yes@example.com").update(consent="yes")
    Contact.objects.filter(email="no@example.com").update(consent="no", order_count=3)
    Contact.objects.filter(email="buyer@example.com").update(order_count=1)
    Contact.objects.filter(email="blocked@example.com").update(order_count=1)
    consent.withdraw(people["blocked@example.com"], source="bounce", detail="550", at=now)
    Contact.objects.filter(email="blocked@example.com").update(consent="yes")  # whatever the row says
    match([Person("file", key="no address")], now=now)
    return people


def allowed(write_to):
    return list(
        consent.may_write(Contact.objects.all(), write_to=write_to).order_by("id").values_list("email", flat=True)
    )


def test_who_may_be_written_to(people):
    assert allowed("yes_only") == ["yes@example.com"]
    assert allowed("buyers") == ["yes@example.com", "buyer@example.com"]


def test_nobody_erased_is_written_to(people, now):
    Contact.objects.filter(email="yes@example.com").update(erased_at=now)
    assert allowed("yes_only") == []


def test_withdrawing_says_no_logs_it_and_blocks_the_address(people, now):
    consent.withdraw(people["yes@example.com"], source="click", detail="Campaign 4", at=now)
    consent.withdraw(people["yes@example.com"], source="click", detail="Campaign 4", at=now)
    contact = Contact.objects.get(email="yes@example.com")
    assert contact.consent == "no"
    assert list(contact.consents.values_list("state", "source", "detail")) == [("no", "click", "Campaign 4")]
    assert consent.is_suppressed("yes@example.com")
    assert not consent.is_suppressed("buyer@example.com")


def test_the_owner_may_note_a_yes_after_a_no(people, now):
    consent.withdraw(people["no@example.com"], source="link", detail="", at=now)
    noted = consent.record([people["no@example.com"]], state="yes", source="owner", detail="asked at the till", at=now)
    assert noted == 1
    assert not consent.is_suppressed("no@example.com")
    assert "no@example.com" in allowed("yes_only")


def test_the_owner_cannot_lift_an_address_that_does_not_exist(people, now):
    Contact.objects.filter(email="blocked@example.com").update(consent="no")
    consent.record([people["blocked@example.com"]], state="yes", source="owner", detail="", at=now)
    assert consent.is_suppressed("blocked@example.com")


@pytest.mark.parametrize(
    ("email", "noted"), [("unknown@example.com", 1), ("no@example.com", 0), ("yes@example.com", 0)]
)
def test_others_lift_only_not_asked(people, now, email, noted):
    assert consent.record([people[email]], state="yes", source="import", detail="", at=now, import_id=1) == noted
    assert Consent.objects.filter(contact=people[email], source="import").count() == noted


def test_suppression_keeps_no_address(people):
    assert all("@" not in row.address_hash for row in Suppression.objects.all())


def test_a_no_outlasts_the_doubt_about_an_address(people, now):
    email = "unknown@example.com"
    consent.note_bounce(email, at=now)
    assert consent.bounced_at(email) == now
    consent.withdraw(people[email], source="link", detail="", at=now)
    assert (consent.bounced_at(email), consent.lift_bounce(email), consent.is_suppressed(email)) == (None, False, True)
