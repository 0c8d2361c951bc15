"""The kinds of earning rules there are. Which are on, since when and with what parameters, are rows (models.Rule).

To add one: docs/howto/add-an-earning-rule.md.
"""

from crm.rewards.rules.base import JOINING, ORDER, BadParams, Purchase, Rule
from crm.rewards.rules.per_amount import PerAmount
from crm.rewards.rules.welcome import Welcome

RULES: dict[str, Rule] = {
    "per_amount": PerAmount(),
    "welcome": Welcome(),
}

__all__ = ["JOINING", "ORDER", "RULES", "BadParams", "Purchase", "Rule"]
