"""A customer at the counter, on a phone: their page, their card scanned, a purchase in two taps; nothing breaks the CSP."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from crm.contacts.models import Consent
from crm.orders.models import Order
from crm.portal import cards, links
from tests.portal.conftest import give, new_person, new_reward
from tests.rewards.conftest import euro_rule

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def mia(transactional_db, shop, owner):
    mia = new_person("Mia Fuchs", email="mia.fuchs@example.com")
    euro_rule(timezone.now())
    give(mia, 120)
    new_reward()
    return mia


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_purchase_takes_two_taps(page, open_page, mia):
    page.set_viewport_size(PHONE)
    open_page("/login/")
    page.get_by_label("E-mail").fill("lena@example.com")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{page.url.split('/login/')[0].rstrip('/')}/")
    open_page("/till/")
    page.get_by_label("Phone number, code or name").fill(f"https://shop.example/till/?q={cards.code(mia.pk)}")
    page.keyboard.press("Enter")  # as a scanner does
    expect(page.get_by_label("Amount (EUR)")).to_be_focused()
    assert fits(page)
    page.keyboard.type("12,50")
    page.get_by_role("button", name="Add purchase").click()
    expect(page.get_by_role("heading", name="€12.50 from Mia Fuchs")).to_be_visible()
    expect(page.get_by_text("+12 stamps")).to_be_visible()
    assert fits(page)
    page.get_by_role("link", name="One more for this customer").click()
    page.get_by_label("Amount (EUR)").fill("20")
    page.get_by_label("Money off: up to").check()
    page.get_by_role("button", name="Add purchase").click()
    page.get_by_role("button", name="Yes, take €13.40").click()
    expect(page.get_by_role("heading", name="€13.40 from Mia Fuchs")).to_be_visible()
    assert sorted(Order.objects.values_list("total_minor", flat=True)) == [1_250, 1_340]


def test_the_own_page_says_no_to_messages(page, open_page, mia):
    """In a real browser: without a referrer it sends no origin either, which a CSRF check would refuse."""
    page.set_viewport_size(PHONE)
    open_page(reverse("portal:page", args=[links.token(mia.pk)]))
    assert fits(page)
    expect(page.get_by_role("img", name="Your card for the counter")).to_be_visible()
    page.get_by_role("button", name="Yes, write to me").click()
    expect(page.get_by_text("Linden & Loaf may write to m…@example.com.")).to_be_visible()
    page.get_by_role("button", name="No messages, please").click()
    expect(page.get_by_text("If you want messages again, tell the shop.")).to_be_visible()
    assert list(Consent.objects.order_by("pk").values_list("state", flat=True)) == ["yes", "no"]
