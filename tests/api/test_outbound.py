"""Programs of the owner hear of changes: signed, only ids, again and again until they answer."""

import datetime as dt
import ipaddress
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from crm.api import outbound
from crm.api.models import Delivery, Target
from crm.api.providers import generic
from crm.contacts.matching import Person
from crm.imports import intake
from crm.lib import outward
from crm.rewards import ledger


@pytest.fixture
def listener(settings):
    """A program on this machine that keeps what it hears and answers with `status`."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        status = 200

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((dict(self.headers), body))
            self.send_response(Handler.status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    yield heard, f"http://127.0.0.1:{server.server_port}/in?x=1", Handler
    server.shutdown()
    server.server_close()


def test_news_goes_out_signed_and_without_a_name(listener, shop, now):
    heard, url, _handler = listener
    target = outbound.open_target(url, topics=["customers"], now=now)
    taken = intake.take_people([Person(source="api", name="Ada", email="ada@example.com", joined_at=now)], now=now)
    delivery = Delivery.objects.get()
    assert outbound.deliver(delivery.pk, now=delivery.next_at)
    [(headers, body)] = heard
    assert json.loads(body)["data"] == {"ids": taken.contact_ids}
    assert json.loads(body)["type"] == "customers.changed"
    assert b"Ada" not in body
    signature = generic.sign(headers["webhook-id"], headers["webhook-timestamp"], body, secret=target.secret)
    assert headers["webhook-signature"] == signature
    assert Delivery.objects.get().state == "sent"


def test_points_are_news_of_their_owner(listener, shop, now):
    _heard, url, _handler = listener
    outbound.open_target(url, topics=["points"], now=now)
    [pk] = intake.take_people([Person(source="api", email="ada@example.com", joined_at=now)], now=now).contact_ids
    ledger.adjust(pk, points=5, reason="sorry", key="k", now=now)
    assert [(news.topic, news.payload) for news in Delivery.objects.all()] == [("points", {"ids": [pk]})]


def test_a_topic_nobody_asked_for_is_not_written_down(shop, now, settings):
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    outbound.open_target("http://127.0.0.1:9/", topics=["orders"], now=now)
    intake.take_people([Person(source="api", email="ada@example.com", joined_at=now)], now=now)
    assert Delivery.objects.count() == 0


@pytest.mark.parametrize("status", [500, 302])
def test_what_does_not_get_through_is_tried_again_then_given_up(listener, shop, now, status):
    heard, url, handler = listener
    handler.status = status
    target = outbound.open_target(url, topics=["customers"], now=now)
    outbound.announce("customers", [1])
    later = Delivery.objects.get().next_at
    for _try in range(len(outbound.PAUSES) + 3):
        outbound.deliver_due(now=later)
        later += dt.timedelta(days=1, hours=1)
    delivery = Delivery.objects.get()
    target.refresh_from_db()
    assert (len(heard) >= 5, delivery.state in ("failed", "waiting"), delivery.answer) == (True, True, str(status))
    assert target.is_active is False


def test_a_target_that_does_not_answer_is_asked_once_a_run_and_keeps_nobody_waiting(listener, shop, now, monkeypatch):
    heard, url, _handler = listener
    outbound.open_target("http://127.0.0.1:9/", topics=["customers"], now=now)
    for pk in range(outbound._PORTION + 10):
        outbound.announce("customers", [pk])
    outbound.open_target(url, topics=["products"], now=now)
    outbound.announce("products", [1])
    asked, send = [], outbound._send
    monkeypatch.setattr(outbound, "_send", lambda news, **said: asked.append(news.topic) or send(news, **said))
    assert outbound.deliver_due(now=Delivery.objects.latest("id").next_at) == 1
    assert (asked, len(heard)) == (["customers", "products"], 1)


def test_news_is_sent_by_one_process_only(listener, shop, now):
    heard, url, _handler = listener
    outbound.open_target(url, topics=["customers"], now=now)
    outbound.announce("customers", [1])
    delivery = Delivery.objects.get()
    results = [outbound.deliver(delivery.pk, now=delivery.next_at) for _n in range(3)]
    assert (results, len(heard)) == ([True, False, False], 1)


PRIVATE = [
    "10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "192.168.1.1", "255.255.255.255",
    "::1", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:169.254.169.254",
    "2001:0:7f00:1::", "64:ff9b::a9fe:a9fe", "::7f00:1", "64:ff9b:1::7f00:1", "::ffff:0:7f00:1", "fec0::1",
    "2a00:1450::5efe:a00:1", "2a00:1450::200:5efe:7f00:1", "3fff::1", "192.0.0.8", "192.88.99.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_our_own_network_is_never_spoken_to(address, db, now):
    assert not outward.is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(outward.NotAllowed):
        outbound.open_target(f"https://{host}/", topics=["customers"], now=now)
    assert Target.objects.count() == 0


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e", "::ffff:93.184.215.14"])
def test_an_address_on_the_internet_may_be_spoken_to(address):
    assert outward.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("url", ["http://example.com/", "ftp://example.com/", "https://user@example.com/", "https:///x", "https://example.com:99999/"])
def test_only_https_without_a_user_is_an_address(url):
    with pytest.raises(outward.NotAllowed):
        outward.check(url)


def test_a_name_that_leads_home_is_refused_when_connecting(monkeypatch):
    found = [(2, 1, 6, "", ("93.184.215.14", 443)), (2, 1, 6, "", ("10.0.0.5", 443))]
    monkeypatch.setattr(outward.socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(outward.NotAllowed):
        outward.post("https://rebinding.example/", body=b"{}", headers={})
