"""Points every year on the day somebody became a customer."""

from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import YEARLY, Gift, GiftRule


class Anniversary(GiftRule):
    slug = "anniversary"
    name = gettext_lazy("Anniversary")
    about = gettext_lazy("Points every year on the day somebody became a customer.")
    icon = "calendar"
    occasion = YEARLY
    usual_points = 30

    def says(self, params: Gift) -> str:
        said = ngettext(
            "%(points)s point on the anniversary",
            "%(points)s points on the anniversary",
            params.points,
        )
        return said % {"points": say.number(params.points)}
