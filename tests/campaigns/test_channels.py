import datetime as dt
from email import message_from_string, policy
from pathlib import Path

import pytest

from crm.campaigns import channels
from crm.campaigns.channels import email
from crm.campaigns.channels.base import (
    Channel,
    ChannelDown,
    Mail,
    NeedsOwner,
    NoSuchAddress,
    SendFailed,
    Uncertain,
    Withheld,
)
from crm.campaigns.models import Outgoing
from tests.campaigns.conftest import drop

MAIL = Mail(
    sender="Linden & Loaf <hello@linden.example>", to="ava@example.com", subject="Grüße", text="Hallo\n.\n..Punkt",
    html="<p>Hallo</p>", at=dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC), headers={"Message-ID": "<1.a@linden.example>"},
)  # fmt: skip


class Calls(list):
    def __call__(self):
        self.append("entered")


def send(mail=MAIL, **options):
    calls = Calls()
    with email.Email(**options) as channel:
        try:
            return channel.send(mail, before_payload=calls), calls
        except (SendFailed, Uncertain) as error:
            return error, calls


def test_every_channel_file_is_in_the_table():
    files = {path.stem for path in Path(channels.__file__).parent.glob("*.py")} - {"__init__", "base"}
    assert files == set(channels.CHANNELS)
    assert all(issubclass(channel, Channel) for channel in channels.CHANNELS.values())


@pytest.mark.django_db
def test_email_is_used_where_a_server_is_set_and_the_outbox_elsewhere(settings):
    settings.EMAIL_URL = ""
    assert channels.current_slug() == "outbox"
    settings.EMAIL_URL = "smtp://mail.example"
    assert channels.current_slug() == "email"


@pytest.mark.django_db
def test_outbox_keeps_the_mail():
    calls = Calls()
    with channels.CHANNELS["outbox"]() as outbox:
        provider_id = outbox.send(MAIL, before_payload=calls)
    kept = Outgoing.objects.get()
    assert provider_id == f"outbox-{kept.pk}"
    assert (kept.to, kept.subject, kept.text, kept.html, kept.at) == (MAIL.to, MAIL.subject, MAIL.text, MAIL.html, MAIL.at)
    assert kept.headers == {"From": MAIL.sender, "Message-ID": "<1.a@linden.example>"}
    assert calls == ["entered"]


def test_accepted_mail_arrives_whole(sink):
    answer, calls = send()
    assert answer == "2.0.0 Ok: queued as ABC123"
    assert calls == ["entered"]
    to, content = sink.accepted[0]
    assert to == "ava@example.com"
    received = message_from_string(content, policy=policy.default)
    assert (received["Subject"], received["Message-ID"]) == ("Grüße", "<1.a@linden.example>")
    assert received["From"] == MAIL.sender
    assert received.get_body(("plain",)).get_content().splitlines() == ["Hallo", ".", "..Punkt"]
    assert received.get_body(("html",)).get_content().strip() == "<p>Hallo</p>"


@pytest.mark.parametrize("answer, permanent", [("450 busy", False), ("451 later", False), ("452 full", False),
                                               ("550 no such user", True), ("552 too big", True)])  # fmt: skip
def test_refused_recipient_is_definite_and_nothing_had_left(sink, answer, permanent):
    sink.rcpt = answer
    error, calls = send()
    assert (type(error), error.permanent, str(error)) == (SendFailed, permanent, answer)
    assert calls == []
    assert sink.accepted == []


@pytest.mark.parametrize(
    "answer, is_nowhere",
    [
        ("550 5.1.1 no such user", True), ("553 5.1.3 bad address", True), ("556 5.1.10 takes no mail", True),
        ("550 5.7.1 not from you", False), ("550 5.1.0 address trouble", False), ("450 5.1.1 later", False),
    ],
)  # fmt: skip
def test_address_that_does_not_exist_is_told_apart(sink, answer, is_nowhere):
    sink.rcpt = answer
    error, _calls = send()
    assert (type(error) is NoSuchAddress, str(error)) == (is_nowhere, answer)


@pytest.mark.parametrize("answer, permanent", [("451 greylisted", False), ("554 spam", True)])
def test_refusal_after_the_payload_is_definite_too(sink, answer, permanent):
    sink.data = answer
    error, calls = send()
    assert (type(error), error.permanent, str(error)) == (SendFailed, permanent, answer)
    assert calls == ["entered"]


def test_connection_dropped_after_the_payload_is_uncertain(sink):
    sink.at_data = drop
    error, calls = send()
    assert type(error) is Uncertain
    assert calls == ["entered"]


def test_server_that_hangs_after_the_payload_is_uncertain(sink, monkeypatch):
    import asyncio

    async def hang(server, envelope):
        await asyncio.sleep(1.5)
        return "250 too late"

    monkeypatch.setattr(email, "TIMEOUT", 0.3)
    sink.at_data = hang
    error, calls = send()
    assert type(error) is Uncertain
    assert calls == ["entered"]


def test_no_server_is_down_and_definite(unused_tcp_port):
    error, calls = send(url=f"smtp://127.0.0.1:{unused_tcp_port}", timeout=1)
    assert type(error) is ChannelDown
    assert calls == []


def test_server_that_closes_with_421_is_down(sink):
    sink.rcpt = "421 too many messages"
    assert type(send()[0]) is ChannelDown


def test_refused_sender_needs_the_owner(sink):
    sink.mail = "550 not your domain"
    assert type(send()[0]) is NeedsOwner


def test_refused_password_needs_the_owner(login_refusing_sink):
    error, calls = send()
    assert type(error) is NeedsOwner
    assert str(error).startswith("535")
    assert calls == []


def test_plain_server_where_tls_was_asked_needs_the_owner(sink, settings):
    assert type(send(url=settings.EMAIL_URL.replace("smtp:", "smtp+tls:"))[0]) is NeedsOwner


def test_withheld_mail_leaves_nothing_and_the_connection_goes_on(sink):
    def withhold():
        raise Withheld

    with email.Email() as channel:
        with pytest.raises(Withheld):
            channel.send(MAIL, before_payload=withhold)
        assert sink.accepted == []
        channel.send(MAIL, before_payload=Calls())
    assert len(sink.accepted) == 1


def test_one_connection_serves_a_batch_and_comes_back_when_the_server_closed_it(sink):
    with email.Email() as channel:
        channel.send(MAIL, before_payload=Calls())
        first = channel._backend.connection
        channel.send(MAIL, before_payload=Calls())
        assert channel._backend.connection is first
        first.sock.close()
        channel.send(MAIL, before_payload=Calls())
    assert len(sink.accepted) == 3


def test_foreign_domain_is_written_in_ascii_and_foreign_local_part_is_refused(sink):
    send(Mail(sender="a@x.example", to="ava@bäcker.example", subject="", text="", html="", at=MAIL.at))
    assert sink.accepted[0][0] == "ava@xn--bcker-gra.example"
    error, _calls = send(Mail(sender="a@x.example", to="jürgen@x.example", subject="", text="", html="", at=MAIL.at))
    assert error.permanent is True
