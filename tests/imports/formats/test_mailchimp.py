import datetime as dt

import pytest

from crm.contacts.models import Consent, Contact
from crm.imports.formats.base import BadRow

from .sheets import sheet

BEGIN = "Email Address,First Name,Last Name,Phone Number,Birthday,Shoe size,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP"
END = "LEID,EUID,NOTES,TAGS"
SUBSCRIBED = f"{BEGIN},LAST_CHANGED,{END}"
UNSUBSCRIBED = f"{BEGIN},LAST_CHANGED,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON,{END}"
CLEANED = f"{BEGIN},CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,{END}"
ROW = {
    "Email Address": "Ann@Example.com", "First Name": " Ann ", "Last Name": "Example", "Birthday": "02/03",
    "Shoe size": "39", "MEMBER_RATING": "2", "OPTIN_TIME": "2018-02-05 19:28:22", "OPTIN_IP": "192.0.2.1",
    "CONFIRM_TIME": "2018-02-05 19:28:23", "EUID": "abc123", "TAGS": '"Lorem, Ltd","Editors"',
    "UNSUB_TIME": "2020-03-23 17:30:05", "CLEAN_TIME": "2021-03-23 17:30:05",
}  # fmt: skip


def test_a_subscriber(parse):
    (person,) = parse(sheet(SUBSCRIBED, ROW), name="subscribed_members_export_1a2b3c.csv", zone="Asia/Tokyo")
    assert (person.key, person.name, person.email) == ("abc123", "Ann Example", "Ann@Example.com")
    assert (person.tags, person.extra) == (["Lorem, Ltd", "Editors"], {"birthday": "--02-03", "Shoe size": "39"})
    assert person.joined_at == dt.datetime(2018, 2, 5, 19, 28, 23, tzinfo=dt.UTC)
    assert (person.consent, person.consent_detail) == ("yes", "Mailchimp: subscribed 2018-02-05 19:28:23")


@pytest.mark.parametrize(
    ("header", "name", "consent"),
    [
        (SUBSCRIBED, "subscribed.csv", "yes"),
        (SUBSCRIBED, "Subscribed_members.csv", "yes"),
        (SUBSCRIBED, "my_subscribed_members.csv", "yes"),
        (SUBSCRIBED, "unsubscribed_members.csv", "no"),
        (SUBSCRIBED, "cleaned_members.csv", "no"),
        (SUBSCRIBED, "nonsubscribed_members.csv", ""),
        (SUBSCRIBED, "non-subscribed.csv", ""),
        (SUBSCRIBED, "audience.csv", ""),
        (UNSUBSCRIBED, "audience.csv", "no"),
        (UNSUBSCRIBED, "subscribed.csv", "no"),
        (CLEANED, "audience.csv", "no"),
        (CLEANED, "subscribed.csv", "no"),
    ],
)
def test_the_file_tells_the_answer(parse, header, name, consent):
    (person,) = parse(sheet(header, ROW), name=name)
    assert person.consent == consent
    assert parse.warned == ([("status_in_file_name", 2)] if name == "audience.csv" and header == SUBSCRIBED else [])


def test_a_row_without_an_address_is_set_aside(parse):
    (row,) = parse(sheet(SUBSCRIBED, {**ROW, "Email Address": "Ann"}))
    assert isinstance(row, BadRow)


@pytest.mark.django_db
class TestInTheBooks:
    @pytest.fixture(autouse=True)
    def files(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path / "media"

    def test_the_name_of_the_uploaded_file_is_what_counts(self, take):
        take(sheet(SUBSCRIBED, ROW), name="subscribed_members_export.csv")
        assert Contact.objects.get().consent == "yes"

    def test_who_left_or_bounced_is_never_subscribed_again(self, take):
        take(sheet(CLEANED, ROW), name="cleaned.csv")
        take(sheet(SUBSCRIBED, ROW), name="subscribed.csv")
        person = Contact.objects.get()
        assert (person.consent, Consent.objects.get().detail) == ("no", "Mailchimp: cleaned 2021-03-23 17:30:05")

    def test_a_renamed_file_says_so(self, take):
        result = take(sheet(SUBSCRIBED, ROW), name="audience.csv").result
        assert [text.startswith("Only the name of Mailchimp's file") for text in result["warnings"]] == [True]
        assert Contact.objects.get().consent == "unknown"
