"""The customer list as a file for a spreadsheet."""

import csv
import io

import pytest

from tests.contacts.people import person

pytestmark = pytest.mark.django_db


def rows(response) -> list[dict]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_export_holds_the_filtered_people_with_units_and_dates(owner_client):
    person("Ava", email="ava@example.com", phone="+49305557", group="loyal", order_count=2, spent_minor=1250, tags=["a", "b"],
           consent="yes", churn_risk=0.2, scored_on="2026-11-19", days_quiet=1)  # fmt: skip
    person("Theo", group="at_risk")
    response = owner_client.get("/customers/export/?group=loyal")
    (row,) = rows(response)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert (row["Full name"], row["Phone"], row["Total spent"], row["Currency"]) == ("Ava", "+49305557", "12.50", "EUR")
    assert (row["Tags"], row["Permission to write"], row["Group"]) == ("a, b", "Said yes", "Loyal")
    assert (row["Last order"], row["Churn risk"], row["Risk and group as of"]) == ("2026-11-19", "0.200", "2026-11-19")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+cmd", "-2+3"])
def test_export_never_holds_a_formula(owner_client, name):
    person(name)
    assert rows(owner_client.get("/customers/export/"))[0]["Full name"] == "'" + name


def test_export_of_ticked_people_holds_only_them(owner_client):
    ava = person("Ava")
    person("Theo")
    response = owner_client.post("/customers/", {"act": "export", "ids": [ava.pk]})
    assert [row["Full name"] for row in rows(response)] == ["Ava"]


def test_export_of_an_unreadable_filter_goes_back_to_the_list_instead_of_giving_everybody(owner_client):
    person("Ava")
    response = owner_client.get("/customers/export/?group=kings")
    assert (response.status_code, response["Location"]) == (302, "/customers/?group=kings")


def test_a_cafe_counts_stamps_in_the_list_and_in_the_file(owner_client):
    person("Ava", email="ava@example.org")
    page = owner_client.get("/customers/").content.decode()
    assert (">Stamps<" in page, 'data-label="Stamps"' in page, "Most stamps" in page) == (True, True, True)
    header = b"".join(owner_client.get("/customers/export/").streaming_content).decode("utf-8-sig").splitlines()[0]
    assert ("Stamps" in header, "Points" in header) == (True, False)
