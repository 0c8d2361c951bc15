import datetime as dt

import pytest

from crm.rewards import catching_up, explaining, ledger, rule_changing, settling
from crm.rewards.models import Entry
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order


def sentences():
    return [row.sentence for row in explaining.explain(Entry.objects.order_by("pk"))]


def test_earning(rule, mia, now):
    settling.settle([new_order(mia, now, 100, number="#1").pk], now=now)
    settling.settle([new_order(mia, now, 8490, number="#2", shipping_minor=490).pk], now=now)
    settling.settle([new_order(mia, now, 10000, number="#3", refunded_minor=2000, payment="partly_refunded").pk], now=now)
    assert sentences() == [
        "1 point for order #1: 1 point for every €1.00, on €1.00.",
        "80 points for order #2: 1 point for every €1.00, on €80.00 without shipping.",
        "80 points for order #3: 1 point for every €1.00, on €80.00, net of €20.00 refunded.",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"refunded_minor": 2000, "payment": "partly_refunded"},
            "20 points taken back: part of order #1 was refunded, €60.00 still count.",
        ),
        ({"refunded_minor": 8000, "payment": "refunded"}, "80 points taken back: order #1 was refunded."),
        ({"cancelled_at": dt.datetime(2026, 11, 20, tzinfo=dt.UTC)}, "80 points taken back: order #1 was cancelled."),
        ({"payment": "unpaid"}, "80 points taken back: order #1 is not paid."),
        ({"contact": None}, "80 points taken back: order #1 belongs to somebody else."),
        ({"total_minor": 7000}, "10 points taken back: order #1 now counts with €70.00."),
        ({"total_minor": 9000}, "10 points more: order #1 now counts with €90.00."),
        (
            {"placed_at": dt.datetime(2025, 1, 1, tzinfo=dt.UTC)},
            "80 points taken back: the rules of its day give nothing for order #1.",
        ),
    ],
)
def test_correcting(rule, mia, now, change, said):
    order = new_order(mia, now, 8000, number="#1")
    settling.settle([order.pk], now=now)
    amend(order, **change)
    settling.settle([order.pk], now=now)
    assert sentences() == ["80 points for order #1: 1 point for every €1.00, on €80.00.", said]


def test_counting_again(rule, mia, now):
    order = new_order(mia, now, 8000, number="#1")
    for change in ({"cancelled_at": now}, {"cancelled_at": None}):
        settling.settle([order.pk], now=now)
        amend(order, **change)
    settling.settle([order.pk], now=now)
    assert sentences()[2] == "80 points given again: order #1 counts once more, with €80.00."


def test_removed_order(rule, mia, now):
    order = new_order(mia, now, 8000, number="#1")
    settling.settle([order.pk], now=now)
    order_id = order.pk
    order.delete()
    settling.settle([order_id], now=now)
    assert sentences() == [
        "80 points for an order that was removed later.",
        "80 points taken back: the order was removed.",
    ]


def test_other_kinds(shop, now):
    rule_changing.start(kind="welcome", params={"points": 1}, starts_on=dt.date(2026, 11, 20), now=now)
    mia = new_contact(now, joined_at=now)
    catching_up.catch_up(now=now)
    ledger.adjust(mia.pk, points=9, reason="sorry", key="a", now=now)
    ledger.adjust(mia.pk, points=-1, reason="coffee", key="b", now=now)
    ledger.post(
        [ledger.Posting(contact_id=mia.pk, points=5, kind="campaign", source="c", reason="Spring", at=now)], now=now
    )
    assert sentences() == [
        "1 point as a welcome gift.",
        "9 points given by hand: sorry",
        "1 point taken by hand: coffee",
        "5 points from the campaign “Spring”.",
    ]


def test_two_queries_however_many(mia, now, queries_of):
    euro_rule(now)
    settling.settle([new_order(mia, now).pk], now=now)
    one = queries_of(sentences)
    settling.settle([new_order(mia, now).pk for _ in range(3)], now=now)
    assert queries_of(sentences) == one == 3
