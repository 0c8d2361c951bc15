"""The offer ladder, from the night to the owner's page and on to a draft."""

import datetime as dt

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.campaigns.models import Campaign
from crm.contacts.models import Contact, Segment, SegmentMember
from crm.coupons import redeeming
from crm.coupons.models import Coupon
from crm.coupons.pricing import Basket, Line
from crm.lib.tokens import keyed_hash
from crm.orders.models import Product
from loyalty import dataset, offering, pipeline, sends
from loyalty.estimators import uplift
from loyalty.estimators.base import NotEnoughData, summarise
from loyalty.estimators.rhythm import Rhythm
from loyalty.estimators.rungs import RUNGS
from loyalty.models import Found, Run, Score
from loyalty.stages import ladder, waste
from tests.coupons.conftest import new_coupon
from tests.loyalty.conftest import LAST_DAY, moment, order, person

pytestmark = pytest.mark.django_db


def offers(**changes) -> offering.Offering:
    """A shop in which everything can be offered, to everybody."""
    values = {
        "margin": 0.6, "is_margin_known": True, "percent": 10, "points": 20, "points_minor": 60.0, "is_point_known": True,
        "shipping_minor": 400.0, "gift_id": None, "gift_minor": 90.0, "point_minor": 3.0, "may_write": set(range(100_000)),
        "locked": set(), "expiring": {},
    } | changes  # fmt: skip
    return offering.Offering(**values)


def climb(chance: float | np.ndarray, *, sent: uplift.Sends | None = None, what: offering.Offering | None = None):
    """Do the stage over the books as they stand."""
    today = dataset.load(as_of=LAST_DAY)
    summary = summarise(today)
    rhythm = Rhythm().fit(today, summary)
    return today, ladder.ladder(
        today, summary, chance=np.broadcast_to(chance, len(summary.customer)).astype(float), offering=what or offers(),
        sends=sent, known=sends.known(summary, rhythm, days=ladder.WINDOW_DAYS),
    )  # fmt: skip


def trial(arm: str, *, came: tuple[int, int], of: tuple[int, int]) -> uplift.Sends:
    """A mailing: so many of those written to came, so many of those left out."""
    size = sum(of)
    treated = np.arange(size) < of[0]
    ordered = np.r_[np.arange(of[0]) < came[0], np.arange(of[1]) < came[1]]
    return uplift.Sends(
        customer=np.arange(size), day=np.full(size, 20_000), arm=np.where(treated, RUNGS.index(arm), 0),
        arms=RUNGS, propensity=np.where(treated, of[0], of[1]) / size, outcome=ordered.astype(float),
        profit=ordered * 1_000.0, features=np.zeros((size, len(sends.NAMES))), names=sends.NAMES,
        cell=np.zeros(size, int), cells=("first_time", "regular", "slipping", "lapsed", "won_back"),
    )  # fmt: skip


@pytest.fixture
def books(shop):
    """12 customers who ordered for 20 each, two months ago and last month."""
    people = [person(f"Customer {n}") for n in range(12)]
    for one in people:
        for days in (60, 30):
            order(one, moment(LAST_DAY - dt.timedelta(days=days)), 2_000)
    return people


def test_without_a_test_it_says_so_and_offers_the_cheapest(books):
    _today, found = climb(0.3)
    data = found.found[ladder.OFFERS]
    assert (set(found.offer), {one["code"] for one in found.reason}) == ({"reminder"}, {"guess"})
    assert (data["evidence"], data["groups"]) == ({}, None)
    assert [row["people"] for row in data["rows"]] == [0, 12, 0, 0, 0, 0, 0]


def test_what_was_tested_is_told_with_how_many_and_what_came_of_it(books):
    _today, found = climb(0.3, sent=trial("reminder", came=(400, 30), of=(900, 100)))
    data = found.found[ladder.OFFERS]["evidence"]["reminder"]
    assert (data["people"], data["left_alone"], data["since"], data["base"]) == (1_000, 100, 20_000, 0.3)
    assert data["effect"] == pytest.approx(4 / 9 - 0.3, abs=1e-4)
    assert data["low"] < data["effect"] < data["high"]
    assert {one["code"] for one in found.reason} == {"tested"}


def test_few_left_out_move_what_is_believed_but_are_not_called_a_test(books):
    _today, guess = climb(0.3)
    _today, found = climb(0.3, sent=trial("reminder", came=(60, 2), of=(100, 12)))
    assert ({one["code"] for one in found.reason}, found.gain[0] > guess.gain[0]) == ({"guess"}, True)
    assert found.found[ladder.OFFERS]["groups"] is None


def test_a_percentage_that_works_is_kept_from_locked_people(books):
    works = [trial("reminder", came=(300, 300), of=(1_000, 1_000)), trial("percent", came=(800, 300), of=(1_000, 1_000))]
    both = uplift.Sends(**{
        name: getattr(works[0], name) if name in ("arms", "names", "cells")
        else np.concatenate([getattr(one, name) for one in works])
        for name in works[0].__dataclass_fields__ if name != "trial"
    }, trial=np.repeat([1, 2], 2_000))  # fmt: skip
    locked = {one.pk for one in books[:4]}
    today, found = climb(0.3, sent=both, what=offers(locked=locked))
    offer = dict(zip(today.customer_ids.tolist(), found.offer, strict=True))
    assert {offer[one.pk] for one in books[4:]} == {"percent"}
    assert {offer[one.pk] for one in books[:4]} <= {"nothing", "reminder"}
    groups = found.found[ladder.OFFERS]["groups"]
    assert (groups["rung"], sum(groups["sizes"].values()), found.found[ladder.OFFERS]["locked"]) == ("reminder", 12, 4)


def test_who_may_not_be_written_to_gets_nothing_and_the_reason(books):
    today, found = climb(0.3, what=offers(may_write={books[0].pk}))
    offer = dict(zip(today.customer_ids.tolist(), zip(found.offer, [one["code"] for one in found.reason]), strict=True))
    assert offer[books[0].pk] == ("reminder", "guess")
    assert {offer[one.pk] for one in books[1:]} == {("nothing", "may_not_write")}
    assert found.found[ladder.OFFERS]["nothing"]["may_not_write"] == 11


def test_reasons_for_nothing_tell_who_comes_anyway_from_who_is_gone(books):
    _today, found = climb(np.r_[np.full(6, 0.98), np.full(6, 0.01)])
    why = found.found[ladder.OFFERS]["nothing"]
    assert why == {"may_not_write": 0, "comes_anyway": 6, "unlikely": 6, "no_gain": 0}
    assert (set(found.offer), set(found.gain)) == ({"nothing"}, {0})


def test_a_note_is_for_people_whose_points_expire(books):
    _today, found = climb(0.3, what=offers(expiring={books[0].pk: 40}))
    rows = {row["rung"]: row["people"] for row in found.found[ladder.OFFERS]["for_all"]}
    assert (rows["note"], rows["reminder"]) == (1, 12)


def test_what_a_shop_cannot_offer_is_no_rung(books):
    nothing = dict.fromkeys(("points", "points_minor", "shipping_minor", "gift_minor"))
    _today, found = climb(0.3, what=offers(**nothing))
    assert [row["rung"] for row in found.found[ladder.OFFERS]["rows"]] == ["nothing", "reminder", "note", "percent"]


def test_a_handful_of_customers_is_too_few(shop):
    order(person(), moment(LAST_DAY))
    with pytest.raises(NotEnoughData, match="1 customers"):
        climb(0.3)


def mailing(effect: float, *, cost: float, size: int = 6_000, seed: int = 0) -> uplift.Sends:
    """A mailing of points that cost so much a head, and those left out; an order brings 1,000."""
    rng = np.random.default_rng(seed)
    treated, chance = rng.random(size) < 0.7, rng.uniform(0.1, 0.5, size)
    ordered = rng.random(size) < chance + effect * treated
    features = np.zeros((size, len(sends.NAMES)))
    for name, value in (("visits", 1), ("spend", 2_000), ("chance", chance)):
        features[:, sends.NAMES.index(name)] = value
    return uplift.Sends(
        customer=np.arange(size), day=np.full(size, 20_000), arm=np.where(treated, RUNGS.index("points"), 0),
        arms=RUNGS, propensity=np.where(treated, 0.7, 0.3), outcome=ordered.astype(float),
        profit=ordered * 1_000.0 - cost * treated, features=features, names=sends.NAMES, cell=np.zeros(size, int),
        cells=("first_time", "regular", "slipping", "lapsed", "won_back"),
    )  # fmt: skip


def test_replay_says_what_the_steps_would_have_earned():
    """Points that cost 60 and bring 0.15 orders of 1,000 are worth 90 a head to everybody; points that bring none cost 60."""
    what = offers(margin=0.5)
    works = ladder._replay(mailing(0.15, cost=60), what)
    assert (works["people"], works["written_to"]) == (6_000, 1.0)
    assert works["nobody"][0] == pytest.approx(90, abs=3 * works["nobody"][1])
    assert works["everybody"] == [0, 0]
    fails = ladder._replay(mailing(0.0, cost=60, seed=1), what)
    assert (fails["written_to"], fails["nobody"]) == (0.0, [0, 0])
    assert fails["everybody"][0] == pytest.approx(60, abs=3 * fails["everybody"][1])


def test_replay_needs_people_left_out():
    sent = trial("points", came=(400, 30), of=(900, 59))
    assert ladder._replay(sent, offers()) is None


def test_page_says_how_the_steps_would_have_done(owner_client, reachable):
    night(reachable)
    assert "Once your mailings have left 60 people out" in page(owner_client)
    found = Found.objects.get(kind=ladder.OFFERS)
    found.data["replay"] = {"people": 694, "written_to": 0.14, "since": 20_000, "nobody": [9.7, 2], "everybody": [1, 10]}
    found.save()
    text = page(owner_client)
    assert "Replayed on the 694 customers of your mailings since Oct 4, 2024" in text
    assert "that leaves €10 more than writing to nobody (8 of 10 times €7 to €12)." in text
    assert "Beside writing to all of them the difference per 100 customers is anything from -€12 to €14" in text
    found.data["replay"]["everybody"] = [-9.7, 2]
    found.save()
    assert "that leaves €10 less than writing to all (8 of 10 times €7 to €12)." in page(owner_client)


def test_offering_reads_costs_margin_and_permissions(shop, now):
    loaf = Product.objects.create(key="loaf", name="Loaf", price_minor=2_000, cost_minor=800, sold_quantity=3)
    bun = Product.objects.create(key="bun", name="Bun", price_minor=200, cost_minor=60, sold_quantity=9)
    ava, ben = person("Ava"), person("Ben")
    Contact.objects.filter(pk=ava.pk).update(consent="yes", email_key="ava@example.com", address_hash=keyed_hash("a"))
    Contact.objects.filter(pk=ben.pk).update(never_discount=True)
    for one in (ava, ben):
        sale = order(one, now - dt.timedelta(days=9), 2_000, shipping_minor=500)
        sale.lines.create(product=loaf, position=1, quantity=1, total_minor=2_000)
    read = offering.read(now=now)
    assert (read.margin, read.is_margin_known, read.shipping_minor) == (0.6, True, 500)
    assert (read.gift_id, read.gift_minor, read.points, read.points_minor) == (bun.pk, 60, None, None)
    assert (read.may_write, read.locked, read.expiring) == ({ava.pk}, {ben.pk}, {})


def test_without_cost_prices_half_of_an_order_is_reckoned(books, now):
    read = offering.read(now=moment(LAST_DAY, 23))
    assert (read.margin, read.is_margin_known, read.shipping_minor, read.gift_minor) == (0.5, False, None, None)


# Discounts given away


def use(contact: Contact, coupon: Coupon, word: str, *, on: dt.date) -> None:
    at = moment(on)
    sale = order(contact, at, 1_800)
    basket = Basket([Line(None, 1, 2_000)])
    redeeming.reserve([word], basket=basket, key=str(sale.pk), contact_id=contact.pk, now=at)
    redeeming.redeem(str(sale.pk), now=at)


@pytest.fixture
def regulars(shop):
    """One who comes every week and one who came once, long ago; both used the coupon a week ago."""
    coupon = new_coupon("AUTUMN10", now=moment(LAST_DAY - dt.timedelta(days=60)))
    weekly, rare = person("Weekly"), person("Rare")
    others = [person(f"Other {n}") for n in range(20)]
    for week in range(2, 40):
        order(weekly, moment(LAST_DAY - dt.timedelta(days=7 * week)), 2_000)
    for one in (rare, *others):
        order(one, moment(LAST_DAY - dt.timedelta(days=250)), 2_000)
    for one in (weekly, rare):
        use(one, coupon, "AUTUMN10", on=LAST_DAY - dt.timedelta(days=7))
    return coupon


def wasted(*, sent=None, trials=None) -> dict:
    today = dataset.load(as_of=LAST_DAY)
    summary = summarise(today)
    found = waste.waste(
        today, Rhythm().fit(today, summary), redeemed=offering.redeemed(now=moment(LAST_DAY, 23)),
        beliefs=climb(0.3)[1].beliefs, sends=sent, trials=trials or {}, window=14,
    )  # fmt: skip
    return found.get(waste.WASTE, {})


def test_discounts_are_weighed_by_how_likely_the_buyer_would_have_come(regulars):
    data = wasted()
    (row,) = data["rows"]
    assert (row["coupon"], row["uses"], row["people"], row["given"], row["how"]) == (regulars.pk, 2, 2, 400, "rhythm")
    assert 100 < row["low"] <= row["high"] <= 400
    assert (data["given"], data["since"]) == (400, (LAST_DAY - dt.timedelta(days=364)).isoformat())


def test_people_left_out_tell_better_than_habits(regulars):
    sent = trial("percent", came=(200, 100), of=(400, 400))
    (row,) = wasted(sent=sent, trials={regulars.pk: [0]})["rows"]
    assert (row["how"], 0.4 * 400 < row["low"] < 200 < row["high"] < 0.6 * 400) == ("left_out", True)


def test_no_coupon_no_waste(books):
    assert wasted() == {}


# The page and the draft


def night(books, **changes) -> Run:
    """A finished run with offers for these customers, as the stage leaves them."""
    run = Run.objects.create(as_of=LAST_DAY, state=Run.State.DONE, finished_at=moment(LAST_DAY, 23))
    today, found = climb(0.3, **changes)
    Found.objects.bulk_create(Found(run=run, kind=kind, data=data) for kind, data in found.found.items())
    Score.objects.bulk_create(
        Score(run=run, contact_id=contact, recency_grade=3, frequency_grade=3, money_grade=3, group="loyal", stage="regular",
              offer=offer, offer_gain_minor=gain, offer_reason=reason)
        for contact, offer, gain, reason in zip(today.customer_ids.tolist(), found.offer, found.gain, found.reason)
    )  # fmt: skip
    return run


@pytest.fixture
def reachable(books):
    for one in books:
        key = f"c{one.pk}@example.com"
        Contact.objects.filter(pk=one.pk).update(
            consent="yes", email=key, email_key=key, address_hash=keyed_hash(key),
            last_order_at=moment(LAST_DAY - dt.timedelta(days=30)),
        )  # fmt: skip
    return books


def page(client) -> str:
    response = client.get("/insights/offers/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_page_of_a_new_shop_says_what_is_missing(owner_client):
    assert "Nothing worked out yet" in page(owner_client)


def test_page_of_a_small_shop_says_how_many_are_needed(owner_client):
    missing = {"what": "customers", "have": 4, "need": 10}
    Run.objects.create(as_of=LAST_DAY, state=Run.State.DONE, finished_at=moment(LAST_DAY, 23), stages={"ladder": {"state": "skipped", "missing": missing}})
    assert "There are 4 customers with an order; at least 10 are needed." in page(owner_client)


def test_page_of_a_shop_that_may_write_to_nobody_says_so(owner_client, books):
    night(books, what=offers(may_write=set()))
    text = page(owner_client)
    assert "There is nobody you may write to yet, so nothing can be offered to anybody." in text
    assert "good news" not in text


def test_page_calls_a_guess_a_guess_and_says_how_to_know(owner_client, reachable):
    night(reachable)
    text = page(owner_client)
    assert "Not tested yet, so this is a guess: the draft leaves 10 of 100 out, and then we will know." in text
    assert text.count('name="rung"') == 1


def test_page_tells_a_test_in_orders_of_a_hundred(owner_client, reachable):
    night(reachable, sent=trial("reminder", came=(400, 30), of=(900, 100)))
    text = page(owner_client)
    assert "Tested on 1,000 of your customers since Oct 4, 2024, 100 of them left out: between 5 and 24 more of 100 ordered." in text
    assert "Worth an offer" in text


def test_page_asks_the_same_however_many_customers_there_are(owner_client, reachable, django_assert_num_queries):
    run = night(reachable)
    with CaptureQueriesContext(connection) as few:
        page(owner_client)
    more = Contact.objects.bulk_create(Contact(name=f"More {n}", joined_at=moment(LAST_DAY)) for n in range(30))
    Score.objects.bulk_create(
        Score(run=run, contact=one, recency_grade=3, frequency_grade=3, money_grade=3, group="loyal", stage="regular",
              offer="reminder", offer_gain_minor=1) for one in more
    )  # fmt: skip
    with django_assert_num_queries(len(few)):
        page(owner_client)


def test_the_button_opens_a_draft_for_exactly_these_people(owner_client, reachable):
    night(reachable)
    response = owner_client.post("/insights/offers/start/", {"rung": "reminder"})
    campaign = Campaign.objects.get()
    assert response["Location"] == f"/campaigns/{campaign.pk}/edit/"
    members = set(campaign.segment.members.values_list("contact", flat=True))
    assert members == {one.pk for one in reachable}
    assert (campaign.state, campaign.holdout_percent, campaign.points) == ("draft", 10, 0)
    owner_client.post("/insights/offers/start/", {"rung": "reminder"})
    assert (Campaign.objects.count(), Segment.objects.count()) == (1, 1)


def test_who_said_no_was_locked_or_ordered_since_the_night_is_not_in_the_draft(owner_client, reachable):
    run = night(reachable)
    Score.objects.filter(run=run).update(offer="percent")
    Contact.objects.filter(pk=reachable[0].pk).update(consent="no")
    Contact.objects.filter(pk=reachable[1].pk).update(never_discount=True)
    Contact.objects.filter(pk=reachable[2].pk).update(last_order_at=moment(LAST_DAY + dt.timedelta(days=1)))
    owner_client.post("/insights/offers/start/", {"rung": "percent"})
    members = set(Campaign.objects.get().segment.members.values_list("contact", flat=True))
    assert members == {one.pk for one in reachable[3:]}


@pytest.mark.parametrize(("rung", "gives"), [("percent", "percent"), ("shipping", "shipping"), ("gift", "product")])
def test_a_draft_with_money_off_carries_a_coupon_of_that_group_alone(owner_client, reachable, rung, gives):
    bun = Product.objects.create(key="bun", name="Bun", price_minor=200)
    run = night(reachable, what=offers(gift_id=bun.pk))
    Score.objects.filter(run=run).update(offer=rung)
    owner_client.post("/insights/offers/start/", {"rung": rung})
    campaign, coupon = Campaign.objects.get(), Coupon.objects.get()
    word = coupon.codes.get().text
    assert (coupon.gives, coupon.segment, coupon.most_per_customer) == (gives, campaign.segment, 1)
    assert (f"**{word}**" in campaign.body, "%(" in campaign.body) == (True, False)


def test_double_points_give_what_an_order_earns(owner_client, reachable):
    run = night(reachable)
    Score.objects.filter(run=run).update(offer="points")
    owner_client.post("/insights/offers/start/", {"rung": "points"})
    assert (Campaign.objects.get().points, Coupon.objects.count()) == (20, 0)


@pytest.mark.parametrize("rung", ["nothing", "percent", "kings", ""])
def test_an_offer_for_nobody_starts_nothing_and_says_so(owner_client, reachable, rung):
    night(reachable)
    response = owner_client.post("/insights/offers/start/", {"rung": rung}, follow=True)
    assert "There is nobody to make this offer to any more." in response.content.decode()
    assert (Campaign.objects.count(), Segment.objects.count()) == (0, 0)


def test_the_customer_s_page_says_what_to_offer_and_nothing_with_money_once_locked(owner_client, reachable):
    run = night(reachable)
    ava = reachable[0]
    assert "A reminder, nothing more" in owner_client.get(f"/customers/{ava.pk}/").content.decode()
    Score.objects.filter(run=run).update(offer="percent")
    Contact.objects.filter(pk=ava.pk).update(never_discount=True)
    assert "Money off</a>" not in owner_client.get(f"/customers/{ava.pk}/").content.decode()


def test_the_night_gives_everybody_a_rung_and_suggests_nobody_who_is_better_left_alone(past):
    contacts = Contact.objects.filter(orders__isnull=False).distinct()
    contacts.update(consent="yes")
    for one in contacts:
        Contact.objects.filter(pk=one.pk).update(email_key=f"c{one.pk}@example.com", address_hash=f"hash {one.pk}")
    run = pipeline.run(as_of=LAST_DAY, now=moment(LAST_DAY, 23))
    data = Found.objects.get(run=run, kind=ladder.OFFERS).data
    offers_of = list(Score.objects.filter(run=run).values_list("offer", flat=True))
    assert (run.stages["ladder"]["state"], set(offers_of) <= set(RUNGS)) == ("done", True)
    assert {row["rung"]: row["people"] for row in data["rows"] if row["people"]} == {
        rung: offers_of.count(rung) for rung in set(offers_of)
    }
    slipping = set(SegmentMember.objects.filter(segment__slug="slipping-regulars").values_list("contact", flat=True))
    alone = set(
        Score.objects.filter(run=run, offer_reason__code__in=ladder.LEAVE_ALONE).values_list("contact", flat=True)
    )
    assert (bool(alone), slipping & alone) == (True, set())
