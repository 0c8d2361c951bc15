"""How much of what rules of baskets promise holds."""

import time

from loyalty.dates import date_of
from loyalty.report_cards.placing import placed


def card(history, *, task: str, cut: int | None, horizon: int | None) -> dict:
    """Return what the rules of the baskets up to a cut promised, and how much of it held in the baskets after it."""
    import numpy as np

    from loyalty.estimators import baskets

    past, horizon = placed(history, task=task, cut=cut, horizon=horizon)
    known = history.order_day[history.line_order] <= past.as_of
    ahead = ~known & (history.order_day[history.line_order] <= past.as_of + horizon)
    products, item = np.unique(history.line_product, return_inverse=True)

    def held(lines):
        return baskets.Baskets.of_pairs(history.line_order[lines], item[lines], items=len(products))

    began = time.perf_counter()
    rules = baskets.Rules().fit(held(known)).rules_
    seconds = round(time.perf_counter() - began, 3)
    after = held(ahead)
    left, _right, both = baskets.counts_of(after, [(rule.left, rule.right) for rule in rules]).T
    seen = left > 0

    def mean(values) -> float | None:
        return round(float(np.mean(values)), 4) if len(values) else None

    raw, shown = (np.array([getattr(rule, name) for rule in rules]) for name in ("raw_confidence", "confidence"))
    kept = both[seen] / left[seen]
    return {
        "task": task, "cut": date_of(past.as_of).isoformat(), "horizon_days": horizon,
        "baskets": len(held(known)), "baskets_after": len(after), "rules": len(rules), "rules_seen": int(seen.sum()),
        "baseline": "raw", "champion": "shown", "held": mean(kept),
        "candidates": {
            "raw": {"claimed": mean(raw[seen]), "seconds": seconds},
            "shown": {"claimed": mean(shown[seen]), "seconds": seconds},
        },
    }  # fmt: skip
