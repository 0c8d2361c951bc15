"""The first thing a new owner sees."""

import re

from playwright.sync_api import expect


def test_first_visit_leads_to_the_set_up_page(page, live_server):
    response = page.goto(live_server.url + "/")
    assert response.status == 200
    expect(page).to_have_url(re.compile(r"/setup/"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("form input[name=email]")).to_be_visible()
