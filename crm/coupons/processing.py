"""What is done with people's data in coupons and gift cards (contacts.processing)."""

from django.utils.translation import gettext as _

from crm.contacts.processing import Activity


def describe() -> Activity:
    return Activity(
        title=_("Coupons and gift cards"),
        purpose=_("Let each code be used by whom and as often as it was promised."),
        what=_("Codes of a customer's own, and which coupons were used how often."),
        origin=_("Made here, and used at your till and in your online shop."),
        kept=_("Uses for good, as numbers; without the customer once that customer is erased."),
        safeguards=[_("Codes of their own stand nowhere in the database: they are made from the secret key.")],
    )
