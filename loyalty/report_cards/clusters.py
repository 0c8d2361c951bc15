"""How stable groups of customers are, and what they tell of the time after."""

import time

from loyalty.dates import date_of
from loyalty.report_cards.placing import placed


def card(history, *, task: str, cut: int | None, horizon: int | None) -> dict:
    """Return how stable the groups found up to a cut are, and how much of what was spent after it they explain."""
    import numpy as np

    from loyalty.estimators import clusters
    from loyalty.estimators.base import counts_between

    past, horizon = placed(history, task=task, cut=cut, horizon=horizon)
    began = time.perf_counter()
    found = clusters.Clusters(horizon=horizon).fit(past)
    _visits, spent = counts_between(history, past.as_of + 1, past.as_of + horizon)
    ahead, _error = clusters.explained(found.labels_, np.log1p(np.maximum(spent[found.customer_], 0) / 100))
    return {
        "task": task, "cut": date_of(past.as_of).isoformat(), "horizon_days": horizon,
        "customers": len(found.labels_), "champion": f"{found.chosen_.method} {found.chosen_.groups}",
        "is_natural": found.is_natural_, "explained_after": round(ahead, 4),
        "seconds": round(time.perf_counter() - began, 3),
        "candidates": {
            f"{trial.method} {trial.groups}": {
                "stability": round(trial.stability, 4), "separation": round(trial.separation, 4),
                "explained_before": round(trial.foresight, 4),
            }
            for trial in found.trials_
        },
    }  # fmt: skip
