"""A person's data are handed over whole: to programs by stable keys, to people in words."""

import datetime as dt
import io
import json
import zipfile

import pytest
from django.utils import translation

from crm.campaigns.models import Campaign, Click, Link, Message, Outgoing, Rotation
from crm.contacts import consent, handing_over, merging, segments
from crm.contacts.models import ContactKey, Note, PrivacyRecord
from crm.coupons.models import Code, Coupon
from crm.orders.models import OrderLine, Refund
from crm.rewards import ledger, settling
from loyalty.models import Run, Score
from tests.contacts.people import person
from tests.rewards.conftest import amend, euro_rule, new_order


@pytest.fixture
def anna(shop, now):
    anna = person("Anna Meyer", email="anna@example.org", phone="+49 171 1234567", birthday=dt.date(1990, 5, 1))
    twin = person("A. Meyer", email="a.meyer@example.com")
    merging.merge(anna.pk, drop_id=twin.pk, now=now)
    euro_rule(now)
    order = new_order(anna, now, total_minor=1250, note="Ring twice")
    amend(order, refunded_minor=250, payment="partly_refunded")
    OrderLine.objects.create(order=order, position=1, name="Rye <loaf>", quantity=2, unit_price_minor=625, total_minor=1250)
    Refund.objects.create(order=order, key="total", amount_minor=250, at=now, reason="Burnt")
    settling.settle([order.pk], now=now)
    ledger.adjust(anna.pk, points=5, reason="Sorry", key="k", now=now)
    ContactKey.objects.create(contact=anna, source="shopify", value="721")
    Note.objects.create(contact=anna, text="Likes rye", at=now, author="Lena")
    consent.record([anna.pk], state="yes", source="owner", detail="at the counter", at=now)
    segments.replace_members("champions", [anna.pk], as_of=now.date(), name="Champions")
    campaign = Campaign.objects.create(name="News", subject="S", body="B")
    rotation = Rotation.objects.create(campaign=campaign, local_date=now.date(), started_at=now)
    message = Message.objects.create(rotation=rotation, contact=anna, state="sent", due_at=now, sent_at=now)
    Outgoing.objects.create(message=message, to="anna@example.org", subject="Hello", text="Dear Anna", html="", at=now)
    link = Link.objects.create(campaign=campaign, url="https://shop.example/rye", url_hash="h")
    Click.objects.create(message=message, link=link, at=now)
    card = Coupon.objects.create(name="Card", gives="gift_card", starts_on=now.date(), code_kind="unique", created_at=now)
    Code.objects.create(coupon=card, code_hash="2", number=1, balance_minor=500, contact=anna, created_at=now)
    run = Run.objects.create(as_of=now.date(), state="done", horizon_days=90)
    Score.objects.create(
        run=run, contact=anna, group="champions", stage="active", recency_grade=5, frequency_grade=4, money_grade=3,
        churn_risk=0.25, value_ahead_minor=4000, reasons=[{"code": "quiet_for", "days": 41, "usual": 18}],
    )  # fmt: skip
    anna.refresh_from_db()
    return anna


def unpacked(packed: bytes) -> tuple[dict, str]:
    with zipfile.ZipFile(io.BytesIO(packed)) as package:
        assert sorted(package.namelist()) == ["data.json", "your-data.html"]
        return json.loads(package.read("data.json")), package.read("your-data.html").decode()


def test_data_for_programs(anna, shop, now):
    data, _page = unpacked(handing_over.archive(anna, shop=shop, now=now, by_user=1))
    assert (data["schema"], data["customer_number"], data["made_at"]) == (
        "regulars-person/1", anna.pk, "2026-11-20T09:00:00Z"
    )  # fmt: skip
    customer = data["customer"]
    facts = customer["facts"]
    assert (facts["email"], facts["birthday"], facts["consent"]) == ("anna@example.org", "1990-05-01", "yes")
    assert {"source": "shopify", "value": "721"} in customer["known_by"]
    assert [one["state"] for one in customer["permissions"]] == ["yes"]
    assert [one["text"] for one in customer["notes"]] == ["Likes rye"]
    assert len(customer["merges"]) == 1
    [order] = data["orders"]["all_orders"]
    assert (order["total"], order["note"]) == ({"amount": "12.50", "currency": "EUR"}, "Ring twice")
    assert order["lines"][0]["unit_price"] == {"amount": "6.25", "currency": "EUR"}
    assert order["refunds"][0] == {
        "at": "2026-11-20T09:00:00Z", "amount": {"amount": "2.50", "currency": "EUR"}, "reason": "Burnt"
    }  # fmt: skip
    assert data["points"]["balance"]["can_be_spent"] == 15
    assert sorted(one["points"] for one in data["points"]["movements"]) == [5, 10]
    [message] = data["messages"]["all_messages"]
    assert (message["text"], message["clicks"][0]["address"]) == ("Dear Anna", "https://shop.example/rye")
    assert data["coupons"]["codes"][0]["gift_card_balance"] == {"amount": "5.00", "currency": "EUR"}
    [score] = data["predictions"]["runs"]
    assert (score["as_of"], score["churn_risk"], len(score["reasons"])) == ("2026-11-20", 0.25, 1)
    assert PrivacyRecord.objects.values_list("act", "contact_id", "by_user", "by_customer").get() == (
        "handed", anna.pk, 1, False
    )  # fmt: skip


def test_a_page_for_people(anna, shop, now):
    with translation.override("zh-hans"):  # what the reader's own page is in; the shop's language counts
        _data, page = unpacked(handing_over.archive(anna, shop=shop, now=now))
    assert "<h1>Your data at Linden &amp; Loaf</h1>" in page
    for text in ("anna@example.org", "€12.50", "Rye &lt;loaf&gt;", "Likes rye", "Nov 20, 2026 10:00", "Customer since"):
        assert text in page, text
    assert "style=" not in page and "<script" not in page and "http-equiv" not in page
    assert PrivacyRecord.objects.get().by_customer


def test_every_part_is_put_into_words(anna, shop, now):
    everything = handing_over.collect(anna, shop=shop, now=now)

    def keys(value) -> set[str]:
        if isinstance(value, dict):
            inner = value.values()
            return {*value, *(key for one in inner for key in keys(one))}
        return {key for one in value for key in keys(one)} if isinstance(value, list) else set()

    said = {key for name, part in everything.items() if isinstance(part, dict) for key in {name} | keys(part)}
    assert sorted(key for key in said if key not in handing_over.LABELS) == []


def test_it_asks_as_often_for_many_orders_as_for_one(anna, shop, now, django_assert_max_num_queries):
    with django_assert_max_num_queries(60) as one:
        handing_over.collect(anna, shop=shop, now=now)
    for _order in range(20):
        order = new_order(anna, now)
        OrderLine.objects.create(order=order, position=1, name="x")
        settling.settle([order.pk], now=now)
    with django_assert_max_num_queries(len(one.captured_queries)):
        handing_over.collect(anna, shop=shop, now=now)


def test_the_owner_downloads_it(owner_client, owner, anna):
    assert owner_client.get(f"/customers/{anna.pk}/data/").status_code == 405
    response = owner_client.post(f"/customers/{anna.pk}/data/")
    assert (response.status_code, response["Content-Type"], response["Cache-Control"]) == (
        200, "application/zip", "no-store"
    )  # fmt: skip
    assert f"customer-{anna.pk}-2026-11-20.zip" in response["Content-Disposition"]
    assert unpacked(response.content)[0]["customer_number"] == anna.pk
    assert PrivacyRecord.objects.get().by_user == owner.pk
