"""Points for somebody new whom a customer sent."""

from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import DEED, Gift, GiftForm, GiftRule


class ReferralFriendForm(GiftForm):
    begins_today = True


class ReferralFriend(GiftRule):
    slug = "referral_friend"
    name = gettext_lazy("Sent by a friend")
    about = gettext_lazy("Points for somebody new whom one of your customers sent. They get them at once.")
    icon = "user-plus"
    occasion = DEED
    form = ReferralFriendForm
    may_start_in_past = False  # what nobody promised then
    usual_points = 50

    def says(self, params: Gift) -> str:
        said = ngettext(
            "%(points)s point for whoever a friend sent",
            "%(points)s points for whoever a friend sent",
            params.points,
        )
        return said % {"points": say.number(params.points)}
