"""What an offer changes, from a shop's own sends of which some people were left out by chance.

`Sends` in; `overall_effect` and `shrunk_effects` say what an offer did, whole and by cell; `choose` says whether the
effect is known to differ between people and returns whatever may then be asked about a customer: the learned uplift
only when the 95 % interval of its Qini lies above zero on sends it had not seen, else effects by cell, else the same
for everyone, else that nothing is known. `four_groups` puts effect and habit into words; `policy_value` says what a
rule for whom to send what would have earned.
"""

from loyalty.estimators.uplift.choosing import Choice, choose, four_groups, tested
from loyalty.estimators.uplift.effects import CellEffect, Difference, difference, overall_effect, shrunk_effects
from loyalty.estimators.uplift.measuring import Gain, gain, qini, uplift_at
from loyalty.estimators.uplift.policy import PolicyValue, Rule, arm_means, decide, policy_value
from loyalty.estimators.uplift.sends import FEWEST, Sends

__all__ = [
    "FEWEST", "CellEffect", "Choice", "Difference", "Gain", "PolicyValue", "Rule", "Sends", "arm_means", "choose",
    "decide", "difference", "four_groups", "gain", "overall_effect", "policy_value", "qini", "shrunk_effects", "tested",
    "uplift_at",
]  # fmt: skip
