"""Points, once, for whoever has given name, e-mail, phone and birthday."""

from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import DEED, Gift, GiftRule


class Profile(GiftRule):
    slug = "profile"
    name = gettext_lazy("Complete details")
    about = gettext_lazy("Points, once, for whoever has given name, e-mail, phone and birthday.")
    icon = "user-check"
    occasion = DEED
    usual_points = 20

    def says(self, params: Gift) -> str:
        said = ngettext(
            "%(points)s point for complete details",
            "%(points)s points for complete details",
            params.points,
        )
        return said % {"points": say.number(params.points)}
