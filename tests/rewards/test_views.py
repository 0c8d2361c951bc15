import datetime as dt

import pytest
from django.urls import reverse
from django.utils import translation

from crm.contacts.models import Contact
from crm.lib import clock, sweeps
from crm.rewards import auditing, ledger, rule_changing, settling
from crm.rewards.models import Audit, Entry, Rule
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order
from tests.rewards.test_lots import give

TODAY = dt.date(2026, 11, 20)
TOMORROW = TODAY + dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def clock_stands_still(monkeypatch, now):
    monkeypatch.setattr(clock, "now", lambda: now)


def text(response) -> str:
    return " ".join(response.content.decode().split())


def rule_input(**fields):
    return {"kind": "per_amount", "points": "2", "step": "1.00", "minimum": "", "starts_on": str(TODAY)} | fields


# The page


def test_a_cafe_is_offered_a_stamp_card(owner_client, shop):
    shop.kind = shop.Kind.CAFE
    shop.save()
    page = text(owner_client.get(reverse("rewards:home")))
    assert "The usual start is a stamp card: one stamp for every purchase" in page
    response = owner_client.post(reverse("rewards:rule_usual"), follow=True)
    (rule,) = Rule.objects.values_list("kind", "params")
    assert rule == ("per_order", {"points": 1, "currency": "EUR", "minimum_minor": 0, "hold_days": 0})
    assert "1 stamp for every order" in text(response)


def test_empty_shop_is_offered_the_usual_rules(owner_client):
    page = text(owner_client.get(reverse("rewards:home")))
    assert "No rule yet" in page
    assert "The usual start: one point for every €1 spent, and 20 points for everybody new." in page
    response = owner_client.post(reverse("rewards:rule_usual"), follow=True)
    assert list(Rule.objects.order_by("kind").values_list("kind", "params", "starts_on", "ends_on")) == [
        (
            "per_amount",
            {"points": 1, "step_minor": 100, "currency": "EUR", "with_shipping": False, "minimum_minor": 0, "hold_days": 14},
            TODAY,
            None,
        ),
        ("welcome", {"points": 20}, TODAY, None),
    ]
    assert "1 point for every €1.00" in text(response)
    owner_client.post(reverse("rewards:rule_usual"))
    assert Rule.objects.count() == 2


def test_yen_shop_starts_with_a_point_for_a_hundred(owner_client, shop):
    shop.currency = "JPY"
    shop.save()
    page = text(owner_client.post(reverse("rewards:rule_usual"), follow=True))
    assert "1 point for every ¥100" in page


def test_home_shows_what_is_held_given_and_taken(owner_client, rule, mia, now):
    ledger.adjust(mia.pk, points=50, reason="sorry", key="a", now=now)
    ledger.adjust(mia.pk, points=-8, reason="coffee", key="b", now=now)
    ledger.post(
        [ledger.Posting(contact_id=mia.pk, points=7, kind="welcome", source="w", at=now - dt.timedelta(days=31))], now=now
    )
    context = owner_client.get(reverse("rewards:home")).context
    assert context["held"] == {"points": 49, "holders": 1, "pending": 0, "owed": 0, "debtors": 0}
    assert (context["given"], context["taken"]) == (50, 8)
    assert context["since"] == dt.datetime(2026, 10, 21, 22, 0, tzinfo=dt.UTC)  # midnight in Berlin, 30 days with today
    assert list(context["top"]) == [mia]


def test_home_takes_as_many_queries_for_many_customers(owner_client, rule, now, queries_of):
    def page():
        owner_client.get(reverse("rewards:home"))

    settling.settle([new_order(new_contact(now), now).pk], now=now)
    page()
    one = queries_of(page)
    settling.settle([new_order(new_contact(now), now).pk for _ in range(3)], now=now)
    assert queries_of(page) == one


# Rules


def test_kinds_are_offered(owner_client):
    page = text(owner_client.get(reverse("rewards:rule_new")))
    assert "Points for spending" in page and "Welcome gift" in page


def test_rule_from_today_starts_at_once(owner_client, mia, now):
    order = new_order(mia, now)
    response = owner_client.post(reverse("rewards:rule_new"), rule_input())
    assert (response.status_code, response.url) == (302, reverse("rewards:home"))
    assert Rule.objects.get().params == {
        "points": 2, "step_minor": 100, "currency": "EUR", "with_shipping": False, "minimum_minor": 0,
    }  # fmt: skip
    sweeps.SWEEPS["points"](now=now)
    assert list(Entry.objects.values_list("order_ref", "points")) == [(order.pk, 160)]


def test_rule_of_the_past_shows_what_it_gives_before_it_starts(owner_client, mia, now):
    old = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
    new_order(mia, now, 1000, placed_at=old)
    new_order(mia, now, 2050, placed_at=old)
    new_order(new_contact(now), now, 500, placed_at=old)
    new_order(new_contact(now), now, 99, placed_at=old)
    new_order(mia, now, 5000, placed_at=old - dt.timedelta(days=10))
    typed = rule_input(starts_on="2026-10-25", points="1")
    response = owner_client.post(reverse("rewards:rule_new"), typed)
    assert response.status_code == 200
    assert response.context["preview"] == rule_changing.Preview(purchases=3, customers=2, points=35)
    assert Rule.objects.count() == 0
    page = text(owner_client.get(response.context["back"]))
    assert 'value="2026-10-25"' in page
    owner_client.post(reverse("rewards:rule_new"), typed | {"confirmed": "1"})
    owner_client.post(reverse("rewards:rule_new"), typed | {"confirmed": "1"})  # sent twice
    assert Rule.objects.count() == 1
    sweeps.SWEEPS["points"](now=now)
    assert sum(Entry.objects.values_list("points", flat=True)) == 35


def test_welcome_gift_of_the_past_shows_what_it_gives(owner_client, shop, now):
    for _ in range(3):
        new_contact(now, joined_at=now - dt.timedelta(days=2))
    typed = {"kind": "welcome", "points": "20", "starts_on": "2026-11-01"}
    response = owner_client.post(reverse("rewards:rule_new"), typed)
    assert response.context["preview"] == rule_changing.Preview(purchases=0, customers=3, points=60)


def test_new_rule_takes_over_from_the_one_in_force(owner_client, rule):
    form = owner_client.get(reverse("rewards:rule_new") + "?kind=per_amount").context["form"]
    assert form["starts_on"].value() == str(TOMORROW)
    typed = rule_input(starts_on=str(TOMORROW))
    response = owner_client.post(reverse("rewards:rule_new"), typed)
    assert "“1 point for every €1.00” ends on Nov 20, 2026" in text(response)
    owner_client.post(reverse("rewards:rule_new"), typed | {"confirmed": "1"})
    assert list(Rule.objects.order_by("pk").values_list("starts_on", "ends_on")) == [
        (dt.date(2026, 1, 1), TODAY),
        (TOMORROW, None),
    ]


def test_rule_over_days_that_have_one_is_refused(owner_client, rule):
    response = owner_client.post(reverse("rewards:rule_new"), rule_input(starts_on="2026-05-01"))
    assert response.status_code == 422
    assert "covers these days, since Jan 1, 2026" in text(response)
    assert Rule.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"points": "0"}, "greater than or equal to 1"),
        ({"step": "0"}, "more than zero"),
        ({"step": "1.005"}, "EUR has 2 digits after the point"),
        ({"step": "NaN"}, "Write an amount such as 1.00"),
        ({"minimum": "-5"}, "Not below zero"),
        ({"starts_on": "31.02.2026"}, "Enter a valid date"),
    ],
)
def test_wrong_rule_is_drawn_again_with_what_was_typed(owner_client, fields, said):
    typed = rule_input(minimum="12.50") | fields
    response = owner_client.post(reverse("rewards:rule_new"), typed)
    assert response.status_code == 422
    page = text(response)
    assert said in page
    assert all(f'value="{value}"' in page for value in typed.values())
    assert Rule.objects.count() == 0


def test_rule_is_ended_after_asking(owner_client, rule):
    url = reverse("rewards:rule_end", args=[rule.pk])
    assert owner_client.get(url).status_code == 200
    assert Rule.objects.get().ends_on is None
    early = owner_client.post(url, {"ends_on": "2026-11-19"})
    assert early.status_code == 422 and "Choose today or a later day" in text(early)
    owner_client.post(url, {"ends_on": str(TODAY)})
    assert Rule.objects.get().ends_on == TODAY


def test_rule_that_has_not_begun_can_be_removed(owner_client, shop, now):
    rule = euro_rule(now, starts_on=TOMORROW)
    owner_client.post(reverse("rewards:rule_withdraw", args=[rule.pk]))
    assert Rule.objects.count() == 0
    rule = euro_rule(now, starts_on=TODAY)
    owner_client.post(reverse("rewards:rule_withdraw", args=[rule.pk]))
    assert Rule.objects.count() == 1


# A customer's points


def adjust_form(client, contact, **fields):
    url = reverse("rewards:adjust", args=[contact.pk])
    key = client.get(url).context["form"]["key"].value()
    return url, {"points": "50", "reason": "sorry for the wait", "key": key} | fields


def test_adjusting_sent_twice_is_one_entry(owner_client, mia):
    url, typed = adjust_form(owner_client, mia)
    for _ in range(2):
        response = owner_client.post(url, typed)
        assert (response.status_code, response.url) == (302, reverse("rewards:history", args=[mia.pk]))
    assert list(Entry.objects.values_list("points", "reason")) == [(50, "sorry for the wait")]


def test_taking_more_than_there_is_keeps_the_input_and_says_so(owner_client, mia, now):
    ledger.adjust(mia.pk, points=30, reason="sorry", key="a", now=now)
    url, typed = adjust_form(owner_client, mia, points="-31", reason="coffee & cake")
    response = owner_client.post(url, typed)
    assert response.status_code == 422
    page = text(response)
    assert "Mia Fuchs has 30 points; 31 cannot be taken. Nothing was changed." in page
    assert 'value="-31"' in page and 'value="coffee &amp; cake"' in page
    assert ledger.balance(mia.pk) == 30


def test_form_sent_again_with_other_points_asks_first(owner_client, mia):
    url, typed = adjust_form(owner_client, mia)
    owner_client.post(url, typed)
    response = owner_client.post(url, typed | {"points": "60"})
    assert response.status_code == 422
    assert "This form was sent before, with 50 points for “sorry for the wait”" in text(response)
    key = response.context["form"]["key"].value()
    owner_client.post(url, typed | {"points": "60", "key": key})
    assert ledger.balance(mia.pk) == 110


@pytest.mark.parametrize("fields", [{"points": "0"}, {"points": "many"}, {"reason": " "}, {"key": "x"}])
def test_wrong_adjustment_changes_nothing(owner_client, mia, fields):
    url, typed = adjust_form(owner_client, mia, **fields)
    assert owner_client.post(url, typed).status_code == 422
    assert Entry.objects.count() == 0


def test_history_explains_every_entry_with_the_balance_after_it(owner_client, rule, mia, now):
    order = new_order(mia, now, 10000, number="#1043", refunded_minor=2000, payment="partly_refunded")
    settling.settle([order.pk], now=now)
    amend(order, refunded_minor=3000)
    settling.settle([order.pk], now=now)
    ledger.adjust(mia.pk, points=-5, reason="coffee", key="a", now=now)
    response = owner_client.get(reverse("rewards:history", args=[mia.pk]))
    assert [(row.sentence, row.signed, row.entry.balance_after) for row in response.context["rows"]] == [
        ("5 points taken by hand: coffee", "-5", 65),
        ("10 points taken back: part of order #1043 was refunded, €70.00 still count.", "-10", 70),
        ("80 points for order #1043: 1 point for every €1.00, on €80.00, net of €20.00 refunded.", "+80", 80),
    ]


def test_history_speaks_the_readers_language(owner_client, rule, mia, now):
    settling.settle([new_order(mia, now).pk], now=now)
    owner_client.cookies["language"] = "zh-hans"
    response = owner_client.get(reverse("rewards:history", args=[mia.pk]))
    assert response.headers["Content-Language"] == "zh-hans"
    assert response.status_code == 200


def test_customer_without_points_has_an_empty_history(owner_client, mia):
    page = text(owner_client.get(reverse("rewards:history", args=[mia.pk])))
    assert "No points yet" in page


def test_export_has_a_line_per_entry_safe_for_spreadsheets(owner_client, rule, mia, now):
    Contact.objects.filter(pk=mia.pk).update(name="=cmd()")
    order = new_order(mia, now, number="#7")
    settling.settle([order.pk], now=now)
    ledger.post(
        [ledger.Posting(contact_id=new_contact(now).pk, points=7, kind="welcome", source="w", at=now)], now=now
    )
    lines = b"".join(owner_client.get(reverse("rewards:export"))).decode("utf-8-sig").splitlines()
    assert lines[0] == "Entry,Date,Customer,Customer number,E-mail,Points,Kind,Order,Why,Written"
    assert len(lines) == 3
    assert lines[1].split(",")[1:] == [
        "2026-11-20 09:00", "'=cmd()", str(mia.pk), "", "80", "Order", "#7",
        '"80 points for order #7: 1 point for every €1.00', ' on €80.00."', "2026-11-20 10:00",
    ]  # fmt: skip
    only = b"".join(owner_client.get(reverse("rewards:export_of", args=[mia.pk]))).decode("utf-8-sig").splitlines()
    assert only == lines[:2]


def test_customer_page_shows_balance_and_newest_entries(owner_client, mia, now):
    ledger.adjust(mia.pk, points=50, reason="sorry for the wait", key="a", now=now)
    page = text(owner_client.get(mia.get_absolute_url()))
    assert page.count("50 points given by hand: sorry for the wait") == 2  # the panel and the timeline
    assert reverse("rewards:adjust", args=[mia.pk]) in page


def test_order_page_shows_its_points(owner_client, rule, mia, now):
    order = new_order(mia, now, number="#7")
    assert "points for order" not in text(owner_client.get(order.get_absolute_url()))
    settling.settle([order.pk], now=now)
    page = text(owner_client.get(order.get_absolute_url()))
    assert "80 points for order #7: 1 point for every €1.00, on €80.00." in page


def test_pages_need_a_login(client, shop, owner, mia):
    for name, args in (("home", []), ("rule_new", []), ("history", [mia.pk]), ("adjust", [mia.pk]), ("export", [])):
        assert client.get(reverse(f"rewards:{name}", args=args)).status_code == 302


# The books


def test_books_are_checked_when_asked(owner_client, rule, mia, now):
    settling.settle([new_order(mia, now).pk], now=now)
    assert "Not checked yet" in text(owner_client.get(reverse("rewards:home")))
    owner_client.post(reverse("rewards:audit"))
    owner_client.post(reverse("rewards:audit"))
    assert Audit.objects.count() == 1
    assert "Being checked now" in text(owner_client.get(reverse("rewards:home")))
    assert auditing.audit_due(now=now) == 1
    page = text(owner_client.get(reverse("rewards:home")))
    assert "Being checked now" not in page


def test_books_are_checked_once_a_day_in_the_shops_language(shop, now):
    shop.language = "zh-hans"
    shop.save()
    before_three = dt.datetime(2026, 11, 20, 1, 59, tzinfo=dt.UTC)
    assert auditing.audit_due(now=before_three) == 0
    assert auditing.audit_due(now=before_three + dt.timedelta(minutes=1)) == 1
    assert auditing.audit_due(now=now) == 0
    assert auditing.audit_due(now=now + dt.timedelta(days=1)) == 1
    assert translation.get_language() == "en"


@pytest.mark.parametrize(("kind", "said"), [("shop", "Points held"), ("cafe", "Stamps held"), ("studio", "Credits held")])
def test_points_are_called_what_this_kind_of_business_calls_them(owner_client, shop, rule, mia, now, kind, said):
    shop.kind = kind
    shop.save()
    give(mia, 80, now=now, source="a")
    page = owner_client.get("/loyalty/").text
    assert said in page
    assert 'href="/loyalty/points.csv"' in page
    word = said.split()[0].lower()
    assert f"{word} can be spent now" in owner_client.get(f"/loyalty/customers/{mia.pk}/").text
    form = owner_client.get(f"/loyalty/customers/{mia.pk}/adjust/").text
    assert 'name="points"' in form
    told = owner_client.post(f"/loyalty/customers/{mia.pk}/adjust/", {"points": 5, "reason": "kind", "key": "0" * 32}, follow=True)
    assert f"Mia Fuchs was given 5 {word}." in told.text
