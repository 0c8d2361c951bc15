"""Points on a customer's birthday, once a year, where the birthday is known."""

from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import YEARLY, Gift, GiftRule


class Birthday(GiftRule):
    slug = "birthday"
    name = gettext_lazy("Birthday gift")
    about = gettext_lazy("Points on a customer's birthday, once a year, where the birthday is known.")
    icon = "cake"
    occasion = YEARLY
    usual_points = 30

    def says(self, params: Gift) -> str:
        said = ngettext(
            "%(points)s point on the birthday",
            "%(points)s points on the birthday",
            params.points,
        )
        return said % {"points": say.number(params.points)}
