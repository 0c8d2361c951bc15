"""Real Chromium on the live server. A page that logs an error, breaks its own CSP or calls another host fails its test."""

import os
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import expect

from tests.conftest import find_chromium

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright runs a loop; the tests use the ORM beside it

REPORT_CSP = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI}`);
});
"""
QUIET = [
    "--no-sandbox",  # as root in CI
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args():
    return {"executable_path": find_chromium(), "args": QUIET, "headless": True}


@pytest.fixture(scope="session")
def browser_context_args():
    return {
        "viewport": {"width": 1280, "height": 900},
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
        "reduced_motion": "reduce",
    }


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of console messages a test provokes on purpose, such as the status of a refused form."""
    return []


@pytest.fixture
def page(page, live_server, expected_errors):
    """A page of the live server that fails the test on anything a visitor's console would show."""
    faults = []
    own_host = urlsplit(live_server.url).netloc

    def on_console(message):
        if message.type in ("error", "warning"):
            faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def on_request(request):
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != own_host:
            faults.append(f"request to another host: {request.url}")

    page.context.add_init_script(REPORT_CSP)
    page.on("console", on_console)
    page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
    page.context.on("request", on_request)
    yield page
    assert [fault for fault in faults if not any(part in fault for part in expected_errors)] == []


def settle(page) -> None:
    """Wait until htmx has swapped everything in."""
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


def barriers(page) -> list[tuple[str, str]]:
    """Return what axe finds against WCAG 2.2 AA on the page as it stands: (rule, the first element)."""
    levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = Axe().run(page, options={"runOnly": levels, "resultTypes": ["violations"]}).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found]


@pytest.fixture
def signed_in(page, live_server, transactional_db, client, shop, owner):
    """The page of an owner who has logged in already."""
    client.force_login(owner)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return page


@pytest.fixture
def open_page(page, live_server):
    """Open an address of the shop in the browser."""

    def open_one(path: str):
        response = page.goto(live_server.url + path)
        assert response.status == 200, path
        return page

    return open_one
