"""The outbox: mails of a box without EMAIL_URL are kept and read in the app."""

from collections.abc import Callable

from crm.campaigns.channels.base import Channel, Mail
from crm.campaigns.models import Outgoing


class Outbox(Channel):
    same_database = True

    def send(self, mail: Mail, *, before_payload: Callable[[], None]) -> str:
        before_payload()
        outgoing = Outgoing.objects.create(
            message_id=mail.message_id,
            to=mail.to,
            subject=mail.subject[:200],
            text=mail.text,
            html=mail.html,
            headers={"From": mail.sender, **mail.headers},
            at=mail.at,
        )
        return f"outbox-{outgoing.pk}"
