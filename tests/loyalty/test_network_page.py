"""What goes with buying again, from the night to the page."""

import datetime as dt

import pytest
from django.urls import reverse

from crm.campaigns.models import Attribution, Campaign, Click, Link, Message, Rotation
from crm.contacts.models import Consent, Contact
from crm.lib import clock
from crm.orders.models import Order, OrderLine, Product
from loyalty import dataset, pipeline
from loyalty.models import Found, Run
from loyalty.stages import network as stage
from loyalty.views import network_answers, network_picture
from tests.loyalty.conftest import LAST_DAY, moment, order, person

pytestmark = pytest.mark.django_db
HORIZON = 60
CUT = LAST_DAY - dt.timedelta(days=HORIZON)
URL = "/insights/what-if/"


def days_before(date: dt.date, days: int) -> dt.datetime:
    return moment(date - dt.timedelta(days=days))


@pytest.fixture
def shop_of_two_kinds(shop):
    """Web buyers of tea come back within the horizon in 3 of 4 cases, till buyers of bread in 1 of 10."""
    tea, bread = (
        Product.objects.create(key=name, name=name.title(), category=name.title()) for name in ("tea", "bread")
    )
    people = Contact.objects.bulk_create(
        Contact(name=f"Customer {n}", joined_at=moment(dt.date(2025, 1, 1))) for n in range(240)
    )
    orders, lines = [], []

    def buys(who, days, product, channel):
        number = len(orders)
        orders.append(Order(source="test", number=f"o{number}", contact=who, currency="EUR", total_minor=1_000 + number,
                            net_minor=1_000 + number, placed_at=days_before(CUT, days), channel=channel))  # fmt: skip
        lines.append(product)

    for n, who in enumerate(people):
        is_web = n % 2 == 0
        product, channel = (tea, "web") if is_web else (bread, "till")
        buys(who, 5 + n % 200, product, channel)
        if n % 3 == 0:
            buys(who, 300, product, channel)
        if (n // 2) % (4 if is_web else 10) < (3 if is_web else 1):
            buys(who, -20, product, channel)
    Order.objects.bulk_create(orders)
    OrderLine.objects.bulk_create(
        OrderLine(order=one, product=product, position=1, quantity=1, total_minor=one.total_minor)
        for one, product in zip(orders, lines)
    )
    return people


def worked_out() -> dict:
    past = dataset.load(as_of=LAST_DAY)
    return stage.what_if(past, HORIZON, as_of=LAST_DAY)[stage.NETWORK]


def states(data: dict, name: str) -> tuple[str, list]:
    return next((told["kind"], told["values"]) for told in data["states"] if told["name"] == name)


@pytest.fixture
def found(shop_of_two_kinds, now) -> Run:
    run = Run.objects.create(
        as_of=LAST_DAY, state=Run.State.DONE, horizon_days=HORIZON, finished_at=now, customers=240
    )
    Found.objects.create(run=run, kind=stage.NETWORK, data=worked_out())
    return run


def test_the_stage_learns_from_the_last_whole_horizon(shop_of_two_kinds):
    data = worked_out()
    assert data["then"] == CUT.isoformat()
    assert (data["customers"], data["bought"]) == (240, 90 + 12)
    names = [told["name"] for told in data["states"]]
    assert names == ["stage", "recency", "frequency", "spend", "category", "channel"]  # nobody was asked or written to
    assert states(data, "category") == ("text", ["Bread", "Tea"])
    assert states(data, "channel") == ("text", ["till", "web"])
    cells = data["cells"]
    assert [sum(row[column] for row in cells) for column in (1, 2, 3)] == [240, 102, 240]
    linked = {frozenset((one["from"], one["to"])) for one in data["links"]}
    assert frozenset(("category", "channel")) in linked
    assert any("again" in pair for pair in linked)


def test_the_stage_knows_on_each_day_only_what_was_known(shop_of_two_kinds):
    """Consent, clicks and orders after the cut change what is known today, not what was known then."""
    early, late = shop_of_two_kinds[:60], shop_of_two_kinds[60:120]
    Consent.objects.bulk_create(
        Consent(contact=who, state="yes", source="owner", at=at)
        for group, at in ((early, days_before(CUT, 3)), (late, days_before(CUT, -3)))
        for who in group
    )
    Consent.objects.create(contact=early[0], state="no", source="link", at=days_before(CUT, 1))
    campaign = Campaign.objects.create(name="Hello")
    rotation = Rotation.objects.create(campaign=campaign, local_date=CUT, started_at=days_before(CUT, 10))
    link = Link.objects.create(campaign=campaign, url="https://example.com/", url_hash="1")
    messages = Message.objects.bulk_create(
        Message(rotation=rotation, contact=who, address_hash=str(who.pk), state="sent", due_at=days_before(CUT, 10),
                sent_at=days_before(CUT, 10))
        for who in early
    )  # fmt: skip
    Click.objects.create(message=messages[0], link=link, at=days_before(CUT, 2))
    Click.objects.create(message=messages[1], link=link, at=days_before(CUT, -2))
    bought = Order.objects.get(contact=early[2], placed_at=days_before(CUT, 5 + 2))
    Attribution.objects.create(order=bought, message=messages[2], amount_minor=1_000, at=days_before(CUT, -30))
    data = worked_out()
    assert states(data, "consent") == ("code", ["unknown", "yes", "no"])
    asked = network_answers.Asked(data, currency="EUR")

    def counted(**given: int) -> tuple[int, int]:
        alike = asked.alike(given)
        return alike.then, alike.today

    assert [counted(consent=state) for state in range(3)] == [(180, 120), (59, 119), (1, 1)]
    assert states(data, "response") == ("code", ["not_written", "silent", "clicked", "ordered"])
    assert [counted(response=state) for state in range(4)] == [(180, 180), (58, 57), (1, 2), (1, 1)]


def test_without_categories_the_product_stands_in(shop_of_two_kinds):
    Product.objects.update(category="")
    data = worked_out()
    ids = dict(Product.objects.values_list("name", "pk"))
    assert states(data, "category") == ("product", [ids["Tea"], ids["Bread"]])
    assert network_answers.Asked(data, currency="EUR").states["category"] == ["Tea", "Bread"]
    Product.objects.filter(name="Tea").update(name="Green tea")
    assert network_answers.Asked(data, currency="EUR").states["category"] == ["Green tea", "Bread"]


def test_the_common_ones_are_named_and_the_rest_told_together(shop_of_two_kinds):
    for place, who in enumerate(shop_of_two_kinds[:30]):
        channel = ("market", "market", "fair", "school", "")[place % 5]
        Order.objects.filter(contact=who).update(channel=channel)
    data = worked_out()
    assert states(data, "channel") == ("text", ["till", "web", "market", stage.OTHER, stage.NOT_KNOWN])
    asked = network_answers.Asked(data, currency="EUR")
    assert asked.states["channel"] == ["till", "web", "market", "elsewhere", "not known"]
    assert [asked.alike({"channel": place}).then for place in range(5)] == [105, 105, 12, 12, 6]


def test_the_page_answers_in_a_sentence(found, owner_client):
    response = owner_client.get(URL, {"category": "1", "channel": "1"})
    assert response.status_code == 200
    answer = response.context["answer"]
    assert (answer.alike.then, answer.alike.bought, answer.alike.today) == (120, 90, 120)
    assert answer.share == pytest.approx(0.75, abs=0.03)
    assert 0.65 < answer.low < 0.7 < answer.share < 0.75 < answer.high < 0.85
    words = {name: round(100 * value) for name, value in (("s", answer.share), ("l", answer.low), ("h", answer.high))}
    sentence = (
        f"Of 100 customers like these, about {words['s']} buy again within 60 days, probably {words['l']} to {words['h']}; "
        "of 100 of all customers, 42 do."
    )
    assert response.context["says"] == sentence
    page_text = response.content.decode()
    assert sentence in page_text
    assert "There were 120 such customers on Sep 19, 2026; 90 of them bought again." in page_text
    assert "120 customers are like this now (Nov 18, 2026)." in page_text
    assert "It does not say that one causes the other." in page_text
    assert 'style="' not in page_text


def test_what_else_such_customers_are_like(found, owner_client):
    traits = owner_client.get(URL, {"category": "1"}).context["traits"]
    assert (traits[0].thing, traits[0].state, traits[0].of_all) == ("Where they mostly buy", "web", "50")
    assert traits[0].share > 0.97
    assert owner_client.get(URL).context["traits"] == []


def test_everybody_is_the_shops_average(found, owner_client):
    response = owner_client.get(URL)
    assert response.context["says"] == "Of 100 customers, about 42 buy again within 60 days."
    assert response.context["answer"].alike == network_answers.Alike(then=240, bought=102, today=240)


def test_too_few_are_not_spoken_of(found, owner_client):
    nobody = owner_client.get(URL, {"category": "0", "channel": "1"})
    assert nobody.context["says"].startswith("Nobody was like this on Sep 19, 2026")
    few = owner_client.get(URL, {"category": "1", "spend": "3", "recency": "0"})
    alike = few.context["answer"].alike
    assert 0 < alike.then < 30
    assert few.context["says"] == (
        f"Only {alike.then} customers were like this on Sep 19, 2026: too few to say. Leave more of it open."
    )
    assert "<progress" not in few.content.decode()


def test_what_is_not_a_state_is_refused_and_the_rest_kept(found, owner_client):
    response = owner_client.get(URL, {"category": "9", "channel": "1"})
    assert response.status_code == 422
    assert response.context["answer"] is None
    assert response.context["form"].data["channel"] == "1"
    assert list(response.context["form"].errors) == ["category"]


def test_the_picture_has_every_thing_once_and_arrows_that_point_down(found, owner_client):
    picture = owner_client.get(URL).context["picture"]
    data = found.found.get().data
    assert [box.name for box in picture.boxes] == [*(told["name"] for told in data["states"]), "again"]
    level = {box.name: box.y for box in picture.boxes}
    assert len(picture.arrows) == len(data["links"])
    for arrow in picture.arrows:
        assert level[arrow.start] < level[arrow.end]
    spots = [(box.x, box.y) for box in picture.boxes]
    assert len(set(spots)) == len(spots)
    assert all(0 <= box.x <= picture.width - network_picture.WIDE for box in picture.boxes)


def test_sentences_name_the_arrows_those_of_buying_again_first(found, owner_client):
    said = owner_client.get(URL).context["sentences"]
    links = found.found.get().data["links"]
    of_again = [one for one in links if "again" in (one["from"], one["to"])]
    assert "What they mostly buy goes strongly with where they mostly buy." in said
    assert ["whether they buy again" in sentence.lower() for sentence in said] == [True] * len(of_again) + [False] * (
        len(links) - len(of_again)
    )
    assert [one["share"] for one in links] == sorted((one["share"] for one in links), reverse=True)


def test_an_arrow_that_skips_a_layer_runs_beside_the_names_between():
    links = [("a", "b", 0.5), ("b", "c", 0.1), ("a", "c", 0.3)]
    picture = network_picture.draw(["a", "b", "c", "alone"], links)
    layer = {box.name: box.y for box in picture.boxes}
    assert layer == {"a": 0, "b": 92, "c": 184, "alone": 276}
    assert picture.linked == {"a", "b", "c"}
    between = next(box for box in picture.boxes if box.name == "b")
    skipping = next(arrow for arrow in picture.arrows if (arrow.start, arrow.end) == ("a", "c"))
    x = float(skipping.path.split(" C")[2].split()[-2])  # after the second bend it has passed the layer of b
    assert not between.x <= x <= between.x + network_picture.WIDE
    assert [arrow.thick for arrow in picture.arrows] == [6.0, 3.3, 4.9]
    assert network_picture.draw(["a", "b", "c", "d"], []).arrows == []


def test_answers_do_not_hang_on_the_order_of_names(found):
    """PostgreSQL gives a JSON object's names back in an order of its own."""

    def turned(value):
        if isinstance(value, dict):
            return {name: turned(value[name]) for name in reversed(value)}
        return [turned(one) for one in value] if isinstance(value, list) else value

    data = found.found.get().data
    plain, other = network_answers.Asked(data, currency="EUR"), network_answers.Asked(turned(data), currency="EUR")
    for given in ({}, {"category": 1}, {"recency": 0, "channel": 1}):
        assert plain.answer(given) == other.answer(given)
        assert plain.traits(given) == other.traits(given)
    assert plain.alone() == other.alone()
    assert plain.picture() == other.picture()


def test_states_read_well():
    between = network_answers.between
    assert [between("recency", *edge, "EUR") for edge in ((None, 14), (14, 40), (14, 15), (40, None))] == [
        "up to 14 days ago", "15 to 40 days ago", "15 days ago", "more than 40 days ago",
    ]  # fmt: skip
    assert [between("frequency", *edge, "EUR") for edge in ((None, 1), (1, 2), (2, 5), (1, None), (5, None))] == [
        "once", "2 times", "3 to 5 times", "more than once", "more than 5 times",
    ]  # fmt: skip
    assert [between("spend", *edge, "EUR") for edge in ((None, 1_900), (1_900, 6_900), (6_900, None))] == [
        "up to €19", "€19 to €69", "over €69",
    ]  # fmt: skip


def test_the_page_says_how_good_it_is(found, owner_client):
    data = found.found.get().data
    check = data["check"]
    own = (
        f"Tried on customers it had not learned from: of the 24 it found likeliest to buy again, {check['caught']} did; "
        "24 picked at random would have given 10."
    )
    assert (check["picked"], check["expected"]) == (24, 10)
    assert min(trial["log_loss"] for trial in data["trials"]) < check["baseline"] - 0.1
    assert owner_client.get(URL).context["how_good"] == [own]
    for name, loss in (("base_rate", 0.60), ("calibrated", 0.51), ("network", 0.53)):
        found.report_cards.create(
            task="churn", candidate=name, is_baseline=name == "base_rate", is_champion=name == "calibrated",
            cut_date=CUT, horizon_days=HORIZON, customers=240, positives=138,
            metrics={"log_loss": loss, "picked": 48, "caught": 40, "expected": 28},
        )  # fmt: skip
    assert owner_client.get(URL).context["how_good"] == [
        own,
        "In the contest of methods that tell who will stay away, a network fed with orders alone took place 2 of 3: of "
        "the 48 customers it found most at risk, 40 did not order within 60 days; the shop's average, which knows "
        "nobody, would have been right for 28.",
        "Each customer's own risk comes from the plainest method that did about as well as the best: Buying rhythm, "
        "corrected on your past. This page is for understanding.",
    ]
    for used, says in (
        ("base_rate", "None of them beat the shop's average there, so everyone is given the average risk."),
        ("network", "Each customer's own risk comes from this network."),
    ):
        found.report_cards.update(is_champion=False)
        found.report_cards.filter(candidate=used).update(is_champion=True)
        assert owner_client.get(URL).context["how_good"][-1] == says


def test_before_a_night_the_page_says_so(owner_client):
    response = owner_client.get(URL)
    assert response.status_code == 200
    assert "Nothing worked out yet" in response.content.decode()


def test_little_data_is_named(shop, now, owner_client):
    for n in range(40):
        who = person(f"Customer {n}")
        for days in (400, 200, 10):
            order(who, days_before(LAST_DAY, days + n))
    night = pipeline.run(as_of=LAST_DAY, now=now)
    assert night.stages["what_if"]["missing"] == {"what": "customers_then", "have": 40, "need": 100}
    text = owner_client.get(URL).content.decode()
    assert "40 customers had ordered before the newest days to test on; at least 100 are needed." in text


def test_a_run_from_before_this_page_says_when_it_comes(found, owner_client):
    found.found.all().delete()
    assert "worked out for the first time in the next run" in owner_client.get(URL).content.decode()
    found.stages = {"what_if": {"state": "done", "seconds": 0.1, "reason": ""}}
    found.save()
    assert "Your customers were alike in everything" in owner_client.get(URL).content.decode()


def test_where_everybody_is_alike_there_is_nothing_to_find(shop):
    for n in range(120):
        who = person(f"Customer {n}")
        order(who, days_before(CUT, 5))
        if n % 3 == 0:
            order(who, days_before(CUT, -5))
    assert stage.what_if(dataset.load(as_of=LAST_DAY), HORIZON, as_of=LAST_DAY) == {}


def test_the_page_asks_the_database_the_same_few_questions(found, owner_client, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        owner_client.get(URL, {"recency": "0"})


def test_insights_leads_here(found, owner_client):
    assert reverse("loyalty:what_if") == URL
    found.scores.create(
        contact=Contact.objects.first(), recency_grade=3, frequency_grade=3, money_grade=3, group="new",
        stage="regular", churn_risk=0.5, at_stake_minor=100,
    )  # fmt: skip
    assert f'href="{URL}"' in owner_client.get("/insights/").content.decode()


def test_a_day_ends_at_the_shops_midnight(shop_of_two_kinds):
    """A yes given at half past eleven at night, Berlin time, on the day of the cut was known then."""
    _, midnight = clock.day_bounds(CUT, "Europe/Berlin")
    for who, minutes in zip(shop_of_two_kinds, (-30, 30)):
        Consent.objects.create(contact=who, state="yes", source="owner", at=midnight + dt.timedelta(minutes=minutes))
    asked = network_answers.Asked(worked_out(), currency="EUR")
    assert (asked.alike({"consent": 1}).then, asked.alike({"consent": 1}).today) == (1, 2)
