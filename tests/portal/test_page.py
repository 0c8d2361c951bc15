"""What a customer sees, and what nobody else does."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.accounts.models import Attempt, Shop
from crm.contacts import consent
from crm.contacts.models import Consent, Contact, Suppression
from crm.coupons import issuing, redeeming
from crm.coupons.models import Code
from crm.coupons.pricing import Basket, Line
from crm.portal import cards, links
from crm.portal.showing import OwnPage, masked
from crm.portal.views import _SAVES, _WRONG_LINKS
from crm.rewards import explaining, ledger, settling
from crm.rewards.models import Entry
from tests.conftest import NOW
from tests.coupons.conftest import new_coupon
from tests.portal.conftest import give, new_reward
from tests.rewards.conftest import amend, euro_rule, new_order
from tests.rewards.test_tiers import start as start_levels


@pytest.fixture
def visitor():
    """Somebody without a login whose forms are checked as strictly as a browser's."""
    return Client(enforce_csrf_checks=True)


def address(contact, name="page") -> str:
    return reverse(f"portal:{name}", args=[links.token(contact.pk)])


def seen(response) -> str:
    """Return a page's words on one line."""
    text = re.sub(r"<svg.*?</svg>", "", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def post(contact_id: int, points: int, **fields) -> None:
    values = {"kind": Entry.Kind.CAMPAIGN, "source": f"campaign:1:{contact_id}:{points}", "at": NOW, "reason": "Spring"}
    ledger.post([ledger.Posting(contact_id=contact_id, points=points, **values | fields)], now=NOW)


def test_the_page_tells_what_they_hold_and_why(visitor, mia, now):
    euro_rule(now)
    order = new_order(mia, now, total_minor=10_000)
    amend(order, refunded_minor=2_000, payment="partly_refunded")
    settling.settle([order.pk], now=now)
    post(mia.pk, 30, activates_at=now + dt.timedelta(days=10))
    post(mia.pk, 12, expires_at=now + dt.timedelta(days=20))
    new_reward()
    new_reward(name="Free shipping", kind="shipping", points=40, worth_minor=450)
    text = seen(visitor.get(address(mia)))
    assert "Hello Mia" in text
    assert "92 points to spend, as of Nov 20, 2026" in text
    assert "On their way 30 points from Nov 30, 2026" in text
    assert "Use before they expire 12 points until Dec 10, 2026" in text
    assert "Money off Yours now: up to €4.60 for 92 points" in text
    assert "Free shipping Yours now for 40 points" in text
    [said] = [row.sentence for row in explaining.explain(Entry.objects.filter(order_ref=order.pk))]
    assert (said in text, said.startswith(f"80 points for order {order.number}: ")) == (True, True)
    assert cards.code(mia.pk) in text


def test_what_is_too_dear_says_how_much_is_missing(visitor, mia):
    give(mia, 60)
    new_reward(kind="product", name="A loaf", points=100)
    assert "A loaf 40 points to go, of 100" in seen(visitor.get(address(mia)))


def test_spent_points_of_a_refunded_order_are_said_to_be_owed(visitor, mia):
    post(mia.pk, -7)
    text = seen(visitor.get(address(mia)))
    assert "7 points were spent on orders that were refunded later. Your next points settle them first." in text


def test_a_cafe_gives_stamps(visitor, mia, shop):
    shop.kind = "cafe"
    shop.save()
    give(mia, 60)
    text = seen(visitor.get(address(mia)))
    assert ("60 stamps to spend" in text, "60 stamps given by hand" in text, "points" in text) == (True, True, False)


def test_nobody_elses_things_are_on_it(visitor, mia, nora):
    give(mia, 11, reason="for mia")
    give(nora, 4321, reason="nora alone")
    coupon = new_coupon(codes=1)
    issuing.issue(coupon, count=0, contact_ids=[mia.pk, nora.pk], now=NOW)
    codes = {one: issuing.text_of(Code.objects.get(contact=one)) for one in (mia, nora)}
    page = visitor.get(address(mia)).content.decode()
    theirs = [nora.name, "Winter", "nora", "4,321", codes[nora], cards.code(nora.pk), links.token(nora.pk), "5557002"]
    assert [word for word in theirs if word in page] == []
    assert codes[mia] in page
    unowned = issuing.text_of(Code.objects.get(contact=None))
    assert unowned not in page


def test_the_address_is_not_shown_in_full(visitor, mia):
    page = visitor.get(address(mia)).content.decode()
    assert ("mia.fuchs@" in page, "m…@example.com" in page, "5557001" in page) == (False, True, False)
    assert [masked(email) for email in ("x@y.example", "", "nonsense")] == ["x…@y.example", "", ""]


def test_only_coupons_that_can_be_used_today_are_open(visitor, mia):
    for name, fields in {
        "Good": {},
        "Over": {"starts_on": dt.date(2026, 1, 1), "ends_on": dt.date(2026, 11, 19)},
        "Early": {"starts_on": dt.date(2026, 11, 21)},
        "Stopped": {"stopped_at": NOW},
        "Spent": {"most_per_code": 1},
    }.items():
        coupon = new_coupon(codes=1, **{"name": name} | fields)
        Code.objects.filter(coupon=coupon).update(contact=mia, used_count=1 if name == "Spent" else 0)
    texts = {code.coupon.name: issuing.text_of(code) for code in Code.objects.select_related("coupon")}
    page = visitor.get(address(mia)).content.decode()
    assert {name: text in page for name, text in texts.items()} == {
        "Good": True, "Over": False, "Early": False, "Stopped": False, "Spent": False,
    }  # fmt: skip


def test_a_coupon_used_as_often_as_one_customer_may_is_not_open(visitor, mia, nora):
    coupon = new_coupon(codes=2, most_per_customer=1)
    Code.objects.update(contact=mia)
    issuing.issue(coupon, count=0, contact_ids=[nora.pk], now=NOW)
    code = Code.objects.filter(contact=mia).first()

    def shown() -> list[int]:
        return [len(OwnPage(person, Shop.current(), NOW).coupons) for person in (mia, nora)]

    assert shown() == [2, 1]
    redeeming.reserve([issuing.text_of(code)], basket=Basket([Line(None, 1, 1_000)]), key="k", contact_id=mia.pk, now=NOW)
    assert shown() == [0, 1]
    redeeming.roll_back("k", now=NOW)
    assert shown() == [2, 1]


def test_squares_are_pictures_a_strict_policy_lets_through(visitor, mia):
    response = visitor.get(address(mia))
    [svg] = re.findall(r'<span role="img" aria-label="Your card[^>]*>(<svg.*?</svg>)', response.content.decode())
    assert ("style" in svg, "class=" in svg, svg.count("<path")) == (False, False, 2)
    assert "unsafe-inline" not in response["Content-Security-Policy"]


def test_search_engines_and_other_sites_do_not_learn_the_link(visitor, mia):
    for path in (address(mia), reverse("portal:page", args=["12-0.forged"])):
        response = visitor.get(path)
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert response["Cache-Control"] == "private, no-store"
        assert '<meta name="robots" content="noindex, nofollow">' in response.content.decode()


def test_no_link_of_the_page_leads_into_the_owners_pages(visitor, mia, now):
    euro_rule(now)
    settling.settle([new_order(mia, now).pk], now=now)
    links_on_it = re.findall(r'<a [^>]*href="([^"]*)"', visitor.get(address(mia)).content.decode())
    assert [link for link in links_on_it if not link.startswith(("?page=", "#"))] == [f"{address(mia)}write/"]


def test_a_wrong_replaced_or_erased_link_is_404(visitor, mia, nora):
    old = address(mia)
    links.replace(mia.pk, now=NOW)
    gone = address(nora)
    Contact.objects.filter(pk=nora.pk).update(erased_at=NOW)
    paths = [old, gone, reverse("portal:page", args=["x"]), f"{gone}messages/", f"{gone}language/"]
    answers = [visitor.get(path).status_code for path in paths[:3]] + [visitor.post(path).status_code for path in paths[3:]]
    assert answers == [404] * 5


def test_guessing_links_is_slowed_down(visitor, mia):
    wrong = reverse("portal:page", args=["1-0.guess"])
    answers = [visitor.get(wrong).status_code for _ in range(_WRONG_LINKS + 1)]
    assert answers == [404] * _WRONG_LINKS + [429]
    assert visitor.get(address(mia)).status_code == 200
    assert Attempt.objects.get(kind="portal").count == _WRONG_LINKS + 1


def test_the_page_speaks_the_customers_language_else_the_shops(visitor, mia, shop):
    said = {}
    for language in ("", "zh", "zh-CN", "de", "nonsense"):
        Contact.objects.filter(pk=mia.pk).update(language=language)
        said[language] = visitor.get(address(mia))["Content-Language"]
    assert said == {"": "en", "zh": "zh-hans", "zh-CN": "zh-hans", "de": "en", "nonsense": "en"}
    shop.language = "zh-hans"
    shop.save()
    assert visitor.get(address(mia))["Content-Language"] == "zh-hans"


def test_the_language_is_kept_and_no_import_overwrites_it(visitor, mia):
    response = visitor.post(address(mia, "language"), {"language": "zh-hans"})
    assert (response.status_code, response["Location"]) == (302, f"{address(mia)}#language")
    mia.refresh_from_db()
    assert (mia.language, mia.typed_fields) == ("zh-hans", ["language"])
    visitor.post(address(mia, "language"), {"language": "xx"})
    mia.refresh_from_db()
    assert mia.language == "zh-hans"


def test_a_yes_and_a_no_are_written_down_with_their_wording(visitor, mia):
    answer = visitor.post(address(mia, "messages"), {"messages": "yes"})
    assert answer["Location"] == f"{address(mia)}?saved=1#messages"
    visitor.post(address(mia, "messages"), {"messages": "no"})
    said = list(Consent.objects.filter(contact=mia).order_by("pk").values_list("state", "source", "detail"))
    assert said == [
        ("yes", "page", "I want messages from Linden & Loaf by e-mail."),
        ("no", "page", "No messages, please."),
    ]
    mia.refresh_from_db()
    assert (mia.consent, Suppression.objects.count()) == ("no", int(bool(mia.address_hash)))


def test_who_unsubscribed_stays_unsubscribed(visitor, mia):
    consent.withdraw(mia.pk, source=Consent.Source.CLICK, detail="", at=NOW)
    page = visitor.get(address(mia))
    answer = visitor.post(address(mia, "messages"), {"messages": "yes"})
    assert answer["Location"] == f"{address(mia)}#messages"
    visitor.post(address(mia, "language"), {"language": "en"})
    mia.refresh_from_db()
    assert (mia.consent, Consent.objects.count()) == ("no", 1)
    assert 'name="messages"' not in page.content.decode()


def test_whoever_holds_a_link_cannot_fill_the_log(visitor, mia):
    for number in range(_SAVES + 2):
        visitor.post(address(mia, "language"), {"language": ("en", "zh-hans")[number % 2]})
    mia.refresh_from_db()
    assert mia.version == 1 + _SAVES


def test_looking_at_the_page_changes_nothing(visitor, mia):
    visitor.get(address(mia) + "?saved=messages&messages=no")
    mia.refresh_from_db()
    assert (mia.consent, Consent.objects.count(), visitor.get(address(mia, "messages")).status_code) == ("unknown", 0, 405)


def test_history_has_pages(visitor, mia):
    for number in range(45):
        give(mia, number + 1, reason=f"gift {number:02}")
    seen_on = [re.findall(r"gift \d\d", seen(visitor.get(f"{address(mia)}?page={page}"))) for page in (1, 2, 3, 4, 0)]
    assert [len(found) for found in seen_on] == [20, 20, 5, 0, 20]
    assert len({gift for found in seen_on[:3] for gift in found}) == 45
    assert visitor.get(f"{address(mia)}?page=nonsense").status_code == 200


def test_queries_do_not_grow_with_what_is_shown(visitor, mia):
    coupon = new_coupon(codes=1, name="A")
    Code.objects.filter(coupon=coupon).update(contact=mia)
    give(mia, 5, reason="one")
    new_reward()

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            visitor.get(address(mia))
        return len(queries)

    first = count()
    for number in range(15):
        give(mia, 5, reason=f"more {number}")
    assert count() == first


# The owner's side


def test_the_customer_page_hands_out_the_link(owner_client, mia):
    page = owner_client.get(mia.get_absolute_url()).content.decode()
    assert (f'value="{links.address(mia.pk)}"' in page, cards.code(mia.pk) in page) == (True, True)
    square = owner_client.get(reverse("portal:square", args=[mia.pk]))
    assert (square["Content-Type"], b"<svg" in square.content, b"style" in square.content) == ("image/svg+xml", True, False)


def test_the_owner_replaces_a_link(owner_client, visitor, mia):
    old = address(mia)
    response = owner_client.post(reverse("portal:replace", args=[mia.pk]))
    assert response["Location"] == mia.get_absolute_url() + "#own-page"
    assert (visitor.get(old).status_code, visitor.get(address(mia)).status_code) == (404, 200)


def test_only_the_owner_hands_out_and_replaces(client, mia):
    for path in (reverse("portal:square", args=[mia.pk]), reverse("portal:replace", args=[mia.pk])):
        assert client.post(path)["Location"].startswith("/login/")
    assert links.contact_of(links.token(mia.pk)) == mia


def test_an_erased_person_has_no_panel(owner_client, mia):
    Contact.objects.filter(pk=mia.pk).update(erased_at=NOW)
    assert "own-page" not in owner_client.get(mia.get_absolute_url()).content.decode()


def test_the_page_tells_the_level_and_what_is_missing_to_the_next(visitor, mia, now):
    assert "Your level" not in seen(visitor.get(address(mia)))
    new_order(mia, now - dt.timedelta(days=20), total_minor=25_000)
    start_levels(now)
    text = seen(visitor.get(address(mia)))
    assert "Silver" in text
    assert "€250.00 more to reach Gold" in text


def test_a_level_reached_today_is_not_said_to_need_nothing_more(visitor, mia, now):
    start_levels(now)
    new_order(mia, now - dt.timedelta(hours=1), total_minor=60_000)
    text = seen(visitor.get(address(mia)))
    assert "is reached, and begins within a day" in text
    assert "€0.00 more to reach" not in text
