"""What a helper and a looker-on find on their pages: no way to what they may not open, no details they may not see."""

import datetime as dt
import re
from html.parser import HTMLParser

import pytest
import time_machine
from django.urls import resolve

from crm.accounts.access import may_open
from crm.accounts.models import User
from crm.contacts.models import Contact
from crm.home import demo
from crm.orders.models import Order
from loyalty import pipeline
from tests.conftest import NOW

Role = User.Role
EACH = 2  # addresses of one page that are looked at


class Ways(HTMLParser):
    """Every address a page offers, with the method it is asked by."""

    def __init__(self):
        super().__init__()
        self.found: set[tuple[str, str]] = set()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            method = (given.get("method") or "get").upper()
            if method != "DIALOG":
                self.found.add((method, given.get("action") or ""))
        for name, method in (("href", "GET"), ("hx-get", "GET"), ("src", "GET"), ("hx-post", "POST"), ("formaction", "POST")):
            if tag != "link" and given.get(name):
                self.found.add((method, given[name]))


def crawl(client, user, start: list[str]) -> tuple[dict[str, str], set[tuple[str, str, str]]]:
    """Return the pages somebody reaches and the ways on them that are closed to them."""
    pages, waiting, seen, closed = {}, list(start), {}, set()
    while waiting:
        address = waiting.pop(0)
        if address in pages:
            continue
        answer = client.get(address)
        assert answer.status_code in (200, 302, 404), address
        is_shown = answer.status_code == 200 and not answer.streaming
        pages[address] = text = answer.content.decode() if is_shown else ""
        if not is_shown or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        ways = Ways()
        ways.feed(text)
        for method, way in ways.found:
            path = way.split("?")[0].split("#")[0] or address.split("?")[0]
            if not path.startswith("/") or path.startswith("/static/"):
                continue
            if not may_open(user, path, method):
                closed.add((address.split("?")[0], method, path))
            elif method == "GET" and way.startswith("/") and not path.endswith((".json", ".csv", ".svg")):
                view = resolve(path).view_name
                if len(seen.setdefault(view, set()) | {path}) <= EACH:
                    seen[view].add(path)
                    waiting.append(way.split("#")[0])
    return pages, closed


@pytest.fixture
def start(people) -> list[str]:
    """Where to begin in a shop with a past, and with what the night made of it."""
    with time_machine.travel(NOW, tick=True):
        demo.fill(now=NOW, customers=60, years=0.8, seed=3)
        pipeline.run(as_of=NOW.date() - dt.timedelta(days=1), now=NOW)
        order = Order.objects.filter(contact__isnull=False).order_by("-pk").first()
        yield ["/", "/orders/", order.get_absolute_url(), "/search/?q=a", "/insights/"]


def test_no_way_leads_to_a_closed_door_and_a_looker_on_sees_of_customers_the_name_on_an_order(start, people, log_in):
    # One test for both roles: the night run is the dear part.
    helper, looker = people[Role.HELPER], people[Role.LOOKER]
    pages, closed = crawl(log_in(helper), helper, start)
    assert sorted(closed) == []
    assert {"/customers/", "/inbox/", "/till/", "/coupons/", "/insights/demand/", "/my-login/"} <= pages.keys()

    pages, closed = crawl(log_in(looker), looker, start)
    assert sorted(closed) == []
    assert {"/loyalty/cost/", "/insights/demand/", "/campaigns/", "/my-login/"} <= pages.keys()
    known = Contact.objects.exclude(name="").values_list("name", "email", "phone")
    names = {name for name, _email, _phone in known}
    ways_to_write = {one for _name, email, phone in known for one in (email, phone) if one}
    assert {(page, one) for page, text in pages.items() for one in ways_to_write if one in text} == set()
    elsewhere = {page: text for page, text in pages.items() if not page.startswith(("/orders/", "/search/"))}
    assert {(page, one) for page, text in elsewhere.items() for one in names if one in text} == set()


def test_a_looker_on_downloads_orders_without_addresses(people, log_in):
    with time_machine.travel(NOW, tick=True):
        demo.fill(now=NOW, customers=20, years=0.3, seed=3)

    def downloaded(role) -> str:
        return b"".join(log_in(people[role]).get("/orders/export/").streaming_content).decode()

    email = re.compile(r"[\w.+-]+@[\w.-]+")
    assert email.findall(downloaded(Role.LOOKER)) == []
    assert len(email.findall(downloaded(Role.OWNER))) > 10
    assert log_in(people[Role.HELPER]).get("/orders/export/").status_code == 403
