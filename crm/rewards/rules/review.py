"""Points for every review or answer that reaches you."""

from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import DEED, Gift, GiftRule


class Review(GiftRule):
    slug = "review"
    name = gettext_lazy("Review or feedback")
    about = gettext_lazy("Points for every review or answer that reaches you.")
    icon = "message-square"
    occasion = DEED
    usual_points = 20

    def says(self, params: Gift) -> str:
        said = ngettext(
            "%(points)s point for a review",
            "%(points)s points for a review",
            params.points,
        )
        return said % {"points": say.number(params.points)}
