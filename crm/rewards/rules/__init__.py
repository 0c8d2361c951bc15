"""The kinds of earning rules there are. Which are on, since when and with what parameters, are rows (models.Rule).

To add one: docs/howto/add-an-earning-rule.md.
"""

from crm.rewards.rules.anniversary import Anniversary
from crm.rewards.rules.base import (
    DEED,
    EARNS,
    JOINING,
    LIMITS,
    MULTIPLIES,
    ORDER,
    YEARLY,
    BadParams,
    Line,
    Purchase,
    Rule,
    fold,
    read_terms,
    say_terms,
)  # fmt: skip
from crm.rewards.rules.birthday import Birthday
from crm.rewards.rules.bonus import Bonus
from crm.rewards.rules.cap import Cap
from crm.rewards.rules.multiplier import Multiplier
from crm.rewards.rules.nth_order import NthOrder
from crm.rewards.rules.per_amount import PerAmount
from crm.rewards.rules.per_order import PerOrder
from crm.rewards.rules.profile import Profile
from crm.rewards.rules.referral_advocate import ReferralAdvocate
from crm.rewards.rules.referral_friend import ReferralFriend
from crm.rewards.rules.review import Review
from crm.rewards.rules.streak import Streak
from crm.rewards.rules.tiers import Tiers
from crm.rewards.rules.welcome import Welcome

# In the order the page offers them, and in which those of one stage are asked.
RULES: dict[str, Rule] = {
    kind.slug: kind
    for kind in (
        PerAmount(), PerOrder(), Bonus(), NthOrder(), Streak(), Multiplier(), Tiers(), Cap(), Welcome(), Birthday(),
        Anniversary(), Profile(), Review(), ReferralFriend(), ReferralAdvocate(),
    )
}  # fmt: skip

__all__ = [
    "DEED", "EARNS", "JOINING", "LIMITS", "MULTIPLIES", "ORDER", "RULES", "YEARLY", "BadParams", "Line", "Purchase",
    "Rule", "fold", "read_terms", "say_terms",
]  # fmt: skip
