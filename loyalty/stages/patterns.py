"""What the night finds in the baskets and in how customers behave, as plain lists that pages can draw.

Each kind is one row of Found under the run: ids and numbers only, names are looked up when somebody reads.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # NumPy is loaded by the night run only
    from loyalty.estimators.base import History

RULES, PAIRS, STEPS, CLOCKS, GROUPS = "rules", "pairs", "steps", "clocks", "groups"
MOST_BASKETS = 100_000  # the newest; more would not change what is shown
MOST_SHOWN = 12
MOST_MEMBERS = 500
MOST_POINTS = 600


def together(today: "History") -> dict[str, dict]:
    """Return rules, pairs, first-then steps and clocks of the shop's baskets; raise NotEnoughData."""
    import numpy as np

    from loyalty.estimators import baskets
    from loyalty.estimators.base import NotEnoughData

    newest = max(len(today.order_day) - MOST_BASKETS, 0)
    order_rank = np.empty(len(today.order_day), np.int64)
    order_rank[np.argsort(today.order_day, kind="stable")] = np.arange(len(today.order_day))
    recent = order_rank[today.line_order] >= newest
    products, item = np.unique(today.line_product, return_inverse=True)
    held = baskets.Baskets.of_pairs(today.line_order[recent], item[recent], items=len(products))
    rules = baskets.Rules().fit(held).rules_
    ids = today.product_ids[products]

    def named(*items: int) -> list[int]:
        return [int(ids[one]) for one in items]

    owner, day = today.order_customer[today.line_order], today.order_day[today.line_order]
    found = {
        RULES: {
            "baskets": len(held),
            "rows": [
                {"left": named(*rule.left), "right": named(rule.right)[0], "baskets": rule.baskets,
                 "confidence": round(rule.confidence, 3), "lift": round(rule.lift, 2)}
                for rule in rules if len(rule.left) > 1
            ][:MOST_SHOWN],
        },
        PAIRS: {
            "baskets": len(held),
            "rows": [
                {"products": named(pair.first, pair.second), "baskets": pair.baskets, "lift": round(pair.lift, 2),
                 "confidence": round(pair.confidence, 3)}
                for pair in baskets.pairs(rules)[:MOST_SHOWN]
            ],
        },
        CLOCKS: {
            "rows": [
                {"product": named(clock.product)[0], "customers": clock.customers, "again": round(clock.again, 3),
                 "low": clock.low, "usual": clock.usual, "high": clock.high}
                for clock in baskets.replenishment(owner, item, day, as_of=today.as_of)[:MOST_SHOWN]
            ]
        },
        STEPS: {"rows": []},
    }  # fmt: skip
    try:
        sequence = order_rank[today.line_order]
        steps = baskets.next_steps(owner, sequence, item, products=len(products))
    except NotEnoughData:
        return found
    found[STEPS]["rows"] = [
        {"first": named(step.first)[0], "then": named(step.then)[0], "customers": step.customers,
         "share": round(step.share, 3), "lift": round(step.lift, 2)}
        for step in steps[:MOST_SHOWN]
    ]  # fmt: skip
    return found


def alike(past: "History", horizon: int) -> dict[str, dict]:
    """Return the groups of customers that behave alike, how they were chosen, and a picture; raise NotEnoughData."""
    import numpy as np

    from loyalty.estimators.clusters import Clusters

    found = Clusters(horizon=horizon).fit(past)
    contacts = past.customer_ids[found.customer_]
    drawn = np.random.default_rng(0).permutation(len(contacts))[:MOST_POINTS]
    chosen = found.chosen_
    return {
        GROUPS: {
            "is_natural": found.is_natural_,
            "chosen": {"method": chosen.method, "groups": chosen.groups, "stability": round(chosen.stability, 3),
                       "foresight": round(chosen.foresight, 3)},
            "trials": [
                {"method": trial.method, "groups": trial.groups, "stability": round(trial.stability, 3),
                 "separation": round(trial.separation, 3), "foresight": round(trial.foresight, 3)}
                for trial in found.trials_
            ],
            "rows": [
                {"number": group.number, "size": group.size, "spend_minor": round(group.spend),
                 "marks": [[name, round(here, 3), round(of_all, 3)] for name, here, of_all in group.marks],
                 "members": contacts[found.labels_ == group.number][:MOST_MEMBERS].tolist()}
                for group in found.groups_
            ],
            "picture": [
                [round(float(x), 2), round(float(y), 2), int(label)]
                for (x, y), label in zip(found.picture_[drawn], found.labels_[drawn])
            ],
        }
    }  # fmt: skip
