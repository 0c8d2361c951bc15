"""One mailbox is looked into: each new mail once, nothing is changed there, and a server that is away is no harm."""

import datetime as dt
import imaplib
import re

import pytest
from django.db import OperationalError

from crm.accounts.models import Shop
from crm.lib import env
from crm.listening import mailbox
from crm.listening.models import Desk, Line
from tests.conftest import NOW
from tests.listening.test_letters import HEAD, plain

MINUTE = dt.timedelta(minutes=1)
URL = "imaps://lena%40example.com:s%2Fecret@imap.example.com/INBOX"


def mail(number: int, text: str = "Hello") -> bytes:
    return plain(
        text, head=HEAD.replace(b"<one@", f"<m{number}@".encode()).replace(b"Rye bread", f"S{number}".encode())
    )


class Server:
    """Answers as an IMAP server does (RFC 3501); `mails` by UID, `said` what it was told."""

    def __init__(self, mails: dict[int, bytes], *, validity: int = 7):
        self.mails, self.validity, self.said = mails, validity, []

    def __call__(self, host, port, *, ssl_context, timeout):
        assert (host, port, timeout, ssl_context.check_hostname) == ("imap.example.com", 993, mailbox.TIMEOUT, True)
        return self

    def login(self, user, password):
        self.said.append(("login", user, password))

    def select(self, folder, readonly=False):
        self.said.append(("select", folder, readonly))
        return "OK", [b"3"]

    def response(self, name):
        number = {"UIDVALIDITY": self.validity, "UIDNEXT": max(self.mails, default=0) + 1}[name]
        return name, [str(number).encode()]

    def uid(self, command, *arguments):
        self.said.append((command, *arguments))
        if command == "SEARCH":
            first = int(re.match(r"UID (\d+):\*", arguments[0])[1])
            found = [uid for uid in self.mails if uid >= first] or [max(self.mails)]  # "*" is the last one, always
            return "OK", [" ".join(map(str, found)).encode()]
        uid = int(arguments[0])
        if arguments[1] == "(RFC822.SIZE)":
            return "OK", [f"1 (UID {uid} RFC822.SIZE {len(self.mails[uid])})".encode()]
        assert arguments[1] == "(BODY.PEEK[])"
        return "OK", [(b"1 (BODY[] {9}", self.mails[uid]), b")"]

    def logout(self):
        self.said.append(("logout",))


@pytest.fixture
def server(settings, shop, monkeypatch):
    settings.INBOX_URL = URL
    server = Server({4: mail(4, "From before")})
    monkeypatch.setattr(imaplib, "IMAP4_SSL", server)
    return server


def poll(minutes: float) -> int:
    return mailbox.poll_due(now=NOW + minutes * MINUTE)


def test_an_address_is_read():
    assert mailbox.address(URL) == mailbox.Address(
        "imaps", "imap.example.com", 993, "lena@example.com", "s/ecret", "INBOX"
    )
    assert mailbox.address("imap+tls://a:b@h:1143").port == 1143
    for wrong in ("https://a:b@h", "imaps://h/INBOX", "imaps://a:b@h:99999999"):
        with pytest.raises(env.BadSetting):
            mailbox.address(wrong)


def test_only_what_comes_from_now_on_and_each_once(server):
    assert poll(0) == 0
    server.mails |= {5: mail(5, "Two loaves"), 9: mail(9, "Three loaves")}
    assert poll(1) == 0  # not yet time
    assert poll(2) == 2
    assert poll(4) == 0
    assert sorted(Line.objects.values_list("text", flat=True)) == ["Three loaves", "Two loaves"]
    assert Desk.current().mailbox["uid"] == 9
    assert {said[0] for said in server.said} == {"login", "select", "SEARCH", "FETCH", "logout"}
    assert all(said[2] is True for said in server.said if said[0] == "select")


def test_a_mailbox_made_anew_starts_anew_and_keeps_nothing_twice(server):
    poll(0)
    server.mails[5] = mail(5)
    assert poll(2) == 1
    server.validity, server.mails = 8, {1: mail(5), 2: mail(6)}
    assert poll(4) == 0
    server.mails[3] = mail(5)
    assert poll(6) == 0
    assert Line.objects.count() == 1


def test_a_mail_that_cannot_be_read_keeps_no_other_out(server, monkeypatch):
    poll(0)
    server.mails |= {5: b"", 6: b"From: x@example.com\nAuto-Submitted: auto-replied\n\naway", 7: mail(7)}
    monkeypatch.setattr(mailbox.letters, "MOST_BYTES", 5_000)
    server.mails[8] = mail(8, "x" * 6_000)
    assert (poll(2), Desk.current().mailbox["uid"]) == (1, 8)
    assert Desk.current().mailbox["left"] == 2  # the empty and the big one; nobody waits for an answer to the other
    server.mails[9] = mail(9)
    assert (poll(4), Desk.current().mailbox["left"]) == (1, 2)


def test_a_busy_database_loses_no_mail(server, monkeypatch):
    poll(0)
    server.mails[5] = mail(5)

    def busy(*_arguments, **_more):
        raise OperationalError("database is locked")

    monkeypatch.setattr(mailbox.receiving, "take", busy)
    with pytest.raises(OperationalError):
        poll(2)
    monkeypatch.undo()
    monkeypatch.setattr(imaplib, "IMAP4_SSL", server)
    assert poll(4) == 1


def test_owner_is_told_what_did_not_come_in(server, owner_client, settings):
    settings.INBOX_URL = URL
    Desk.objects.create(mailbox={"error": "OSError: no route to host", "left": 2})
    assert "no route to host" in owner_client.get("/").content.decode()
    assert "2 mails were not taken in" in owner_client.get("/inbox/settings/").content.decode()
    Desk.objects.update(mailbox={"uid": 4})
    assert "Your mailbox cannot be read" not in owner_client.get("/").content.decode()


def test_a_server_that_is_away_is_told_and_tried_again_later(server, monkeypatch):
    poll(0)

    def away(*_arguments, **_more):
        raise OSError("no route to host")

    monkeypatch.setattr(imaplib, "IMAP4_SSL", away)
    assert poll(2) == 0
    memory = Desk.current().mailbox
    assert (memory["uid"], memory["error"]) == (4, "OSError: no route to host")
    monkeypatch.setattr(imaplib, "IMAP4_SSL", server)
    server.mails[5] = mail(5)
    assert poll(5) == 0
    assert poll(17) == 1
    assert "error" not in Desk.current().mailbox


def test_without_a_mailbox_or_in_a_demo_nothing_is_asked(server, settings):
    Shop.objects.update(is_demo=True)
    assert poll(0) == 0
    Shop.objects.update(is_demo=False)
    settings.INBOX_URL = ""
    assert poll(0) == 0
    assert server.said == []
