"""A gift of points for everybody who becomes a customer while the rule is in force."""

from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import JOINING, Gift, GiftRule


class Welcome(GiftRule):
    slug = "welcome"
    name = gettext_lazy("Welcome gift")
    about = gettext_lazy("A fixed number of points, once, for everybody new.")
    icon = "gift"
    occasion = JOINING
    is_usual = True

    def says(self, params: Gift) -> str:
        return ngettext("%(points)s point on joining", "%(points)s points on joining", params.points) % {
            "points": say.number(params.points)
        }
