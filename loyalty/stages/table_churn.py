"""Who may leave, learned from a custom field that says who left: for shops that sell by subscription.

Only ids and names of fields are kept; what a field says of somebody is looked up when an owner reads.
"""

LEAVERS = "leavers"
MOST_LEARNED = 4_000  # drawn at random
MOST_KEPT = 1_000


def leavers(ids: list[int], rows: list[dict[str, str]]) -> dict[str, dict]:
    """Return the chance of leaving of everyone still there, the likeliest first; nothing without such a field."""
    import numpy as np

    from loyalty.estimators import evaluate, tabular

    names = list(dict.fromkeys(name for row in rows for name in row if name))
    target = next((name for name in names if name.strip().lower() in tabular.NAMES), None)
    if target is None:
        return {}
    yes, told = tabular.yes_or_no([row.get(target) for row in rows])
    if not told.any():
        return {}

    def columns(places: np.ndarray) -> dict[str, list]:
        return {name: [rows[place].get(name, "") for place in places] for name in names if name != target}

    known = np.flatnonzero(told)
    if len(known) > MOST_LEARNED:
        known = np.sort(np.random.default_rng(0).choice(known, MOST_LEARNED, replace=False))
    label = yes[known]
    model = tabular.TableChurn().fit(columns(known), label)
    unseen = model.unseen()  # nobody is told a chance by a model that knew they had stayed
    everyone = np.flatnonzero(~yes)
    asked = columns(everyone)
    chance = model.predict(asked)
    place = {int(one): i for i, one in enumerate(known)}
    for i, one in enumerate(everyone.tolist()):
        if one in place:
            chance[i] = unseen[place[one]]
    reasons = model.reasons(asked, chance)
    caught, picked = evaluate.caught(label, unseen)
    return {
        LEAVERS: {
            "field": target, "learned": len(label), "left": int(label.sum()), "present": len(everyone),
            "method": model.champion_, "caught": caught, "picked": picked,
            "expected": round(picked * float(label.mean()), 1),
            "rows": [
                {"contact": ids[everyone[i]], "chance": round(float(chance[i]), 4), "reasons": reasons[i]}
                for i in np.argsort(-chance, kind="stable")[:MOST_KEPT].tolist()
            ],
        }
    }  # fmt: skip
