import datetime as dt

import pytest

from crm.imports.formats.base import BadRow

from .sheets import sheet

HEADER = (
    "Email,Klaviyo ID,First Name,Last Name,Organization,Phone Number,Address,City,State / Region,Country,Zip Code,Source,"
    "Email Marketing Consent,Email Marketing Consent Timestamp,SMS Marketing Consent,Email Suppressions,Profile Created On,"
    "Date Added,Favourite tea"
)
ROW = {
    "Email": "ann@example.com", "Klaviyo ID": "01ABC", "First Name": "Ann", "Last Name": "Example", "City": "Bonn",
    "Country": "Germany", "Zip Code": "'00123", "Email Marketing Consent": "SUBSCRIBED",
    "Email Marketing Consent Timestamp": "2025-01-02 03:04:05", "Profile Created On": "2024-05-06 07:08:09",
    "Source": "form", "Favourite tea": "green", "SMS Marketing Consent": "NEVER_SUBSCRIBED",
}  # fmt: skip


def test_a_profile(parse):
    (person,) = parse(sheet(HEADER, ROW))
    assert (person.key, person.name, person.email, person.postcode) == ("01ABC", "Ann Example", "ann@example.com", "00123")
    assert (person.consent, person.consent_detail) == ("yes", "Klaviyo: SUBSCRIBED 2025-01-02 03:04:05")
    assert person.joined_at == dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    assert person.extra == {"SMS Marketing Consent": "NEVER_SUBSCRIBED", "Favourite tea": "green"}


@pytest.mark.parametrize(
    ("said", "suppressed", "consent"),
    [
        ("SUBSCRIBED", "[]", "yes"),
        ("SUBSCRIBED", "HARD_BOUNCE", "no"),
        ("SUBSCRIBED", "['USER_SUPPRESSED']", "no"),
        ("UNSUBSCRIBED", "", "no"),
        ("NEVER_SUBSCRIBED", "", ""),
        ("NEVER_SUBSCRIBED", "SPAM_COMPLAINT", "no"),
        ("", "", ""),
    ],
)
def test_suppressed_beats_subscribed(parse, said, suppressed, consent):
    (person,) = parse(sheet(HEADER, {**ROW, "Email Marketing Consent": said, "Email Suppressions": suppressed}))
    assert person.consent == consent


def test_consent_without_an_address_is_none(parse):
    (person,) = parse(sheet(HEADER, {**ROW, "Email": "", "Phone Number": "+49 30 5551234"}))
    assert (person.consent, person.phone) == ("", "+49 30 5551234")


def test_nobody_at_all_is_set_aside(parse):
    (row,) = parse(sheet(HEADER, {**ROW, "Email": "", "Klaviyo ID": ""}))
    assert isinstance(row, BadRow)


OLDER = (
    "Email,Klaviyo ID,First Name,Last Name,Organization,Title,Phone Number,Address,Address 2,City,State / Region,Country,"
    "Zip Code,Latitude,Longitude,Source,Consent,SMS Consent Timestamp,First Active,Last Active,Profile Created On,"
    "Date Added,Last Open,Last Click,Historic Number Of Orders,$consent_method,Accepts Marketing"
)


def test_the_older_header_asks_nobody_and_stops_nobody(parse):
    """Its column Consent lists channels in words we have no description of, so it is kept and answers nothing."""
    (person,) = parse(
        sheet(OLDER, {**ROW, "Consent": '["email","web"]', "Accepts Marketing": "yes", "Last Open": "2023-01-02"})
    )
    assert (parse.looked.format, person.key, person.email, person.consent) == ("klaviyo", "01ABC", "ann@example.com", "")
    assert person.extra["Consent"] == '["email","web"]'
