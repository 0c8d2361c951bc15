"""A group of people with consent, a campaign ready to go, and a mail server that logs what it accepts."""

import socket

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from crm.campaigns import automating, scheduling
from crm.campaigns.models import Automation, Campaign
from crm.campaigns.standing_orders import RECIPES
from crm.contacts.models import Contact, Segment, SegmentMember
from crm.lib.tokens import keyed_hash
from tests.campaigns.automations import ON


@pytest.fixture
def segment(db):
    return Segment.objects.create(slug="regulars", name="Regulars")


@pytest.fixture
def person(segment, now):
    """Make a member of the group: `person("Ava Brandt")` said yes and has an address."""

    def make(name="Ava Brandt", *, consent="yes", email=None, member=True, **more) -> Contact:
        email = f"{name.split()[0].lower()}@example.com" if email is None else email
        contact = Contact.objects.create(
            name=name, email=email, email_key=email or None, address_hash=keyed_hash(email) if email else None,
            consent=consent, joined_at=now, **more,
        )
        if member:
            SegmentMember.objects.create(segment=segment, contact=contact)
        return contact

    return make


@pytest.fixture
def crowd(segment, now):
    """Make many members at once."""

    def make(count: int) -> list[Contact]:
        contacts = Contact.objects.bulk_create(
            Contact(
                name=f"Person {n}", email=f"p{n}@example.com", email_key=f"p{n}@example.com",
                address_hash=keyed_hash(f"p{n}@example.com"), consent="yes", joined_at=now,
            )
            for n in range(count)
        )
        SegmentMember.objects.bulk_create(SegmentMember(segment=segment, contact=contact) for contact in contacts)
        return contacts

    return make


@pytest.fixture
def campaign(shop, segment):
    """Make a campaign: a message to the group, nobody held out."""

    def make(**more) -> Campaign:
        values = {
            "name": "Thank you", "segment": segment, "subject": "Hello {{ first_name }}",
            "body": "Hello {{ first_name }}, see [what is new](https://linden.example/new).",
        }
        return Campaign.objects.create(**(values | more))

    return make


@pytest.fixture
def started(campaign, now):
    """Make a campaign and put it on the schedule for now."""

    def make(**more) -> Campaign:
        made = campaign(**more)
        scheduling.schedule(made, now=now)
        return made

    return make


@pytest.fixture
def on(shop):
    """Switch an automation on at eight on a Monday, nobody left out: `on("welcome", days=1)`."""

    def make(slug, *, now=ON, steps=1, holdout=0, ends_on_order=None, points=0, body="Hello.", waits=(), **params):
        automation = Automation.objects.create(
            name=slug, recipe=slug, trigger=RECIPES[slug].trigger, params=dict(RECIPES[slug].params) | params,
            step_count=steps,
            ends_on_order=RECIPES[slug].ends_on_order if ends_on_order is None else ends_on_order,
        )
        for number in range(1, steps + 1):
            Campaign.objects.create(
                automation=automation, step=number, repeat="daily", name=f"{slug} {number}", subject=f"Hello {number}",
                body=body, points=points, holdout_percent=holdout, wait_days=0 if number == 1 else waits[number - 2],
            )
        if now is not None:
            assert automating.switch_on(automation, now=now)
        return automation

    return make


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Sink:
    """A mail server that says what it is told to say, and logs what it accepts."""

    def __init__(self):
        self.accepted: list[tuple[str, str]] = []
        self.rcpt = "250 OK"
        self.data = "250 2.0.0 Ok: queued as ABC123"
        self.mail = "250 OK"
        self.at_data = None  # called with the server's session before the answer

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if self.mail.startswith("250"):
            envelope.mail_from = address
        return self.mail

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        answer = self.rcpt(address) if callable(self.rcpt) else self.rcpt
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        if self.at_data is not None:
            answer = await self.at_data(server, envelope)
            if answer is not None:
                return answer
        if self.data.startswith("250"):
            self.accepted.append((envelope.rcpt_tos[0], envelope.content.decode()))
        return self.data


async def drop(server, envelope) -> str:
    """Break the connection after the payload, without taking the mail."""
    server.transport.abort()
    return "451 dropped"


@pytest.fixture
def sink(settings):
    """Send by SMTP to a sink on this machine instead of into the outbox."""
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_URL = f"smtp://127.0.0.1:{controller.port}"
    yield handler
    controller.stop()


@pytest.fixture
def login_refusing_sink(settings):
    """A mail server that knows no password."""
    controller = Controller(
        Sink(), hostname="127.0.0.1", port=free_port(), auth_require_tls=False, auth_required=True,
        authenticator=lambda *_: AuthResult(success=False, handled=False),
    )
    controller.start()
    settings.EMAIL_URL = f"smtp://lena:wrong@127.0.0.1:{controller.port}"
    yield controller.handler
    controller.stop()


@pytest.fixture
def unused_tcp_port():
    return free_port()
