"""What is done with people's data in the points programme (contacts.processing)."""

from django.utils.translation import gettext as _

from crm.contacts.processing import Activity


def describe() -> Activity:
    return Activity(
        title=_("Points and levels"),
        purpose=_("Give the points, levels and rewards customers were promised."),
        what=_("Every movement of points with its reason, levels, rewards, and who was sent by whom."),
        origin=_("Worked out from orders and your rules, and from what you type in."),
        kept=_("Movements for good, as numbers; without the customer and any word once that customer is erased."),
    )
