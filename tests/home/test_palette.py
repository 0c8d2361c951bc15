"""The Ctrl K palette: what was opened last, what one can do and where one can go, then what matches."""

import pytest
from django.urls import reverse

from crm.campaigns.models import Campaign
from crm.contacts.models import Contact, Segment
from crm.home import actions, places
from crm.orders.models import Order
from tests.conftest import NOW
from tests.home.test_actions import suggestion
from tests.home.tiny import books, person


@pytest.fixture
def palette(owner_client):
    def ask(query: str = ""):
        return owner_client.get(reverse("home:palette"), {"q": query}, headers={"HX-Request": "true"})

    return ask


def listed(response) -> dict[str, list[str]]:
    return {kind.title: [hit.label for hit in kind.hits] for kind in response.context["found"].kinds}


def test_before_anything_is_typed_it_offers_acts_and_the_menu(palette):
    found = listed(palette())
    assert list(found) == ["Do", "Go to"]
    assert found["Do"][:3] == ["Add a customer", "Add an order", "Open the till"]
    assert found["Go to"] == ["Today", "Inbox", "Customers", "Orders", "Campaigns", "Loyalty", "Insights"]


def test_what_was_opened_last_comes_first_and_only_what_is_there(palette, owner_client):
    ada, _bo = books()
    order, campaign = Order.objects.get(number="B-1"), Campaign.objects.create(name="Stollen is here")
    gone = person("Gone", erased_at=NOW)
    seen = [f"orders/{order.pk}", f"customers/{gone.pk}", f"customers/{ada.pk}", f"campaigns/{campaign.pk}"]
    owner_client.cookies["seen"] = ".".join([*seen, "customers/999", "secrets/1", "customers/x"])
    found = listed(palette())
    assert found["Opened last"] == ["Order B-1", "Ada Brandt", "Stollen is here"]


def test_a_cookie_that_makes_no_sense_is_nothing(palette, owner_client):
    owner_client.cookies["seen"] = "customers/99999999999999999999999.<script>"
    assert list(listed(palette())) == ["Do", "Go to"]


def test_the_name_of_a_page_comes_before_people(palette):
    person("Insa Ort")
    assert list(listed(palette("ins"))) == ["Pages and settings", "Customers"]
    assert list(listed(palette("insa"))) == ["Customers"]


def test_what_one_can_do_is_found_by_other_words(palette):
    assert listed(palette("voucher"))["Do"] == ["Make a coupon"]


def test_every_match_is_an_option_with_an_address(palette):
    books()
    body = palette("ada").content.decode()
    assert body.count('role="option"') == 1
    assert f'href="{Contact.objects.get(name="Ada Brandt").get_absolute_url()}"' in body
    assert 'id="palette-said"' in body and "1 match" in body


def test_who_is_not_found_can_be_added_under_that_name(palette, owner_client):
    body = palette("Qadir & Söhne").content.decode()
    address = f"{reverse('typed:contact_new')}?name=Qadir%20%26%20S%C3%B6hne"
    assert ("Nothing found for “Qadir &amp; Söhne”" in body, body.count(f'href="{address}"')) == (True, 1)
    assert 'value="Qadir &amp; Söhne"' in owner_client.get(address).content.decode()


def test_opened_by_hand_it_is_the_search_page(owner_client):
    response = owner_client.get(reverse("home:palette"), {"q": "a b"})
    assert (response.status_code, response.url) == (302, "/search/?q=a+b")


def test_every_place_has_an_address_of_its_own(owner_client):
    addresses = [place.href for place in [*places.ACTS, *places.PAGES]]
    assert None not in addresses
    assert len(set(addresses)) == len(addresses)
    for address in addresses:
        assert owner_client.get(address).status_code == 200, address


def test_keys_are_a_page_and_a_dialog(owner_client):
    page = owner_client.get(reverse("home:keys")).content.decode()
    dialog = owner_client.get(reverse("home:keys"), headers={"HX-Request": "true"}).content.decode()
    assert ("<html" in page, "<dialog class=\"dialog\" data-open" in page) == (True, False)
    assert ("<html" in dialog, "<dialog class=\"dialog\" data-open" in dialog) == (False, True)
    assert page.count("<kbd>g</kbd>") == dialog.count("<kbd>g</kbd>") == 7


def test_the_menu_counts_groups_and_suggestions(owner_client):
    Segment.objects.create(slug="champions", name="Champions", member_count=1_053, as_of="2026-11-19")
    Segment.objects.create(slug="loyal", name="Loyal", member_count=9, as_of="2026-11-19")
    Segment.objects.create(slug="mine", name="Near the market", kind=Segment.Kind.SAVED, member_count=7)
    actions.replace_all([suggestion(f"k{n}") for n in range(4)], as_of=NOW.date())
    response = owner_client.get(reverse("home:keys"))
    shown = [(one["label"], one["count"]) for one in response.context["menu_segments"]]
    assert shown == [("Champions", 1_053), ("Near the market", None)]
    body = response.content.decode()
    assert '<span class="menu-count" title="As of Nov 19, 2026">1,053</span>' in body
    assert '<span class="menu-label">Today</span><span class="menu-count">4</span>' in body
