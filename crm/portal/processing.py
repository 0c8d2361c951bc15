"""What is done with people's data on their own page (contacts.processing)."""

from django.utils.translation import gettext as _

from crm.contacts import processing
from crm.contacts.processing import Activity


def describe() -> Activity:
    return Activity(
        title=_("Customers' own pages and cards"),
        purpose=_("Let customers see their points, and change or ask for what is theirs, without a password."),
        what=_("How often a customer's link and card were replaced."),
        origin=_("Made here."),
        kept=processing.as_customer(),
        safeguards=[_("Link and card are signed with the secret key and can be made worthless at any time.")],
    )
