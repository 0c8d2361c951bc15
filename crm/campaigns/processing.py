"""What is done with people's data in campaigns and automations (contacts.processing)."""

from django.conf import settings
from django.utils.translation import gettext as _

from crm.contacts import processing
from crm.contacts.processing import Activity


def describe() -> Activity:
    machine = processing.host(settings.EMAIL_URL)
    receiver = _("The mail server %(host)s, which delivers the messages: address, name and text of each.")
    return Activity(
        title=_("Messages"),
        purpose=_("Write to customers who allow it, and see what came of it."),
        what=_("Which message went to whom and when, its text, links that were followed, and orders counted to it."),
        origin=_("Made here; clicks come from the customers."),
        kept=_("Texts until the customer is erased; that a message was sent stays as a number."),
        receivers=[receiver % {"host": machine}] if machine else [],
        safeguards=[
            _("Every message has a link that ends them, and who said no is never written to."),
            _("No picture that tells whether a message was opened."),
        ],
    )
