"""The filter of the customer list: what each field means, and what becomes of values nobody can read."""

import datetime as dt

import pytest
from django.http import QueryDict

from crm.contacts import listing
from crm.contacts.listing import Filter
from crm.contacts.models import Segment
from tests.conftest import NOW
from tests.contacts.people import person

pytestmark = pytest.mark.django_db


def names(query: str) -> list[str]:
    return [contact.name for contact in Filter(QueryDict(query), now=NOW).ordered]


def test_a_phone_number_is_known_with_its_country_or_dialled_from_within(shop):
    theo, twin = (person(name, email="", phone="+49 30 5557 0142") for name in ("Theo", "Twin"))
    own = person("Own", email="", phone="040 5557 0143")
    said = {text: set(listing.with_phone(text)) for text in ("+49 30 55570142", "030/5557 0142", "040 55570143", "030 99999123")}
    assert list(said.values()) == [{theo, twin}, {theo, twin}, {own}, set()]
    assert [listing.with_phone(text) for text in ("", "Theo", "123", "a@b.example")] == [None] * 4


@pytest.fixture
def people(shop):
    return [
        person("Ava Okafor", email="ava@example.com", days_quiet=10, order_count=6, spent_minor=17903, points_balance=50,
               group="loyal", stage="regular", churn_risk=0.20, consent="yes", city="Berlin", country="DE", tags=["vip"]),
        person("Theo Patel", email="theo@example.com", phone="+49 30 5557 0142", days_quiet=100, order_count=4,
               spent_minor=13745, group="at_risk", stage="slipping", churn_risk=0.82, at_stake_minor=9000, consent="no",
               city="München", country="DE", tags=["vip-lounge", "say \"hi\""]),
        person("Özlem Yılmaz", email="ozlem@example.com", company="Müller & Söhne", order_count=0, country="TR",
               joined_at=NOW - dt.timedelta(days=5)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query, expected",
    [
        ("", ["Ava Okafor", "Theo Patel", "Özlem Yılmaz"]),
        ("q=okaf", ["Ava Okafor"]),
        ("q=patel+theo", ["Theo Patel"]),
        ("q=theo@example", ["Theo Patel"]),
        ("q=0142", ["Theo Patel"]),
        ("q=030+5557", ["Theo Patel"]),
        ("q=%C3%B6zlem", ["Özlem Yılmaz"]),
        ("q=m%C3%9CLLER", ["Özlem Yılmaz"]),
        ("q=100%25", []),
        ("group=at_risk", ["Theo Patel"]),
        ("stage=regular", ["Ava Okafor"]),
        ("consent=yes", ["Ava Okafor"]),
        ("tag=vip", ["Ava Okafor"]),
        ("tag=say+%22hi%22", ["Theo Patel"]),
        ("min_orders=5", ["Ava Okafor"]),
        ("max_orders=4", ["Theo Patel", "Özlem Yılmaz"]),
        ("min_spent=137.46", ["Ava Okafor"]),
        ("min_spent=137.45&max_spent=137.45", ["Theo Patel"]),
        ("quiet_days=60", ["Theo Patel"]),
        ("ordered_after=2026-11-10", ["Ava Okafor"]),
        ("ordered_before=2026-11-09", ["Theo Patel"]),
        ("joined_after=2026-11-15", ["Özlem Yılmaz"]),
        ("risk=high", ["Theo Patel"]),
        ("risk=low", ["Ava Okafor"]),
        ("city=berl", ["Ava Okafor"]),
        ("country=tr", ["Özlem Yılmaz"]),
        ("points=yes", ["Ava Okafor"]),
        ("points=no&country=tr", ["Özlem Yılmaz"]),
        ("group=at_risk&consent=yes", []),
    ],
)
def test_filter_finds_exactly_the_people_it_names(people, query, expected):
    assert names(query) == expected


def test_last_order_day_is_the_shops_day_not_utc(shop):
    # 23:30 UTC on the 9th is already the 10th in Berlin
    person("Late", last_order_at=dt.datetime(2026, 11, 9, 23, 30, tzinfo=dt.UTC))
    assert names("ordered_after=2026-11-10") == ["Late"]
    assert names("ordered_before=2026-11-09") == []


@pytest.mark.parametrize(
    "sort, expected",
    [
        ("name", ["Ava Okafor", "Theo Patel", "Özlem Yılmaz"]),
        ("-spent", ["Ava Okafor", "Theo Patel", "Özlem Yılmaz"]),
        ("orders", ["Özlem Yılmaz", "Theo Patel", "Ava Okafor"]),
        ("-risk", ["Theo Patel", "Ava Okafor", "Özlem Yılmaz"]),
        ("risk", ["Ava Okafor", "Theo Patel", "Özlem Yılmaz"]),
        ("last_order", ["Theo Patel", "Ava Okafor", "Özlem Yılmaz"]),
        ("-joined", ["Özlem Yılmaz", "Theo Patel", "Ava Okafor"]),
    ],
)
def test_sort_puts_people_without_a_value_last(people, sort, expected):
    assert names(f"sort={sort}") == expected


def test_erased_people_are_nowhere(people):
    people[0].erased_at = NOW
    people[0].save()
    assert names("") == ["Theo Patel", "Özlem Yılmaz"]


def test_unreadable_values_are_left_out_and_named(people):
    asked = Filter(QueryDict("min_orders=many&group=kings&country=DE"), now=NOW)
    assert [contact.name for contact in asked.ordered] == ["Ava Okafor", "Theo Patel"]
    assert sorted(asked.form.errors) == ["group", "min_orders"]
    assert len(asked.problems) == 2


def test_a_stored_filter_that_cannot_be_read_means_nobody(people):
    assert list(listing.filtered({"group": "kings"}, now=NOW)) == []
    assert listing.filtered({"group": "at_risk"}, now=NOW).get().name == "Theo Patel"


def test_saved_segment_is_read_live_and_an_unknown_one_is_empty(people):
    Segment.objects.create(slug="vip", name="VIP", kind="saved", filter={"tag": "vip"})
    assert names("segment=vip") == ["Ava Okafor"]
    assert names("segment=vip&group=at_risk") == []
    assert names("segment=nobody-knows") == []


def test_computed_segment_lists_its_members(people):
    segment = Segment.objects.create(slug="at_risk", name="At risk")
    segment.members.create(contact=people[1])
    assert names("segment=at_risk") == ["Theo Patel"]


def test_chips_say_each_condition_and_lead_to_the_list_without_it(people):
    asked = Filter(QueryDict("group=at_risk&min_orders=3&sort=-risk"), now=NOW)
    assert [(chip.text, chip.query_without) for chip in asked.described()] == [
        ("Group: At risk", "min_orders=3&sort=-risk"),
        ("At least 3 orders", "group=at_risk&sort=-risk"),
    ]


def test_every_field_of_the_filter_can_be_said(people):
    query = (
        "q=a&segment=x&group=new&stage=lapsed&consent=no&risk=low&tag=t&min_orders=1&max_orders=2&min_spent=1&max_spent=2"
        "&quiet_days=1&ordered_after=2026-01-02&ordered_before=2026-01-03&joined_after=2026-01-04&city=B&country=DE"
        "&points=no&ids=1,2"
    )
    assert [chip.text for chip in Filter(QueryDict(query), now=NOW).described()] == [
        "Search: a", "In “x”", "Group: New", "Stage: Gone", "Permission: Said no", "Risk of leaving: Low (under 33%)",
        "Tagged “t”", "At least 1 order", "At most 2 orders", "Spent €1.00 or more", "Spent €2.00 or less",
        "No order for 1 day", "Last order on Jan 2, 2026 or later", "Last order on Jan 3, 2026 or earlier",
        "Customer since Jan 4, 2026 or later", "City: B", "Country: DE", "Has no points", "2 chosen customers",
    ]  # fmt: skip


def test_pages_from_the_end_hold_the_same_rows_as_from_the_start(shop):
    for number in range(7):
        person(f"P{number}", order_count=number)
    asked = Filter(QueryDict("sort=name"), now=NOW)
    pages = listing.QuickPages(asked.ordered, 2, drawn=listing.Contact.objects.all(), is_filtered=False)
    assert [[row.name for row in pages.page(n)] for n in range(1, 5)] == [
        ["P0", "P1"],
        ["P2", "P3"],
        ["P4", "P5"],
        ["P6"],
    ]


@pytest.mark.parametrize("sort", ["-risk", "risk"])
def test_pages_put_people_without_a_value_last_wherever_the_page_is_cut(shop, sort, monkeypatch):
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    for number, risk in enumerate((0.1, 0.5, 0.9, None, None, None, None)):
        person(f"P{number}", churn_risk=risk)
    pages = Filter(QueryDict(f"sort={sort}"), now=NOW).paginator()
    listed = [row.name for number in pages.page_range for row in pages.page(number)]
    assert listed == (["P2", "P1", "P0", "P6", "P5", "P4", "P3"] if sort == "-risk" else [f"P{n}" for n in range(7)])
    assert listed == [row.name for row in Filter(QueryDict(f"sort={sort}"), now=NOW).ordered]


def test_pages_of_a_cut_filter_follow_the_order_too(shop, monkeypatch):
    monkeypatch.setattr("crm.lib.paging.MOST", 4)
    monkeypatch.setattr(listing, "PAGE_SIZE", 3)
    for number in range(6):
        person(f"P{number}", country="DE", churn_risk=None if number < 3 else number / 10)
    pages = Filter(QueryDict("country=de&sort=-risk"), now=NOW).paginator()
    assert [[row.name for row in pages.page(n)] for n in pages.page_range] == [["P5", "P4", "P3"], ["P2"]]


def test_counting_stops_at_the_limit_and_says_so(shop, monkeypatch):
    monkeypatch.setattr("crm.lib.paging.MOST", 3)
    for number in range(5):
        person(f"P{number}", country="DE")
    pages = Filter(QueryDict("country=de"), now=NOW).paginator()
    assert (pages.count, pages.shown, pages.is_cut) == (3, "3+", True)
    assert Filter(QueryDict(""), now=NOW).paginator().shown == "5"
