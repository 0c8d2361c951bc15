"""What is done with people's data in the inbox and in answers to questions (contacts.processing)."""

from django.conf import settings
from django.utils.translation import gettext as _

from crm.contacts import processing
from crm.contacts.processing import Activity


def describe() -> Activity:
    machine = processing.host(settings.INBOX_URL)
    receiver = _("The mail server %(host)s, whose mailbox is read for what customers write.")
    return Activity(
        title=_("What customers say"),
        purpose=_("Answer questions and complaints, and learn whether customers were content."),
        what=_("Mails and forms with name, address and text, names of attachments, your answers, notes, and scores."),
        origin=_("From the customers, and strangers who write to you."),
        kept=_("Until the customer is erased; a score stays as a number."),
        receivers=[receiver % {"host": machine}] if machine else [],
    )
