"""The demo shop: the same seed gives the same shop, its truth is known, and it goes without a trace."""

import datetime as dt
import json
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.urls import reverse

from crm.accounts.models import Shop, User
from crm.api.models import Visit
from crm.campaigns import channels, rehearsing
from crm.campaigns.models import Attribution, Automation, Campaign, Message
from crm.contacts.models import Contact, Segment
from crm.coupons.models import Coupon, Use
from crm.home import demo, demo_campaigns, inventing
from crm.lib import books
from crm.orders.models import Order, Product
from crm.rewards import triggers
from crm.rewards.models import Account, Entry, Referral, Rule
from tests.conftest import NOW
from tests.home.tiny import person

SMALL = {"customers": 60, "years": 0.8, "seed": 3}


def invented(**changes) -> inventing.Invented:
    return inventing.invent(**({**SMALL, "now": NOW, "zone": "Europe/Berlin"} | changes))


@pytest.fixture
def filled(db):
    return demo.fill(now=NOW, **SMALL)


def test_the_same_seed_gives_the_same_shop():
    assert invented() == invented()
    assert invented().sales != invented(seed=4).sales


def test_nobody_orders_after_now_before_joining_or_after_leaving():
    shop = invented()
    assert max(sale.placed_at for sale in shop.sales) <= NOW
    by_person: dict[int, list[dt.date]] = {}
    for sale in shop.sales:
        if sale.person is not None:
            by_person.setdefault(sale.person, []).append(sale.placed_at.date())
    brought = dt.timedelta(days=inventing.OFFER_WINDOW_DAYS)
    for index, dates in by_person.items():
        customer = shop.people[index]
        assert dates[0] == customer.joined_on
        if customer.churned_on:  # a visit moves up to two days on; an offer may bring back who had left
            late = [date for date in dates if date > customer.churned_on + dt.timedelta(days=2)]
            offered_until = shop.offer_at.date() + brought
            assert [date for date in late if not (shop.offer_at.date() < date <= offered_until)] == []
            assert len(late) <= customer.offer_brought_order


def test_the_offer_did_what_the_truth_says():
    """Sent offers brought orders only from those they could move; who was held out got nothing."""
    people = invented(customers=600).people
    sent = [person for person in people if person.offered == "sent"]
    held_out = [person for person in people if person.offered == "held_out"]
    assert {person.consent for person in sent + held_out} == {"yes"}
    assert [person for person in people if person.offer_brought_order and person.offer_effect <= 0] == []
    assert [person for person in held_out if person.offer_brought_order or person.offer_kept_away] == []
    movable = [person for person in sent if person.response == "persuadable"]
    share = sum(person.offer_brought_order for person in movable) / len(movable)
    assert abs(share - 0.45) < 0.15
    assert abs(len(held_out) / len(sent + held_out) - inventing.OFFER_HELD_OUT) < 0.08


def test_everybody_comes_in_through_the_door(filled):
    assert (filled.customers, Contact.objects.count()) == (60, 60)
    assert filled.orders == Order.objects.count()
    assert Contact.objects.filter(order_count=0).count() == 0
    assert Contact.objects.exclude(email__endswith="@example.com").count() == 0
    assert Order.objects.filter(contact=None).exists()
    shop = Shop.current()
    assert (shop.is_demo, shop.name, shop.currency) == (True, "Linden & Loaf", "EUR")
    assert Product.objects.filter(price_minor=None).count() == 0
    assert set(Rule.objects.values_list("kind", "catch_up_from")) == {("per_order", None)}  # a stamp card
    earned = Entry.objects.filter(kind=Entry.Kind.ORDER).aggregate(sum=Sum("points"))["sum"]
    counted = Order.objects.counting().exclude(contact=None)
    assert earned == counted.filter(refunded_minor=0).count()


def test_the_campaign_is_finished_and_attributed(filled):
    campaign = Campaign.objects.get(automation=None)
    assert (campaign.state, campaign.rotations.count()) == (Campaign.State.FINISHED, 1)
    truth = {one["email"]: one for one in filled.truth["customers"]}
    sent = campaign.rotations.get().messages.filter(state=Message.State.SENT).values_list("contact__email", flat=True)
    assert sorted(sent) == sorted(email for email, one in truth.items() if one["offered"] == "sent")
    followed = set(Attribution.objects.values_list("message__contact__email", flat=True))
    brought = {email for email, one in truth.items() if one["offer_brought_order"]}
    counting = set(Order.objects.counting().values_list("contact__email", flat=True))
    assert brought & counting <= followed


def test_the_welcome_runs_by_itself(filled):
    welcome = Automation.objects.get()
    assert welcome.on_since == dt.datetime(2026, 8, 22, 6, tzinfo=dt.UTC)
    steps = list(welcome.steps.order_by("step"))
    assert [step.state for step in steps] == [Campaign.State.SCHEDULED] * 3
    assert all(step.next_at == dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC) for step in steps)
    sent = Message.objects.filter(rotation__campaign__automation=welcome, state=Message.State.SENT)
    said = rehearsing.rehearse(
        welcome, steps, shop=Shop.current(), now=NOW, days=demo_campaigns.AUTOMATED_DAYS, on_since=welcome.on_since
    )
    assert sorted(sent.values_list("contact", "rotation__local_date", "rotation__campaign__step")) == sorted(
        (one.contact_id, one.on, one.step) for one in said.sent
    )
    assert sent.filter(outgoing=None).count() == 0 < sent.count()


def test_messages_of_a_demo_stay_in_the_outbox(filled, settings):
    settings.EMAIL_URL = "smtp://mail.example.com"
    assert channels.current_slug() == "outbox"
    demo.remove(now=NOW)
    assert channels.current_slug() == "email"


def test_the_books_balance(filled):
    balances = Account.objects.aggregate(sum=Sum("balance"))["sum"]
    assert balances == Entry.objects.aggregate(sum=Sum("points"))["sum"]
    pending = Account.objects.aggregate(sum=Sum("pending"))["sum"]
    assert balances - pending == Contact.objects.aggregate(sum=Sum("points_balance"))["sum"]


def test_the_demo_takes_the_shops_currency(shop):
    Shop.objects.update(currency="JPY", name="My bakery")
    demo.fill(now=NOW, **SMALL)
    assert set(Order.objects.values_list("currency", flat=True)) == {"JPY"}
    assert Product.objects.get(name="Cappuccino").price_minor == 580
    assert Shop.current().name == "My bakery"


def test_a_shop_with_customers_is_left_alone(shop):
    person("Real Person")
    with pytest.raises(demo.NotEmpty):
        demo.fill(now=NOW, **SMALL)
    assert (Contact.objects.count(), Shop.current().is_demo) == (1, False)


def test_upper_floors_are_told(db, monkeypatch):
    told = []
    monkeypatch.setattr(demo, "AFTERWARDS", {"night": lambda *, now: told.append(now)})
    demo.fill(now=NOW, **SMALL)
    assert told == [NOW]


def test_removing_leaves_the_owner_and_the_settings(filled, owner, django_capture_on_commit_callbacks):
    Shop.objects.update(sender_email="lena@example.com")
    with django_capture_on_commit_callbacks(execute=True):
        demo.remove(now=NOW)
    kept = {model._meta.label for model in apps.get_models() if model._default_manager.exists()}
    assert kept - {"auth.Permission", "contenttypes.ContentType"} == {"accounts.Shop", "accounts.User"}
    shop = Shop.current()
    assert (shop.is_demo, shop.sender_email) == (False, "lena@example.com")
    assert User.objects.get() == owner
    assert triggers.installed()


def test_after_removing_the_demo_can_come_again(filled):
    demo.remove(now=NOW)
    assert demo.fill(now=NOW, **SMALL).orders == filled.orders


def test_a_real_shop_is_never_emptied(shop):
    person("Real Person")
    with pytest.raises(demo.NotADemo):
        demo.remove(now=NOW)
    assert Contact.objects.count() == 1


def test_pages_fill_and_remove(owner_client, monkeypatch):
    monkeypatch.setattr(demo, "AFTERWARDS", {})
    response = owner_client.post(reverse("home:demo_start"))
    assert (response.url, Contact.objects.count() > 0) == (reverse("home:today"), True)
    assert owner_client.get(reverse("home:today")).status_code == 200
    again = owner_client.post(reverse("home:demo_start"), follow=True)
    assert "already has customers" in again.content.decode()
    response = owner_client.post(reverse("home:demo_remove"))
    assert (response.url, Contact.objects.count()) == (reverse("accounts:doors"), 0)
    assert "your own shop" in owner_client.post(reverse("home:demo_remove"), follow=True).content.decode()


def test_command_prints_one_object_and_writes_the_truth(db, tmp_path):
    out = StringIO()
    path = tmp_path / "truth.json"
    call_command(
        "demo_shop", "--customers", "30", "--years", "0.5", "--seed", "5", "--truth", str(path), "--json", stdout=out
    )
    said = json.loads(out.getvalue())
    assert {name: said[name] for name in ("customers", "seed", "years", "truth")} == {
        "customers": 30, "seed": 5, "years": 0.5, "truth": str(path),
    }  # fmt: skip
    assert said["orders"] == Order.objects.count()
    truth = json.loads(path.read_text())
    assert sorted(one["email"] for one in truth["customers"]) == sorted(Contact.objects.values_list("email", flat=True))
    assert set(truth["customers"][0]) == {
        "number", "name", "email", "language", "consent", "kind", "joined_on", "churned_on", "mean_gap_days", "response",
        "offer_effect", "offered", "offer_brought_order", "offer_kept_away", "offer_clicked",
    }  # fmt: skip


def test_command_refuses_with_one_clear_line(shop):
    person("Real Person")
    with pytest.raises(CommandError, match="the demo goes into an empty shop only"):
        call_command("demo_shop", stdout=StringIO())
    with pytest.raises(CommandError, match="not a demo shop"):
        call_command("demo_shop", "--remove", stdout=StringIO())
    with pytest.raises(CommandError, match="at least 1 customer"):
        call_command("demo_shop", "--customers", "0", stdout=StringIO())


# A shop of more than a year


GROWN = {"customers": 90, "years": 2, "seed": 3}


def test_a_shop_begins_to_write_and_to_ask_for_friends_after_its_first_year():
    young, grown = invented(years=1.0), invented(**GROWN)
    assert [one.offer.slug for one in young.mailings] == ["thank_you"]
    assert (young.referrals, young.mailings[0].at) == ([], young.offer_at)
    mailed = [one.offer.slug for one in grown.mailings]
    assert {slug: mailed.count(slug) for slug in mailed} == {
        "ten_percent": 1, "free_espresso": 1, "summer": 1, "weekly_bread": 8, "thank_you": 1, "two_weeks": 1,
    }  # fmt: skip
    assert [one.at for one in grown.mailings] == sorted(one.at for one in grown.mailings)
    first = {}
    for sale in grown.sales:
        first.setdefault(sale.person, sale.placed_at)
    assert grown.referrals and all(first[advocate] < first[friend] for friend, advocate in grown.referrals)


def test_whoever_is_left_out_stays_left_out_and_versions_are_dealt_by_chance():
    grown = invented(**GROWN | {"customers": 400})
    weekly = [one for one in grown.mailings if one.offer.slug == "weekly_bread"]
    left_out = {n for one in weekly for n in one.held_out}
    assert left_out.isdisjoint(n for one in weekly for n in one.sent)
    letters = [letter for one in weekly for letter in one.sent.values()]
    assert abs(letters.count("B") / len(letters) - 0.5) < 0.05
    brought = [one.sent[n] for one in weekly for n in one.brought]
    assert brought.count("B") > 3 * brought.count("A")  # its strength is 1.0, that of A 0.1


def test_the_past_of_a_grown_shop_is_in_the_books(db):
    filled = demo.fill(now=NOW, **GROWN)
    truth = {one["offer"]: one for one in filled.truth["mailings"]}
    mailed = Campaign.objects.filter(automation=None)
    assert set(mailed.values_list("state", flat=True)) == {Campaign.State.FINISHED}
    bread = Campaign.objects.get(name="Bread of the week")
    assert (bread.repeat, bread.rotations.count(), [one.letter for one in bread.variants.all()]) == ("weekly", 8, ["B"])
    sent = Message.objects.filter(rotation__campaign=bread, state=Message.State.SENT)
    assert set(sent.values_list("variant", "chance")) == {("A", 0.5), ("B", 0.5)}
    coupon = Coupon.objects.get(name="Ten percent in spring")
    uses = coupon.uses.filter(state=Use.State.REDEEMED)
    assert uses.count() == coupon.used_count > 0
    emails = {one["number"]: one["email"] for one in filled.truth["customers"]}
    given = {emails[number] for number in truth["ten_percent"]["sent"]}
    assert set(uses.values_list("contact__email", flat=True)) <= given
    for use in uses.select_related("order"):
        assert (use.order.discount_minor, use.basket_minor) == (
            use.discount_minor, use.order.total_minor + use.discount_minor
        )  # fmt: skip
    assert Referral.objects.count() > 0
    counted = Product.objects.filter(stock__gt=0)
    assert set(counted.values_list("stock_at", flat=True)) == {NOW.date() - dt.timedelta(days=9)}
    assert counted.count() == len(inventing.SHELVES)
    looked = Visit.objects.values("contact").distinct().count()
    assert looked > 0 and not Visit.objects.filter(contact__consent="no").exists()
    assert Segment.objects.get(name="Quiet for a week").member_count > 0
    assert [finding for finding in books.run_all() if not finding.ok] == []
