"""An owner's first hour in one walk: set up, points rule, import, night run, campaign, Today; then every page once more."""

import re

import pytest
from playwright.sync_api import expect

from crm.campaigns.models import Campaign, Outgoing
from crm.contacts.models import Contact
from crm.imports.models import Import
from crm.rewards.models import Account
from loyalty.models import Run
from tests.browser.conftest import barriers, settle

PAGES = [
    "/", "/customers/", "/customers/duplicates/", "/customers/segments/", "/customers/privacy/", "/customers/privacy/register/", "/customers/new/", "/orders/",
    "/orders/new/", "/orders/products/",
    "/campaigns/", "/campaigns/automations/", "/campaigns/outbox/", "/coupons/", "/coupons/new/", "/till/", "/till/new/",
    "/inbox/", "/inbox/new/", "/inbox/mails/", "/inbox/saved/", "/inbox/settings/", "/inbox/feedback/", "/inbox/feedback/answers/", "/write/",
    "/loyalty/", "/loyalty/cost/", "/loyalty/programme/", "/loyalty/replay/", "/loyalty/rewards/new/", "/loyalty/rules/new/",
    "/insights/", "/insights/risk/", "/insights/offers/", "/insights/demand/", "/insights/together/", "/insights/alike/",
    "/insights/what-if/", "/insights/track-record/", "/insights/fairness/?by=country", "/insights/share/",
    "/insights/method/", "/insights/method/churn/", "/import/", "/import/new/", "/quality/", "/quality/no_price/",
    "/settings/",
    "/settings/connections/", "/settings/backups/", "/settings/people/", "/settings/people/log/", "/my-login/",
    "/my-login/second-step/", "/password/", "/search/?q=ava", "/keys/",
]  # fmt: skip


IN_THE_DARK = ["/", "/customers/", "/orders/", "/campaigns/", "/loyalty/", "/insights/", "/import/new/", "/settings/"]
HTML_BUDGET = 40 * 1024
HEAVIER = {"/customers/": 75 * 1024}  # 50 rows


def shop_file() -> bytes:
    """Return a year of orders of 60 customers, as a till writes them; the last days lie before the test."""
    import datetime as dt

    today = dt.datetime.now(dt.UTC)
    rows = ["Order number,Date,Customer name,Email,Product,Quantity,Unit price\n"]
    number = 1000
    for person in range(60):
        name = "Ava Brandt" if person == 0 else f"Guest {person}"
        email = "ava@example.com" if person == 0 else f"guest{person}@example.com"
        gap = 5 + person
        for visit in range(1 + 400 // (gap * 3)):
            number += 1
            day = today - dt.timedelta(days=1 + person % 50 + visit * gap)
            rows.append(f'{number},{day:%Y-%m-%d %H:%M},"{name}",{email},{["Rye loaf", "Honey", "Cake"][visit % 3]},1,12.50\n')
    return "".join(rows).encode()


@pytest.mark.django_db(transaction=True)
def test_first_hour_of_a_new_owner(page, open_page, live_server):
    page.goto(live_server.url + "/")
    page.get_by_label("Your name").fill("Lena Hartmann")
    page.get_by_label("Your e-mail").fill("lena@example.com")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_label("Shop name").fill("Linden & Loaf")
    page.get_by_role("button", name="Set up my shop").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Lena")

    page.get_by_role("link", name="Import my shop").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "till.csv", "mimeType": "text/csv", "buffer": shop_file()}
    )
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is in the file?")
    page.get_by_role("button", name="Check what would change").click()
    page.get_by_role("button", name="Import now").click()
    expect(page.get_by_text("What came in")).to_be_visible()
    assert Import.objects.get().state == "done"
    assert Contact.objects.count() == 60

    open_page("/insights/method/")
    page.get_by_role("button", name="Work it out now").first.click(timeout=180_000)  # the whole night, before the answer
    settle(page)
    assert Run.objects.latest_done().customers == 60

    open_page("/settings/")
    page.get_by_label("Sender address").fill("hello@linden.example")
    page.get_by_label("Postal address").fill("Lindenstr. 5, Berlin")
    page.get_by_label("Who may be written to").select_option("buyers")
    page.get_by_role("button", name="Save").click()

    open_page("/campaigns/new/?recipe=thank-best&segment=champions")
    page.locator("main .btn-primary", has_text="Start from this").click()
    expect(page.get_by_label("Subject")).to_be_visible()
    page.locator("#id_points").fill("50")
    page.get_by_label("Subject").fill("A thank-you from us")
    page.get_by_label("Subject").blur()
    page.wait_for_timeout(900)  # the draft is saved while typing: let it, before a button is pressed
    settle(page)
    page.get_by_role("button", name="Review and send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Review and send")
    page.get_by_role("button", name="Schedule").click()
    settle(page)
    page.wait_for_url(re.compile(r"/campaigns/\d+/$"))
    campaign = Campaign.objects.get()
    assert campaign.state in ("finished", "running", "scheduled")
    assert Outgoing.objects.filter(message__rotation__campaign=campaign).count() > 0
    assert set(Account.objects.filter(balance__gte=50).values_list("balance", flat=True)) == {50}

    open_page("/")
    chart = page.locator("ui-chart").first
    chart.scroll_into_view_if_needed()
    expect(page.locator("ui-chart[data-ready]").first).to_be_visible()
    for path in PAGES:
        response = page.goto(live_server.url + path)
        assert response.status == 200, path
        weight = len(response.body())
        assert weight <= HEAVIER.get(path, HTML_BUDGET), f"{path} weighs {weight}"
        settle(page)
        assert barriers(page) == [], path
    open_page(Contact.objects.get(email="ava@example.com").get_absolute_url())
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ava Brandt")

    page.set_viewport_size({"width": 390, "height": 844})
    for name, value in (("language", "zh-hans"), ("theme", "dark")):
        page.context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
    for path in PAGES:
        open_page(path)
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        if path in IN_THE_DARK:
            settle(page)
            assert barriers(page) == [], f"{path} on a phone in the dark"
        too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not too_wide, f"{path} scrolls sideways on a phone"
