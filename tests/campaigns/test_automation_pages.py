import datetime as dt

import pytest
from django.urls import reverse

from crm.accounts.models import Shop
from crm.campaigns import automating, fields, rehearsing, sending
from crm.campaigns.models import Automation, Campaign, Rules
from crm.campaigns.standing_orders import RECIPES
from crm.coupons import issuing
from crm.coupons.models import Coupon
from crm.home import suggesting
from crm.home.models import Action
from crm.lib import clock
from tests.campaigns.automations import buy

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def client(owner_client, shop):
    shop.address = "Lindenstr. 1, 10969 Berlin"
    shop.save()
    return owner_client


@pytest.fixture
def bought(crowd):
    """Twenty people who ordered for the first time ten days ago."""
    people = crowd(20)
    for contact in people:
        buy(contact, clock.now() - 10 * DAY)
    return people


def post(client, page, *args, **data):
    return client.post(reverse(f"campaigns:{page}", args=args), data)


def form_of(automation, **changes):
    """Return what the page of changes would post."""
    values = {
        "name": automation.name, "param_days": 2, "send_time": "11:30", "holdout_percent": 10, "window_days": 30,
        "points_days": "", "points_budget": "",
    }  # fmt: skip
    for number in (1, 2, 3):
        step = automation.steps.filter(step=number).first()
        said = (step.subject, step.body, step.points, step.wait_days) if step else ("", "", 0, 7)
        for name, value in zip(("subject", "body", "points", "wait_days"), said):
            values[f"letter{number}-{name}"] = value
    return values | changes


def test_nothing_is_on_and_every_recipe_says_what_it_would_have_done(client, bought):
    page = client.get("/campaigns/automations/")
    assert page.status_code == 200
    assert page.content.decode().count("is worked out within the next minutes") == len(RECIPES)
    rehearsing.renew(now=clock.now())
    text = client.get("/campaigns/automations/").content.decode()
    welcomed = Rules.current().rehearsed["welcome"]["people"]
    assert f"Would have written to {welcomed} people" in text
    assert not Automation.objects.exists()


def test_look_at_a_recipe_makes_nothing(client, bought):
    page = client.get(reverse("campaigns:automation_recipe", args=["welcome"]) + "?rehearse=1")
    rehearsal = page.context["rehearsal"]
    assert len(rehearsal.people) + len(rehearsal.held_out) == 20
    assert f"<strong>{len(rehearsal.people)} people</strong>" in page.content.decode()
    assert not Automation.objects.exists()
    assert client.get(reverse("campaigns:automation_recipe", args=["nonsense"])).status_code == 404
    made = automating.make("welcome", shop=Shop.current())
    assert client.get(reverse("campaigns:automation_recipe", args=["welcome"])).url == made.get_absolute_url()


def test_set_up_look_switch_on_switch_off(client, bought):
    response = post(client, "automation_new", recipe="welcome")
    welcome = Automation.objects.get()
    assert response.url == welcome.get_absolute_url()
    assert post(client, "automation_new", recipe="welcome").url == response.url  # a second click finds the first
    assert post(client, "automation_new", recipe="nonsense").status_code == 422
    page = client.get(response.url)
    assert "rehearsal" not in page.context  # it takes long in a big shop: asked for by the page, or by its link
    assert 'hx-get="?rehearse=1"' in page.content.decode() and 'href="?rehearse=1#rehearsal"' in page.content.decode()
    assert client.get(response.url + "?rehearse=1").context["rehearsal"].by_step()[0] > 10
    assert welcome.on_since is None
    post(client, "automation_on", welcome.pk)
    welcome.refresh_from_db()
    assert welcome.on_since is not None
    text = client.get(response.url).content.decode()
    assert "Switch off" in text and "Runs next" in text
    listed = {one.slug: one.made for one in client.get("/campaigns/automations/").context["recipes"]}
    assert {slug for slug, made in listed.items() if made} == {"welcome"}
    post(client, "automation_off", welcome.pk)
    welcome.refresh_from_db()
    assert (welcome.on_since, set(welcome.steps.values_list("state", flat=True))) == (None, {"draft"})


def test_another_one_of_a_recipe_has_a_name_of_its_own(client):
    first = automating.make("welcome", shop=Shop.current())
    Automation.objects.update(ran_at=clock.now())
    second = automating.make("welcome", shop=Shop.current())
    assert (first.name, second.name) == ("Welcome new customers", "Welcome new customers · 2")
    assert [step.name for step in second.live_steps()][1] == "Welcome new customers · 2 (2)"


def test_subject_is_shown_as_people_read_it(client):
    made = automating.make("win-back", shop=Shop.current())
    assert "We miss you, [First name]" in client.get(made.get_absolute_url()).content.decode()


def test_every_field_in_a_recipe_is_known(client):
    for slug in RECIPES:
        _automation, steps = automating.draft(slug, shop=Shop.current())
        assert fields.unknown(*(text for step in steps for text in (step.subject, step.body))) == []


def test_says_what_a_coupon_in_it_gives(client):
    coupon = Coupon.objects.create(
        name="Ten", gives="percent", percent=10, starts_on=dt.date(2026, 1, 1), code_kind="shared", created_at=clock.now()
    )
    word = issuing.share(coupon, word="HELLO10", now=clock.now()).text
    welcome = automating.make("welcome", shop=Shop.current())
    welcome.steps.filter(step=2).update(body=f"Say {word}.")
    page = client.get(welcome.get_absolute_url())
    assert [(one.name, what) for one, what in page.context["coupons"]] == [("Ten", "10% off")]
    assert "10% off" in page.content.decode()


def test_looking_changes_nothing(client):
    welcome = automating.make("welcome", shop=Shop.current())
    for name in ("automation_on", "automation_off", "automation_delete"):
        assert client.get(reverse(f"campaigns:{name}", args=[welcome.pk])).status_code == 405
    assert (client.get("/campaigns/automations/new/").status_code, Automation.objects.get().on_since) == (405, None)


def test_words_days_and_time_are_changed(client):
    welcome = automating.make("welcome", shop=Shop.current())
    url = reverse("campaigns:automation_edit", args=[welcome.pk])
    assert client.get(url).status_code == 200
    changed = form_of(welcome, **{"letter1-subject": "Good to have you", "letter3-body": "", "letter3-subject": ""})
    assert client.post(url, changed).url == welcome.get_absolute_url()
    welcome.refresh_from_db()
    assert (welcome.params, welcome.send_time, welcome.ends_on_order) == ({"days": 2}, dt.time(11, 30), False)
    assert list(welcome.steps.order_by("step").values_list("subject", "wait_days", "window_days")) == [
        ("Good to have you", 0, 30), ("A week later: is everything as you hoped?", 6, 30),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"letter1-body": "Hello {{ frist_name }}"}, "There is no field called “frist_name”."),
        ({"letter1-body": "![](https://example.com/a.png)"}, "Pictures are not sent."),
        ({"letter1-body": ""}, "There is no message yet."),
        ({"letter1-subject": ""}, "The message has no subject."),
        ({"letter1-points": "50", "points_budget": "20"}, "This is not enough for one customer."),
        ({"letter2-body": "", "letter2-subject": ""}, "There is a message, but none before it."),
        ({"param_days": 0}, "Ensure this value is greater than or equal to 1."),
        ({"send_time": "21:00"}, "Automations write between 09:00 and 20:00."),
        ({"letter2-wait_days": ""}, "Say how many days after the message before it goes out."),
    ],
)
def test_wrong_input_is_told_and_kept(client, changes, words):
    welcome = automating.make("welcome", shop=Shop.current())
    page = client.post(
        reverse("campaigns:automation_edit", args=[welcome.pk]), form_of(welcome, name="My welcome", **changes)
    )
    assert page.status_code == 422
    assert words in page.content.decode() and 'value="My welcome"' in page.content.decode()
    assert Automation.objects.get().params == {"days": 1}


def test_one_that_is_on_is_not_changed(client):
    welcome = automating.make("welcome", shop=Shop.current())
    automating.switch_on(welcome, now=clock.now())
    url = reverse("campaigns:automation_edit", args=[welcome.pk])
    assert client.get(url).url == welcome.get_absolute_url()
    assert client.post(url, form_of(welcome)).url == welcome.get_absolute_url()
    assert Automation.objects.get().params == {"days": 1}
    post(client, "automation_delete", welcome.pk)
    assert Automation.objects.exists()


def test_a_step_is_no_campaign_to_be_sent_by_hand(client):
    welcome = automating.make("welcome", shop=Shop.current())
    step = welcome.steps.get(step=1)
    for name in ("review",):
        assert client.get(reverse(f"campaigns:{name}", args=[step.pk])).url == welcome.get_absolute_url()
    for name in ("schedule", "stop", "draft", "delete", "again"):
        assert post(client, name, step.pk).url == welcome.get_absolute_url()
    step.refresh_from_db()
    assert (step.state, Campaign.objects.count()) == ("draft", 3)
    page = client.get(reverse("campaigns:edit", args=[step.pk])).content.decode()
    assert "Save, and back to the automation" in page and 'name="segment"' not in page
    said = {
        "name": step.name, "subject": "Hello", "body": "Hello.", "points": "", "holdout_percent": step.holdout_percent,
        "window_days": step.window_days, "version": step.version, "letter": "A",
    }  # fmt: skip
    assert post(client, "edit", step.pk, **said, then="add").status_code == 302
    assert post(client, "edit", step.pk, **said | {"letter": "B", "version": 2}, then="review").status_code == 302
    step.refresh_from_db()
    assert (step.subject, step.holdout_percent, step.variants.count()) == ("Hello", 10, 1)


def test_review_says_who_had_enough(client, campaign, person):
    ava = person()
    person("Ben Adler")
    for n in range(2):
        sent = campaign(name=f"News {n}")
        rotation = sent.rotations.create(local_date=clock.now().date(), started_at=clock.now())
        rotation.messages.create(contact=ava, state="sent", due_at=clock.now(), sent_at=clock.now())
    page = client.get(reverse("campaigns:review", args=[campaign(name="News 3").pk]))
    assert page.context["full_count"] == 1
    assert "had enough messages this week" in page.content.decode()


def test_nobody_schedules_a_campaign_by_itself(client, campaign, person):
    person()
    made = campaign()
    answer = post(client, "schedule", made.pk, when="now", repeat="daily", version=made.version)
    assert answer.status_code == 422
    made.refresh_from_db()
    assert (made.state, made.repeat) == ("draft", "once")


def test_list_tells_automations_apart(client, person):
    welcome = automating.make("welcome", shop=Shop.current())
    assert client.get("/campaigns/").content.decode().count(welcome.name) == 0
    automating.switch_on(welcome, now=clock.now() - 3 * DAY)
    buy(person(), clock.now() - 2 * DAY)
    zone = Shop.current().timezone
    tomorrow = clock.local_date(clock.now(), zone) + DAY
    sending.sweep(now=clock.at_local(tomorrow, dt.time(12), zone))
    page = client.get("/campaigns/")
    assert [one.automation_id for one in page.context["page"]] == [welcome.pk]
    assert f'<a href="{welcome.get_absolute_url()}">{welcome.name}</a>' in page.content.decode()
    report = client.get(welcome.steps.get(step=1).get_absolute_url()).content.decode()
    assert "Part of the automation" in report and "Do it again" not in report


def test_rules_are_kept(client):
    assert post(client, "rules", most_messages="", opens_at="08:00", closes_at="19:00").status_code == 302
    rules = Rules.current()
    assert (rules.most_messages, rules.opens_at, rules.closes_at) == (None, dt.time(8), dt.time(19))
    wrong = post(client, "rules", most_messages="3", opens_at="20:00", closes_at="19:00")
    assert (wrong.status_code, "later than the time" in wrong.content.decode()) == (422, True)
    assert Rules.current().most_messages is None


def test_hours_leave_no_automation_outside(client):
    welcome = automating.make("welcome", shop=Shop.current())
    post(client, "automation_on", welcome.pk)
    answer = post(client, "rules", most_messages="2", opens_at="11:00", closes_at="19:00")
    assert answer.status_code == 422
    assert "“Welcome new customers” is on and writes at 10:00." in answer.content.decode()
    post(client, "automation_off", welcome.pk)
    assert post(client, "rules", most_messages="2", opens_at="11:00", closes_at="19:00").status_code == 302
    with pytest.raises(automating.NotPossible, match="between 11:00 and 19:00"):
        automating.switch_on(welcome, now=clock.now())


def test_today_proposes_the_welcome_and_leads_to_what_it_would_have_done(client, bought):
    now = clock.now()
    suggesting.renew(shop=Shop.current(), now=now)
    assert not Action.objects.exists()
    rehearsing.renew(now=now)
    suggesting.renew(shop=Shop.current(), now=now)
    said, people = Action.objects.get(), Rules.current().rehearsed["welcome"]["people"]
    assert said.title["en"] == f"Nobody welcomes your new customers: {people} in the last month"
    assert client.get(said.url + "?rehearse=1").context["rehearsal"].people
    welcome = automating.make("welcome", shop=Shop.current())
    automating.switch_on(welcome, now=now)
    suggesting.renew(shop=Shop.current(), now=now)
    assert not Action.objects.exists()


def test_pages_ask_as_much_for_three_as_for_one(client, django_assert_max_num_queries):
    for slug in ("welcome", "birthday", "win-back"):
        automating.make(slug, shop=Shop.current())
    with django_assert_max_num_queries(14):
        client.get("/campaigns/automations/")
