"""Replay: the same rules over the same past give exactly what the ledger holds; what differs is the plan."""

import datetime as dt
import random
from collections import defaultdict

import pytest
import time_machine
from django.core.cache import cache
from django.db.models import Sum

from crm.home import demo
from crm.lib import clock
from crm.rewards import catching_up, costing, falling_due, ledger, redeeming, replaying, rule_changing, settling
from crm.rewards.models import Account, Entry, Lot, Programme, Reward, Rule
from crm.rewards.replaying import Gain, Plan
from crm.rewards.rules import JOINING, ORDER
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order

WORTH = costing.Worth(points=100, worth_minor=500)


@pytest.fixture(autouse=True)
def nothing_is_kept():
    cache.clear()


def day(month, number=10, hour=12, year=2026):
    return dt.datetime(year, month, number, hour, tzinfo=dt.UTC)


def euros(**params):
    return "per_amount", {"points": 1, "step_minor": 100, "currency": "EUR"} | params


# The same rules as the ledger


RULES_OF_THE_BAKERY = (
    ("per_amount", {
        "points": 3, "step_minor": 250, "currency": "EUR", "with_shipping": False, "minimum_minor": 400,
        "hold_days": 14, "expiry": {"months": 3, "round": "month"},
    }),
    ("nth_order", {"points": 25, "ordinal": 3, "hold_days": 14}),
    ("streak", {"points": 11, "times": 3, "every": "month", "expiry": {"months": 2, "round": ""}}),
    ("multiplier", {"percent": 150, "hold_days": 7}),
    ("cap", {"per_order": 60, "per_day": 70}),
    ("welcome", {"points": 20}),
)  # fmt: skip


@pytest.fixture
def bakery(shop, now, monkeypatch):
    """A demo shop of a year with every sort of rule of purchases, holds and expiry, all settled."""

    def start(invented, *, shop, now):
        for kind, params in RULES_OF_THE_BAKERY:
            rule_changing.start(kind=kind, params=params, starts_on=invented.opened_on, now=now)
        catching_up.catch_up(now=now)

    monkeypatch.setattr(demo, "_start_rules", start)
    demo.fill(now=now, customers=40, years=1, seed=3)
    falling_due.mature(now=now)
    falling_due.expire(now=now)


def test_replay_of_the_rules_in_force_is_what_the_ledger_holds(bakery, now):
    past = replaying.of_past(now=now)
    rules = (*settling.rules_for(ORDER), *settling.rules_for(JOINING))
    plan = Plan(rules=rules, price=100, worth_minor=500)
    gains = replaying.earn(plan, past)

    held, term = defaultdict(int), {}
    for entry in Entry.objects.filter(kind__in=["order", "welcome"]).select_related("account"):
        key = entry.account.contact_id, ":".join(entry.source.split(":")[:2]), entry.rule_id
        held[key] += entry.points
        if entry.points > 0:
            term[key] = entry.activates_at, entry.expires_at
    replayed = {
        (contact_id, gain.source, gain.rule_id): (gain.points, gain.activates_at, gain.expires_at)
        for contact_id, of_one in gains.items()
        for gain in of_one
    }
    assert replayed == {key: (points, *term[key]) for key, points in held.items() if points}
    assert len(replayed) > 500

    # What is left of these points, and what expired, customer by customer.
    lots = Lot.objects.filter(pk__in=Entry.objects.filter(kind__in=["order", "welcome"]).values("pk"))
    left = dict(lots.values_list("account__contact_id").annotate(Sum("remaining")).order_by())
    lives = {
        contact_id: replaying.live(of_one, plan=plan, now=now, redeems=False) for contact_id, of_one in gains.items()
    }
    assert {pk: life.held for pk, life in lives.items()} == left
    assert sum(life.expired for life in lives.values()) == -Entry.objects.filter(kind="expire").aggregate(
        total=Sum("points")
    )["total"]
    pending = lots.filter(state="pending").aggregate(total=Sum("remaining"))["total"]
    assert sum(life.pending for life in lives.values()) == pending > 0


def test_a_life_is_what_the_ledger_does_with_the_same_points(shop, now):
    """Redeeming at once: the ledger spends, matures and expires the same points on the same days."""
    Programme.objects.create(grace_days=3)
    reward = Reward.objects.create(name="Money off", points=100, worth_minor=500, least_points=100)
    draw = random.Random(7)
    gains = {}
    for number in range(12):
        contact = new_contact(now, name=f"Nr {number}")
        at, of_one = day(1, 1), []
        for n in range(10):
            at += dt.timedelta(days=draw.randint(1, 30), minutes=number * 11 + n)
            if at < now:
                holds = at + dt.timedelta(days=draw.choice([0, 0, 10, 20]))
                until = draw.choice([None, holds + dt.timedelta(days=draw.randint(20, 90))])
                points = draw.randint(5, 160)
                of_one.append(Gain(at, points, holds if holds > at else None, until, f"{number}:{n}", 0))
        gains[contact.pk] = of_one
    moments = sorted({max(g.at, g.activates_at or g.at) for of_one in gains.values() for g in of_one} | {now})
    posted = set()
    for moment in [moment for moment in moments if moment <= now]:
        for contact_id, of_one in gains.items():
            new = [g for g in of_one if g.at <= moment and g.source not in posted]
            posted |= {g.source for g in new}
            ledger.post(
                [
                    ledger.Posting(
                        contact_id=contact_id, points=g.points, kind=Entry.Kind.CAMPAIGN, source=g.source, at=g.at,
                        activates_at=g.activates_at, expires_at=g.expires_at,
                    )
                    for g in new
                ],
                now=moment,
            )  # fmt: skip
        falling_due.mature(now=moment)
        falling_due.expire(now=moment)
        for contact_id in gains:
            while ledger.balance(contact_id) >= 100:
                key = f"{contact_id}:{Entry.objects.count()}"
                redeeming.redeem(contact_id, reward=reward, points=100, key=key, now=moment)

    def sums(contact_id, kind):
        entries = Entry.objects.filter(account__contact_id=contact_id, kind=kind)
        return -(entries.aggregate(total=Sum("points"))["total"] or 0)

    plan = Plan(rules=(), price=100, worth_minor=500, grace=dt.timedelta(days=3))
    lives = {pk: replaying.live(of_one, plan=plan, now=now, redeems=True) for pk, of_one in gains.items()}
    assert {pk: (life.redeemed, life.expired, life.held) for pk, life in lives.items()} == {
        pk: (sums(pk, "redeem"), sums(pk, "expire"), Account.objects.get(contact_id=pk).balance) for pk in gains
    }
    assert sum(life.redeemed for life in lives.values()) > 2_000
    assert sum(life.expired for life in lives.values()) > 100


@pytest.mark.parametrize("grace_days", [0, 5])
def test_quiet_customers_lose_their_points_on_the_same_day(shop, now, grace_days):
    """The control is the ledger, asked on each morning of the year."""
    Programme.objects.create(inactive_months=2, grace_days=grace_days)
    draw = random.Random(11)
    gains = {}
    for number in range(15):
        contact, at, of_one = new_contact(now, name=f"Nr {number}"), day(1, 1), []
        for n in range(6):
            at += dt.timedelta(days=draw.choice([5, 30, 58, 59, 60, 61, 62, 63, 64, 66, 67, 70, 90]), minutes=number)
            if at < now:
                holds = at + dt.timedelta(days=draw.choice([0, 14]))
                of_one.append(Gain(at, draw.randint(5, 90), holds if holds > at else None, None, f"{number}:{n}", 0))
        gains[contact.pk] = of_one
    posted, lost = set(), defaultdict(dict)
    morning = clock.at_local(dt.date(2026, 1, 1), dt.time(), "Europe/Berlin")
    while morning <= now:
        ledger.post(
            [
                ledger.Posting(
                    contact_id=pk, points=g.points, kind=Entry.Kind.CAMPAIGN, source=g.source, at=g.at,
                    activates_at=g.activates_at,
                )
                for pk, of_one in gains.items()
                for g in of_one
                if g.at < morning and g.source not in posted
            ],
            now=morning,
        )  # fmt: skip
        posted |= {g.source for of_one in gains.values() for g in of_one if g.at < morning}
        falling_due.mature(now=morning)
        if falling_due.expire_quiet(now=morning):
            for pk, points in Entry.objects.filter(kind="expire", at=morning).values_list("account__contact", "points"):
                lost[pk][morning] = -points
        morning = clock.at_local(clock.local_date(morning, "Europe/Berlin") + dt.timedelta(1), dt.time(), "Europe/Berlin")

    plan = Plan(
        rules=(), price=10**6, worth_minor=1, grace=dt.timedelta(days=grace_days), inactive_months=2, zone="Europe/Berlin"
    )
    lives = {pk: replaying.live(of_one, plan=plan, now=now, redeems=True) for pk, of_one in gains.items()}
    assert {pk: dict(life.moves) for pk, life in lives.items() if life.moves} == lost
    assert sum(len(days) for days in lost.values()) > 10


# Figures worked out by hand


@pytest.fixture
def two_buyers(shop, now):
    """Mia spends 60.00 in January, March and May; Ada 50.00 in October."""
    mia, ada = new_contact(now), new_contact(now, name="Ada Brandt")
    for month in (1, 3, 5):
        new_order(mia, now, 6_000, placed_at=day(month))
    new_order(ada, now, 5_000, placed_at=day(10))
    return mia, ada


def outcome(rules, now, *, share=0.5, worth=WORTH):
    past = replaying.of_past(now=now)
    return replaying.outcome(replaying.plan(rules, worth=worth, past=past), past, share=share)[0]


def test_what_a_plan_comes_to(two_buyers, now):
    found = outcome([euros()], now)
    assert (found.issued, found.redeemed, found.expired, found.held) == (230, 50, 0, 180)
    assert (found.cost_minor, found.sales_minor) == (250, 23_000)  # half of one reward
    assert found.cost_share == 250 / 23_000
    assert (found.customers, found.reached, found.reached_share) == (2, 1, 0.5)
    assert (found.soon_base, found.reached_soon) == (1, 1)  # Ada has not been here for six months
    assert round(found.median_months, 2) == round(59 / 30.4375, 2)  # 10 January to 10 March
    assert len(found.owed_minor) == 25
    # January to November: 60, 60, then 120 or 20, then 180 or 80, then 230 or 130; five cents each
    assert found.owed_minor[-11:] == [300, 300, 350, 350, 650, 650, 650, 650, 650, 900, 900]
    assert (found.peak_minor, found.peak_month) == (900, dt.date(2026, 10, 1))


def test_a_hold_delays_and_an_expiry_prevents(two_buyers, now):
    slow = outcome([euros(hold_days=30)], now)
    assert round(slow.median_months, 2) == round(88 / 30.4375, 2)  # active on 9 April, at midnight in the shop
    short = outcome([euros(expiry={"months": 1, "round": ""})], now)
    assert (short.reached, short.redeemed, short.expired, short.held) == (0, 0, 230, 0)


def test_refunded_cancelled_and_nobodys_orders_earn_as_they_do_in_the_ledger(two_buyers, now):
    mia, ada = two_buyers
    new_order(None, now, 90_000)
    new_order(mia, now, 90_000, cancelled_at=now)
    amend(ada.orders.get(), refunded_minor=2_000, payment="partly_refunded")
    assert outcome([euros()], now).issued == 210


def test_welcome_gifts_and_birthdays_count_inside_the_window(shop, now):
    new_contact(now, joined_at=day(2), birthday=dt.date(1990, 2, 1))  # before joining: nothing this year
    new_contact(now, joined_at=day(2, year=2023), birthday=dt.date(1992, 2, 29))
    new_order(new_contact(now, joined_at=day(2, year=2023), birthday=dt.date(1992, 2, 29)), now)
    found = outcome([("welcome", {"points": 20}), ("birthday", {"points": 7})], now)
    assert found.issued == 20 + 2 * 7  # 28 February 2025 and 2026; who did not buy or join is not looked at


def test_who_gets_less_is_counted_and_named(two_buyers, now):
    _mia, ada = two_buyers
    past = replaying.of_past(now=now)
    today = replaying.plan([euros()], worth=WORTH, past=past)
    draft = replaying.plan([euros(minimum_minor=5_500, points=2)], worth=costing.Worth(200, 500), past=past)
    found = replaying.compare(today, draft, past, share=1)
    # Mia: 180 points at 5 cents, or 360 at 2.5; Ada: 50 at 5 cents, or nothing
    assert (found.losers, found.winners, found.mean_loss_minor) == (1, 0, 250)
    assert [(one.contact_id, one.today_minor, one.draft_minor) for one in found.examples] == [(ada.pk, 250, 0)]


def test_the_same_plan_twice_makes_nobody_lose(two_buyers, now):
    past = replaying.of_past(now=now)
    plan = replaying.plan([euros()], worth=WORTH, past=past)
    found = replaying.compare(plan, plan, past, share=0.3)
    assert (found.today, found.losers, found.winners) == (found.draft, 0, 0)


def test_a_large_shop_is_told_by_some_of_its_customers(shop, now):
    for number in range(40):
        new_order(new_contact(now, name=f"Nr {number}"), now, 6_000)
    whole, part = replaying.of_past(now=now), replaying.of_past(now=now, most_orders=10)
    assert (whole.stands_for, len(whole.sales)) == (1, 40)
    assert (part.stands_for, len(part.sales), len({sale.contact_id for sale in part.sales})) == (4, 10, 10)
    plan = replaying.plan([euros()], worth=WORTH, past=part)
    found, _had = replaying.outcome(plan, part, share=1)
    assert (found.issued, found.sales_minor, found.customers) == (2_400, 240_000, 40)


def test_replay_writes_nothing(two_buyers, rule, now):
    outcome([euros()], now)
    assert (Entry.objects.count(), Account.objects.count()) == (0, 0)


def test_reading_the_past_takes_the_same_queries_for_any_number(two_buyers, now, queries_of):
    few = queries_of(lambda: outcome([euros()], now))
    for number in range(10):
        new_order(new_contact(now, name=f"Nr {number}"), now)
    assert queries_of(lambda: outcome([euros()], now)) == few


def test_the_share_that_redeemed_is_learnt_once_enough_could(shop, now):
    reward = Reward.objects.create(name="Money off", points=100, worth_minor=500)
    people = [new_contact(now, name=f"Nr {number}") for number in range(30)]
    for number, contact in enumerate(people):
        if number == 29:
            assert replaying.seen_share(100) is None
        ledger.post(
            [ledger.Posting(contact_id=contact.pk, points=120, kind="campaign", source=f"c:{number}", at=now)], now=now
        )
    for contact in people[:12]:
        redeeming.redeem(contact.pk, reward=reward, points=100, key=f"{contact.pk}", now=now)
    assert replaying.seen_share(100) == 0.4


def test_levels_count_as_customers_would_have_reached_them(two_buyers, now):
    _mia, _ada = two_buyers  # Mia is on Silver from her second order on, so her third one counts double
    assert outcome([euros(), silver_and_gold()], now).issued == 230 + 60
    assert outcome([euros(), silver_and_gold(months=1)], now).issued == 230


def silver_and_gold(**params):
    names = (("Silver", 12_000, 200), ("Gold", 90_000, 300))
    steps = [{"name": name, "threshold": bound, "percent": percent, "perks": ""} for name, bound, percent in names]
    return "tiers", {"basis": "spend", "currency": "EUR", "months": 12, "grace_days": 0, "levels": steps} | params


def test_promotions_are_not_part_of_todays_rules(shop, now):
    usual = euro_rule(now)
    rule_changing.start(
        kind="multiplier", params={"percent": 200}, starts_on=dt.date(2026, 11, 20), ends_on=dt.date(2026, 11, 22), now=now
    )
    rule_changing.start(kind="per_order", params={"points": 5, "currency": "EUR"}, starts_on=dt.date(2026, 12, 1), now=now)
    assert replaying.todays_rules(now=now) == [usual]


# The page


@pytest.fixture
def at_noon(now):
    with time_machine.travel(now, tick=False):
        yield


DRAFT = {
    "points": "2", "step": "1", "minimum": "", "percent": "", "welcome": "", "hold_days": "14", "live_months": "12",
    "live_until": "", "price": "100", "worth": "5", "share": "60",
}  # fmt: skip


def test_the_form_begins_as_today(two_buyers, rule, owner_client, at_noon):
    Reward.objects.create(name="Money off", points=150, worth_minor=500)
    form = owner_client.get("/loyalty/replay/").context["form"]
    assert form.initial == {
        "points": 1, "step": form.initial["step"], "minimum": "", "hold_days": "", "live_months": "", "live_until": "",
        "percent": "", "welcome": "", "levels": "", "price": 150, "worth": form.initial["worth"], "share": 60,
    }  # fmt: skip
    assert (str(form.initial["step"]), str(form.initial["worth"])) == ("1.00", "5.00")


def test_two_plans_stand_side_by_side(two_buyers, rule, owner_client, at_noon):
    Reward.objects.create(name="Money off", points=100, worth_minor=500)
    response = owner_client.get("/loyalty/replay/", DRAFT)
    assert response.status_code == 200
    found = response.context["comparison"]
    assert (found.today.issued, found.draft.issued) == (230, 460)
    assert "Your draft" in response.text
    figure = owner_client.get("/loyalty/replay/chart.json", DRAFT).json()
    assert [one["name"] for one in figure["data"]] == ["Today's rules", "Your draft"]
    assert [one["y"] for one in figure["data"]] == [found.today.owed_minor, found.draft.owed_minor]


def test_starting_leads_to_the_rules_own_page_filled_in(two_buyers, rule, owner_client, at_noon):
    Reward.objects.create(name="Money off", points=100, worth_minor=500)
    response = owner_client.get("/loyalty/replay/", DRAFT | {"welcome": "30"})
    changes = response.context["changes"]
    assert [str(change.name) for change in changes] == ["Points for spending", "Welcome gift"]
    form = owner_client.get(changes[0].href).context["form"]
    shown = {name: form[name].value() for name in ("points", "step", "hold_days", "live_months", "with_shipping")}
    assert shown == {"points": "2", "step": "1.00", "hold_days": "14", "live_months": "12", "with_shipping": ""}
    assert Rule.objects.count() == 1


def test_a_draft_like_today_changes_nothing(two_buyers, rule, owner_client, at_noon):
    Reward.objects.create(name="Money off", points=100, worth_minor=500)
    same = DRAFT | {"points": "1", "hold_days": "", "live_months": ""}
    response = owner_client.get("/loyalty/replay/", same)
    assert (response.context["changes"], response.context["comparison"].losers) == ([], 0)


def test_a_welcome_gift_left_out_leads_to_its_end(two_buyers, rule, owner_client, now, at_noon):
    gift = rule_changing.start(kind="welcome", params={"points": 20}, starts_on=dt.date(2026, 1, 1), now=now)
    Reward.objects.create(name="Money off", points=100, worth_minor=500)
    same = DRAFT | {"points": "1", "hold_days": "", "live_months": ""}
    changes = owner_client.get("/loyalty/replay/", same).context["changes"]
    assert [(change.is_end, change.href) for change in changes] == [(True, f"/loyalty/rules/{gift.pk}/end/")]


def test_a_draft_of_levels_is_tried_and_leads_to_their_page(two_buyers, rule, owner_client, at_noon):
    Reward.objects.create(name="Money off", points=100, worth_minor=500)
    said = DRAFT | {"points": "1", "hold_days": "", "live_months": "", "levels": "Silver; 120; 200\nGold;900"}
    response = owner_client.get("/loyalty/replay/", said)
    found = response.context["comparison"]
    assert (found.today.issued, found.draft.issued) == (230, 290)
    (change,) = response.context["changes"]
    form = owner_client.get(change.href).context["form"]
    shown = [form[f"{name}_{number}"].value() for number in (1, 2, 3) for name in ("name", "threshold", "percent")]
    assert shown == ["Silver", "120.00", "200", "Gold", "900.00", "100", "", "", ""]


def test_the_draft_begins_with_the_levels_of_today(two_buyers, rule, owner_client, now, at_noon):
    _kind, params = silver_and_gold()
    params["levels"][1]["perks"] = "A free tote bag"
    rule_changing.start(kind="tiers", params=params, starts_on=now.date(), now=now)
    Reward.objects.create(name="Money off", points=100, worth_minor=500)
    form = owner_client.get("/loyalty/replay/").context["form"]
    assert form.initial["levels"] == "Silver; 120.00; 200\nGold; 900.00; 300"
    same = DRAFT | {"points": "1", "hold_days": "", "live_months": "", "levels": form.initial["levels"]}
    assert owner_client.get("/loyalty/replay/", same).context["changes"] == []
    (change,) = owner_client.get("/loyalty/replay/", same | {"levels": ""}).context["changes"]
    assert change.is_end


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("Silver", "Write a level like this: Silver; 200; 125"),
        ("Silver; 200; double", "Write a level like this: Silver; 200; 125"),
        ("Silver; 200; 5000\nGold; 300", "Write a level like this: Silver; 200; 125"),
        ("Silver; much\nGold; 300", "Write an amount such as 1.00."),
        ("Silver; 200", "Two to six levels, each from more than the one before."),
        ("Gold; 200\nSilver; 100", "Two to six levels, each from more than the one before."),
    ],
)
def test_levels_that_make_no_sense_are_refused(two_buyers, rule, owner_client, at_noon, typed, error):
    response = owner_client.get("/loyalty/replay/", DRAFT | {"levels": typed})
    assert (response.status_code, dict(response.context["form"].errors)) == (422, {"levels": [error]})


def test_the_reward_of_a_draft_is_taken_over(two_buyers, rule, owner_client, at_noon):
    changes = owner_client.get("/loyalty/replay/", DRAFT | {"price": "250", "worth": "7,50"}).context["changes"]
    form = owner_client.get(changes[-1].href).context["form"]
    assert [form[name].value() for name in ("points", "worth", "kind")] == ["250", "7.50", "money"]


def test_a_draft_that_makes_no_sense_is_refused(two_buyers, rule, owner_client, at_noon):
    response = owner_client.get("/loyalty/replay/", DRAFT | {"points": "0", "worth": "x"})
    assert response.status_code == 422
    assert sorted(response.context["form"].errors) == ["points", "worth"]
    assert owner_client.get("/loyalty/replay/chart.json", DRAFT | {"points": "0"}).status_code == 404


def test_a_shop_without_orders_is_told_so(owner_client, at_noon):
    assert "No orders yet: there is no past to try rules on" in owner_client.get("/loyalty/replay/").text
