"""What is done with people's data in orders (contacts.processing)."""

from django.utils.translation import gettext as _

from crm.contacts.processing import Activity


def describe() -> Activity:
    return Activity(
        title=_("Orders"),
        purpose=_("Deliver and charge what was bought, and keep the books the law asks for."),
        what=_("What was bought when, for how much, how it was paid, refunds, and notes on the order."),
        origin=_("From your shop platform, files you import, your till, and what you type in."),
        kept=_("For good, because books must be kept; without the customer once that customer is erased."),
    )
