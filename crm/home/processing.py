"""What is done with people's data in suggestions on Today (contacts.processing)."""

from django.utils.translation import gettext as _

from crm.contacts.processing import Activity


def describe() -> Activity:
    return Activity(
        title=_("Suggestions on Today"),
        purpose=_("Point out what may be worth doing, at times by a customer's name."),
        what=_("Names and figures of customers in a suggestion."),
        origin=_("Worked out from what is kept here."),
        kept=_("Until the next night, or until you dismiss them."),
    )
