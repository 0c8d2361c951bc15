"""The Today page says what is in the books, and nothing else."""

import datetime as dt
import html
import json
import re

import pytest
from django.urls import reverse

from crm.accounts.models import Shop
from crm.campaigns.models import Campaign
from crm.contacts import segments
from crm.contacts.models import Contact, Segment, SegmentSize
from crm.home import notices
from crm.home.notices import Notice
from crm.imports.models import Import
from crm.rewards import ledger
from crm.rewards.models import Rule
from tests.conftest import NOW
from tests.home.tiny import books, person, sale


def text(response) -> str:
    """Return what a reader sees, in one line."""
    body = response.content.decode()
    body = re.sub(r"(?s)<script.*?</script>|<svg.*?</svg>|<title>.*?</title>", " ", body)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture
def today(owner_client):
    return lambda query="": owner_client.get(reverse("home:today") + query)


def test_numbers_are_those_worked_out_by_hand(today):
    books()
    response = today()
    figures = {figure.label: figure for figure in response.context["key_figures"]}
    revenue, repeat = figures["Revenue, 30 days"], figures["Repeat orders, 30 days"]
    assert (revenue.value, revenue.note, revenue.delta) == ("€60.00", "was €40.00 in the 30 days before", 0.5)
    assert revenue.points == [0, 0, 0, 1500, 0, 0, 0, 0, 2000, 0, 500, 0, 2000, 0]
    assert (repeat.value, repeat.note) == ("66.7%", "was 100.0% in the 30 days before")
    assert repeat.delta == pytest.approx(-1 / 3)
    assert "down 33 fewer of 100 was 100.0%" in text(response)  # 33% less of a share would be another number
    assert response.context["greeting"] == "Good morning, Lena"
    assert response.context["lead"] == "1 order yesterday, €20.00."


def test_regulars_at_risk_come_from_the_segment_with_their_date(today):
    ada, bo = books()
    day = dt.date(2026, 11, 19)
    segment = segments.replace_members("slipping-regulars", [ada.pk, bo.pk], as_of=day, name="Slipping")
    SegmentSize.objects.create(segment=segment, date=day - dt.timedelta(days=35), member_count=4)
    SegmentSize.objects.create(segment=segment, date=day - dt.timedelta(days=7), member_count=3)
    figure = today().context["key_figures"][2]
    assert (figure.value, figure.delta, figure.good_when) == ("2", -0.5, "down")
    assert figure.note == "came three times or more · were 4 a month before · as of Nov 19"
    assert figure.points == [4, 3, 2]
    assert figure.href == segment.get_absolute_url()


def test_points_outstanding_are_the_ledgers(today, now):
    ada, bo = books()
    ledger.adjust(ada.pk, points=100, reason="gift", key="1", now=now - dt.timedelta(days=40))
    ledger.adjust(bo.pk, points=50, reason="gift", key="2", now=now - dt.timedelta(days=2))
    ledger.adjust(ada.pk, points=-30, reason="used", key="3", now=now)
    figure = today().context["key_figures"][3]
    assert (figure.value, figure.delta) == ("120", 0.2)
    assert figure.note == "points in your customers' hands, were 100 a month ago"
    assert figure.points == [100] * 11 + [150, 150, 120]


@pytest.mark.parametrize(
    ("query", "count", "first", "last"),
    [
        ("?period=30d", 30, "Oct 22", "Nov 20"),
        ("", 13, "Aug 22 – Aug 28", "Nov 14 – Nov 20"),
        ("?period=1y", 12, "Dec 2025", "Nov 2026"),
        ("?period=nonsense", 13, "Aug 22 – Aug 28", "Nov 14 – Nov 20"),
    ],
)
def test_period_switch_without_a_script(today, query, count, first, last):
    books()
    rows = today(query).context["revenue_rows"]
    assert (len(rows), rows[0].label, rows[-1].label) == (count, first, last)
    assert sum(row.takings.minor for row in rows[-2:]) == {30: 2_000, 13: 6_000, 12: 10_000}[count]


@pytest.mark.parametrize("period", ["30d", "90d", "1y"])
def test_chart_and_table_hold_the_same_numbers(today, owner_client, period):
    books()
    table = today(f"?period={period}").context["revenue_rows"]
    figure = json.loads(owner_client.get(reverse("home:revenue_chart") + f"?period={period}").content)
    assert [trace["name"] for trace in figure["data"]] == ["Returning customers", "New customers", "No name known"]
    assert [list(amounts) for amounts in zip(*(trace["y"] for trace in figure["data"]))] == [
        row.amounts for row in table
    ]
    assert [label for label, _amount in figure["data"][0]["customdata"]] == [row.label for row in table]
    assert figure["layout"]["template"] == {}


def test_chart_speaks_chinese(today, owner_client):
    books()
    owner_client.cookies["language"] = "zh-hans"
    figure = json.loads(owner_client.get(reverse("home:revenue_chart")).content)
    assert figure["layout"]["xaxis"]["ticktext"][-1] == "11月14日"


def test_an_old_file_is_counted_back_from_its_newest_order(today):
    sale("O-1", person("Ada"), days_ago=300, total=1_000)
    sale("O-2", person("Bo"), days_ago=310, total=500)
    response = today()
    assert response.context["lead"] == "Your newest order is from Jan 24, 2026; the figures count back from that day."
    assert response.context["key_figures"][0].value == "€15.00"


def test_quiet_days_are_told_without_blame(today):
    sale("O-1", person("Ada"), days_ago=6, total=1_000)
    assert today().context["lead"] == "No orders yesterday. The last ones came on Nov 14, 2026: €10.00."


def test_an_empty_shop_offers_two_doors(today):
    response = today()
    assert response.context["is_empty"]
    body = response.content.decode()
    assert f'href="{reverse("imports:new")}"' in body
    assert f'action="{reverse("home:demo_start")}"' in body
    assert [step.is_done for step in response.context["steps"]] == [False] * 4
    assert "key_figures" not in response.context


def test_checklist_counts_what_is_done_and_disappears(today, shop):
    books()
    assert [step.is_done for step in today().context["steps"]] == [True, False, False, False]
    Rule.objects.create(
        kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on="2026-01-01"
    )
    Shop.objects.update(sender_email="hello@example.com")
    Campaign.objects.create(name="First", state=Campaign.State.DRAFT)
    assert [step.is_done for step in today().context["steps"]] == [True, True, True, False]
    Campaign.objects.update(state=Campaign.State.FINISHED)
    assert today().context["steps"] == []


def test_demo_data_never_counts_as_set_up(today, shop):
    books()
    Shop.objects.update(is_demo=True)
    response = today()
    assert response.context["steps"] == []
    assert "This is a demo shop" in text(response)


def test_happenings_are_the_newest_of_every_kind(today, now):
    ada, _bo = books()
    ledger.adjust(ada.pk, points=5, reason="birthday", key="1", now=now - dt.timedelta(hours=1))
    Import.objects.create(
        file_name="orders.csv", path="x", size_bytes=1, sha256="0", state="done", rows_read=1_284,
        finished_at=now - dt.timedelta(hours=2),
    )  # fmt: skip
    found = [(one.who, one.what) for one in today().context["happenings"]]
    assert found == [
        ("Ada Brandt", "5 points given"),
        ("orders.csv", "1,284 rows imported"),
        ("Ada Brandt", "Order of €20.00"),
        ("Bo Weber", "Order of €7.00"),
        ("Ada Brandt", "Order of $88.00"),
        ("No name known", "Order of €99.00, cancelled"),
        ("No name known", "Order of €20.00"),
    ]


def test_groups_are_counted_live_and_dated(today):
    ada, bo = books()
    Contact.objects.filter(pk=ada.pk).update(group="champions")
    Contact.objects.filter(pk=bo.pk).update(group="new")
    Segment.objects.create(slug="new", name="New", as_of="2026-11-19")
    found = today().context["groups"]
    assert [(count, href) for _label, count, _colour, href in found.parts if count] == [
        (1, "/customers/?group=champions"),
        (1, "/customers/?group=new"),
    ]
    assert found.as_of == dt.date(2026, 11, 19)


def test_notices_of_upper_floors_are_shown_with_their_button(today, monkeypatch):
    said = Notice("The first run is planned for 03:00.", post_url="/insights/refresh/", button="Work it out now")
    monkeypatch.setattr(notices, "READERS", {"night": lambda **_context: said, "quiet": lambda **_context: None})
    body = today().content.decode()
    assert body.count("The first run is planned for 03:00.") == 1
    assert 'action="/insights/refresh/"' in body


def test_the_number_of_queries_does_not_grow(today, django_assert_max_num_queries):
    books()
    today()
    with django_assert_max_num_queries(35) as first:
        today()
    for n in range(3):
        sale(f"N-{n}", person(f"Person {n}"), days_ago=n, total=100)
    with django_assert_max_num_queries(len(first)):
        today()


def test_every_page_is_private(client, shop, owner):
    for name in ("home:today", "home:search", "home:revenue_chart"):
        assert client.get(reverse(name)).status_code == 302


def test_the_clock_of_the_shop_decides_the_greeting(today, shop):
    Shop.objects.update(timezone="Asia/Shanghai")
    assert today().context["greeting"] == "Good afternoon, Lena"
    assert NOW.hour == 9
