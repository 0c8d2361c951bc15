"""The pages where points are redeemed, rewards put on offer and the programme set."""

import html
import re

import pytest
from django.urls import reverse

from crm.orders.models import Product
from crm.rewards import ledger, redeeming, settling
from crm.rewards.forms import new_key
from crm.rewards.models import Account, Programme, Redemption, Reward
from tests.rewards.conftest import amend, new_order
from tests.rewards.test_lots import give


def text(response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.fixture
def saver(owner_client, mia, now):
    give(mia, 500, now=now, source="a")
    return mia


@pytest.fixture
def coffee(shop):
    return Reward.objects.create(kind="product", name="A coffee", points=120, worth_minor=280)


def redeem(client, contact, reward, **fields):
    values = {"reward": reward.pk, "points": "", "order": "", "note": "", "key": new_key()} | fields
    return client.post(reverse("rewards:redeem", args=[contact.pk]), values, follow=True)


def test_nothing_to_redeem_leads_to_the_form_for_a_reward(owner_client, saver):
    page = text(owner_client.get(reverse("rewards:redeem", args=[saver.pk])))
    assert "Nothing to redeem yet: say what points buy" in page


def test_reward_is_put_on_offer_used_and_stopped(owner_client, saver):
    values = {"kind": "money", "name": "Money off", "points": "100", "worth": "1,00", "least_points": "200", "most_percent": "50"}
    page = text(owner_client.post(reverse("rewards:reward_new"), values, follow=True))
    assert "Points can now be redeemed for “Money off”." in page
    assert "100 points · €1.00 · from 200 points · at most 50% of an order" in page
    reward = Reward.objects.get()
    page = text(owner_client.get(reverse("rewards:redeem", args=[saver.pk])))
    assert "Money off 200 to 500 points, worth up to €5.00" in page
    page = text(redeem(owner_client, saver, reward, points="300", order="12.00", note="#1043"))
    assert "Mia Fuchs redeemed 300 points for “Money off”, worth €3.00." in page
    assert "300 points · Money off · €3.00 · #1043" in page
    assert "300 points redeemed: Money off" in page
    owner_client.post(reverse("rewards:reward_stop", args=[reward.pk]))
    assert list(Reward.objects.values_list("is_active", flat=True)) == [False]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"worth": ""}, "worth"), ({"points": "0"}, "points"), ({"name": ""}, "name"), ({"most_percent": "101"}, None)],
)
def test_reward_that_makes_no_sense_is_drawn_again(owner_client, change, field):
    values = {"kind": "money", "name": "Off", "points": "100", "worth": "1", "least_points": "0", "most_percent": "100"}
    response = owner_client.post(reverse("rewards:reward_new"), values | change)
    assert (response.status_code, Reward.objects.count()) == (422, 0)
    if field:
        assert list(response.context["form"].errors) == [field]


def test_form_sent_twice_is_one_redemption(owner_client, saver, coffee):
    key = new_key()
    for _ in range(2):
        redeem(owner_client, saver, coffee, key=key)
    assert (ledger.balance(saver.pk), Redemption.objects.get().state) == (380, "committed")
    response = redeem(owner_client, saver, coffee, key=key, points="999")
    assert (response.status_code, ledger.balance(saver.pk)) == (422, 380)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"points": "60"}, "120 points at least for this. Nothing was taken."),
        ({"points": "240"}, "120 points at most for this. Nothing was taken."),
    ],
)
def test_refusal_says_what_would_do(owner_client, saver, coffee, fields, said):
    response = redeem(owner_client, saver, coffee, **fields)
    assert response.status_code == 422
    assert said in text(response)
    assert ledger.balance(saver.pk) == 500


def test_too_few_points_are_named(owner_client, saver, coffee):
    Reward.objects.update(points=600)
    response = redeem(owner_client, saver, coffee)
    assert "Mia Fuchs has 500 points; 600 cannot be taken. Nothing was changed." in text(response)


def test_redemption_is_undone_from_the_history(owner_client, saver, coffee, now):
    redeeming.redeem(saver.pk, reward=coffee, key="order:1", now=now)
    page = text(owner_client.post(reverse("rewards:roll_back", args=[Redemption.objects.get().pk]), follow=True))
    assert "The redemption was undone, 120 points were given back." in page
    assert "120 points given back: not redeemed in the end." in page
    assert ledger.balance(saver.pk) == 500


def test_programme_is_set(owner_client):
    url = reverse("rewards:programme")
    values = {"debt": "ask", "inactive_months": "12", "grace_days": "7", "first_warning_days": "30", "last_warning_days": "3"}
    assert "Saved." in text(owner_client.post(url, values, follow=True))
    assert list(Programme.objects.values_list("debt", "inactive_months", "grace_days")) == [("ask", 12, 7)]
    assert owner_client.post(url, values | {"last_warning_days": "30"}).status_code == 422
    assert owner_client.post(url, values | {"inactive_months": "0"}).status_code == 422


def test_pending_and_debt_are_shown_and_a_debt_is_forgiven(owner_client, rule, mia, now):
    order = new_order(mia, now, 8000)
    settling.settle([order.pk], now=now)
    ledger.adjust(mia.pk, points=-70, reason="coffee", key="a", now=now)
    amend(order, cancelled_at=now)
    settling.settle([order.pk], now=now)
    page = text(owner_client.get(reverse("rewards:history", args=[mia.pk])))
    assert "Owed 70 refunded after they were spent" in page
    assert "Who owes points" in text(owner_client.get(reverse("rewards:home")))
    Programme.objects.create(debt="ask")
    assert "1 customer spent points of an order that was refunded." in text(owner_client.get(reverse("home:today")))
    page = text(owner_client.post(reverse("rewards:forgive", args=[mia.pk]), follow=True))
    assert "Mia Fuchs owes nothing any more: 70 points were forgiven." in page
    assert "70 points forgiven: refunded after they were spent." in page
    assert Account.objects.get().debt == 0


def test_of_an_order_of_theirs_points_take_no_more_than_its_products_cost(owner_client, saver, now):
    cent = Reward.objects.create(kind="money", name="Money off", points=1, worth_minor=1)
    order = new_order(saver, now, total_minor=900)
    mug = Product.objects.create(key="mug", name="Mug", cost_minor=300)
    order.lines.create(position=1, product=mug, quantity=2, total_minor=800)
    order.lines.create(position=2, name="Wrapping", total_minor=100)
    page = text(redeem(owner_client, saver, cent, points=400, number=order.number))
    assert "300 points at most for this. Nothing was taken." in page
    redeem(owner_client, saver, cent, points=300, number=order.number)
    assert ledger.balance(saver.pk) == 200
    cent.may_go_below_cost = True
    cent.save()
    redeem(owner_client, saver, cent, points=200, number=order.number)
    assert ledger.balance(saver.pk) == 0
    page = text(redeem(owner_client, saver, cent, points=1, number="#nobody"))
    assert "They have no order of this number that counts." in page
