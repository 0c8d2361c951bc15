"""What is due here each minute: answers leave, reminders open conversations, strangers turn out to be customers."""

import datetime as dt

from django.db.models import F, OuterRef, Subquery

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import clock
from crm.listening import answering, digesting, mailbox
from crm.listening.models import Conversation


def sweep(*, now: dt.datetime) -> int:
    shop = Shop.objects.first()
    if shop is None:
        return 0
    done = answering.send_due(now=now) + remind(now=now, zone=shop.timezone) + recognise()
    return done + mailbox.poll_due(now=now) + digesting.renew(now=now)


def remind(*, now: dt.datetime, zone: str) -> int:
    """Open the conversations whose day has come; return how many."""
    today = clock.local_date(now, zone)
    due = Conversation.objects.filter(remind_on__lte=today)
    return due.update(state=Conversation.State.OPEN, remind_on=None, last_at=now, version=F("version") + 1)


def recognise() -> int:
    """Link strangers to the customers whose address they wrote from; return how many."""
    strangers = Conversation.objects.filter(contact=None, email_key__isnull=False)
    who = Contact.objects.alive().filter(email_key=OuterRef("email_key"))
    known = strangers.filter(email_key__in=Contact.objects.alive().filter(email_key__isnull=False).values("email_key"))
    return known.update(contact_id=Subquery(who.values("pk")[:1])) if strangers.exists() else 0
