"""What the pages do with a script: the palette, the drawer, the keys, suggestions. And the way without one."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from crm.campaigns.models import Campaign
from crm.contacts import segments
from crm.contacts.models import Contact, Note
from crm.home import actions
from crm.orders.models import Order
from tests.browser.conftest import barriers, settle
from tests.home.test_actions import suggestion

NAMES = ("Ava Brandt", "Ava Okafor", "Theo Patel", "王晓雨")


@pytest.fixture
def people(signed_in):
    """Four customers, the newest order first in the list: 王晓雨, Theo, Ava Okafor, Ava Brandt."""
    now, made = timezone.now(), []
    for number, name in enumerate(NAMES):
        at = now - timezone.timedelta(days=10 - number)
        person = Contact.objects.create(name=name, email=f"guest{number}@example.com", joined_at=at, last_order_at=at)
        Order.objects.create(
            source="test", number=f"#{1001 + number}", contact=person, placed_at=at, currency="EUR", total_minor=1250
        )
        made.append(person)
    return made


@pytest.fixture
def palette(people, page, open_page):
    def open_at():
        open_page("/keys/")
        page.keyboard.press("Control+k")
        expect(page.get_by_role("combobox", name="Search")).to_be_focused()
        settle(page)
        return page.get_by_role("combobox", name="Search")

    return open_at


def test_the_palette_finds_with_the_keyboard_alone(palette, page, people):
    box = palette()
    expect(page.get_by_role("option", name="Add a customer")).to_have_attribute("aria-selected", "true")
    assert barriers(page) == []
    box.press_sequentially("ava")
    expect(page.get_by_role("option")).to_have_count(2)
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    box.press("ArrowDown")
    chosen = page.locator("[aria-selected=true]")
    expect(chosen).to_contain_text("Ava Brandt")
    expect(box).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    expect(page.locator("#palette-said")).to_have_text("2 matches")
    box.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ava Brandt")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option").first).to_contain_text("Ava Brandt")  # opened last


def test_enter_before_the_answer_searches_for_what_was_typed(palette, page):
    palette().fill("#1001")
    page.keyboard.press("Enter")  # within the 150 ms: nothing stale is opened
    expect(page.get_by_role("heading", level=1)).to_have_text("Order #1001")


def test_escape_closes_the_palette_and_gives_the_focus_back(people, page, open_page):
    open_page("/keys/")
    opener = page.get_by_role("link", name="Search or jump to…")
    opener.focus()
    opener.press("Enter")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_a_row_opens_a_drawer_and_gives_the_focus_back(people, page, open_page):
    open_page("/customers/")
    row = page.get_by_role("link", name="Theo Patel")
    row.click()
    drawer = page.get_by_role("dialog", name="Theo Patel")
    expect(drawer).to_be_visible()
    assert barriers(page) == []
    drawer.get_by_label("Note").fill("Likes rye")
    drawer.get_by_role("button", name="Save note").click()
    expect(drawer.get_by_text("Likes rye")).to_be_visible()
    expect(page.get_by_text("Note saved.")).to_be_visible()
    assert Note.objects.get().contact.name == "Theo Patel"
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(row).to_be_focused()
    assert page.url.endswith("/customers/")


def test_on_a_phone_a_row_opens_the_page(people, page, open_page):
    page.set_viewport_size({"width": 390, "height": 844})
    open_page("/customers/")
    page.get_by_role("link", name="Theo Patel").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Theo Patel")


def test_fingers_find_44_pixels(people, browser, live_server, signed_in):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, storage_state=signed_in.context.storage_state()
    )
    phone = context.new_page()
    for path in ("/", "/customers/", "/campaigns/", "/loyalty/"):
        phone.goto(live_server.url + path)
        if path == "/":
            phone.get_by_role("link", name="Search or jump to…").tap()
            expect(phone.get_by_role("option").first).to_be_visible()
        assert phone.locator("a.btn, button, a.chip, .palette-hit, .tabbar-link, .opener, select").evaluate_all(
            "all => all.filter((one) => one.checkVisibility()).map((one) => [Math.round(1000 * one.getBoundingClientRect().height) / 1000, one.outerHTML])"
            ".filter(([height]) => height > 0 && height < 44)"
        ) == [], path  # fmt: skip
    context.close()


def test_letters_walk_and_tick_the_rows_and_can_be_switched_off(people, page, open_page):
    open_page("/customers/")
    for key in ("j", "j", "x", "k", "j"):
        page.keyboard.press(key)
    expect(page.get_by_role("link", name="Theo Patel")).to_be_focused()
    expect(page.get_by_role("checkbox", name="Tick Theo Patel")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Theo Patel")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("o")  # letters rest while a dialog is open
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Order #1004")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Add an order")
    open_page("/customers/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("?")
    switch = page.get_by_role("dialog").get_by_role("switch")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("tbody a:focus")).to_have_count(0)
    open_page("/settings/")
    expect(page.get_by_role("switch", name="Keyboard shortcuts")).to_have_attribute("aria-checked", "false")


def test_a_suggestion_is_one_click_from_its_draft_and_can_be_waved_away(people, page, open_page):
    day = timezone.now().date()
    segments.replace_members("slipping-regulars", [one.pk for one in people], as_of=day, name="Slipping")
    url = "/campaigns/new/?recipe=win-back&segment=slipping-regulars"
    actions.replace_all([suggestion("lost", url=url), suggestion("other")], as_of=day)
    open_page("/")
    hide = page.get_by_role("button", name="Hide for 14 days")
    hide.last.click()
    expect(page.get_by_role("heading", name="Title of other")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Title of other")).to_be_visible()
    page.get_by_role("button", name="Write").first.click()
    expect(page.get_by_label("Subject")).to_be_visible()
    assert page.url.endswith(reverse("campaigns:edit", args=[Campaign.objects.get().pk]))


def test_everything_is_there_without_a_script(people, browser, live_server, signed_in):
    context = browser.new_context(java_script_enabled=False, storage_state=signed_in.context.storage_state())
    plain = context.new_page()
    plain.goto(live_server.url + "/customers/")
    plain.get_by_role("link", name="Search or jump to…").click()
    plain.get_by_role("searchbox", name="Search").fill("theo")
    plain.keyboard.press("Enter")
    plain.get_by_role("link", name="Theo Patel").click()
    expect(plain.get_by_role("heading", level=1)).to_contain_text("Theo Patel")
    expect(plain.get_by_role("switch")).to_have_count(0)
    context.close()
