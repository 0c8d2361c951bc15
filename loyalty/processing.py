"""What is done with people's data in predictions (contacts.processing)."""

from django.utils.translation import gettext as _

from crm.contacts.processing import Activity


def describe() -> Activity:
    return Activity(
        title=_("Predictions"),
        purpose=_("Guess who may leave or order next, so that you can be there for them; nothing decides by itself."),
        what=_("Groups, chances, amounts and reasons for each customer, worked out each night."),
        origin=_("Worked out on this machine from orders, messages and visits."),
        kept=_("Until the customer is erased; deleted at once when the customer objects."),
        safeguards=[_("Who objects is left out. No data leaves this machine for it.")],
    )
