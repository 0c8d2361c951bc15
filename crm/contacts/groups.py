"""The names an owner reads for RFM groups and life-cycle stages. The analyst knows only the slugs."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class Group:
    label: str | Promise
    sentence: str | Promise  # who they are, in the owner's words
    tone: str  # a badge tone
    colour: str  # a chart colour token
    play: str | Promise  # what usually helps


GROUPS = {
    "champions": Group(
        _("Champions"), _("Bought recently, buy often and spend the most."), "good", "c1",
        _("Thank them, ask for a recommendation, show new things first."),
    ),
    "loyal": Group(
        _("Loyal"), _("Come back again and again."), "info", "c2", _("Give them a reason to try something new."),
    ),
    "promising": Group(
        _("Promising"), _("Bought recently, but not often yet."), "neutral", "c3",
        _("Invite them back while they remember you."),
    ),
    "new": Group(
        pgettext_lazy("customers", "New"), _("Made their first purchase a short while ago."), "accent", "c4",
        _("Welcome them: the second purchase decides."),
    ),
    "at_risk": Group(
        _("At risk"), _("Used to come often and have gone quiet."), "bad", "c5",
        _("Write to them personally before they are gone."),
    ),
    "sleeping": Group(
        _("Sleeping"), _("Have not bought for a long time."), "warn", "c6",
        _("One friendly message, then leave them in peace."),
    ),
}

STAGES = {
    "prospect": _("No order yet"),
    "first_time": _("First-time buyer"),
    "regular": _("Regular"),
    "slipping": _("Slipping away"),
    "lapsed": _("Gone"),
    "won_back": _("Won back"),
}
