"""How good forecasts of money ahead are."""

import time

from loyalty.dates import date_of
from loyalty.models import ReportCard
from loyalty.report_cards.placing import placed


def card(history, *, task: str, cut: int | None, horizon: int | None) -> dict:
    """Return the report card of money ahead at a cut, with how often the interval told held the truth."""
    from loyalty.estimators import churn, value

    past, horizon = placed(history, task=task, cut=cut, horizon=horizon)
    tests = value.back_test(past, horizon)
    rows = churn.rows_at(past, horizon, learn_from=churn.draw_customers(past, churn.MOST_CUSTOMERS))
    today = value.Window.at(rows, past, history)
    entry, candidates = value.entry_for(tests, today), {}
    for name in value.able(tests):
        began = time.perf_counter()
        told = entry.told(name)
        candidates[name] = value.measures(today.spent, told) | {"seconds": round(time.perf_counter() - began, 3)}
    scores = value.score(past, tests, rows=rows)
    inside = (today.spent >= scores.low_minor - 0.5) & (today.spent <= scores.high_minor + 0.5)
    return {
        "task": task, "cut": date_of(past.as_of).isoformat(), "horizon_days": horizon,
        "customers": len(today.spent), "positives": int((today.spent > 0).sum()), "baseline": tests.baseline,
        "champion": tests.champion, "interval": value.COVERED, "covered": round(float(inside.mean()), 4),
        "orders": {"told": round(float(scores.orders.sum()), 1), "came": int(today.orders.sum())},
        "candidates": candidates,
    }  # fmt: skip


def in_words(card: dict) -> str:
    """Return the card as lines for a terminal."""
    lines = [
        f"{card['customers']} customers known on {card['cut']}; {card['positives']} spent in the "
        f"{card['horizon_days']} days after. Chosen before the cut: {card['champion']}"
    ]
    lines += [
        f"  {name:<14} relative Gini {m['relative_gini']:.3f}  capture {m['capture']:.3f}  total {m['total']:+.1%}  "
        f"off per customer {m['mae_minor'] / 100:.2f}"
        for name, m in card["candidates"].items()
    ]
    lines.append(f"  {card['covered']:.0%} of customers lay inside the interval told for {card['interval']:.0%}")
    return "\n".join(lines)


def rows(run_id: int, tests) -> list[ReportCard]:
    import numpy as np

    from loyalty.estimators import value

    spent = np.concatenate([window.spent for window in tests.tested])
    cards = []
    for name in tests.candidates:
        told = np.concatenate([window.told[name] for window in tests.tested])
        metrics = value.measures(spent, told) | {
            "seconds": round(tests.seconds[name], 3),
            "windows": len(tests.tested),
            "spent_minor": round(float(spent.sum())),
            "told_minor": round(float(told.sum())),
            "mae_error_minor": round(float(np.abs(told - spent).std() / np.sqrt(len(spent))), 1),
        }
        cards.append(
            ReportCard(
                run_id=run_id, task="value", candidate=name, is_baseline=name == tests.baseline,
                is_champion=name == tests.champion, cut_date=date_of(tests.tested[0].day),
                horizon_days=tests.horizon, customers=len(spent), positives=int((spent > 0).sum()), metrics=metrics,
            )
        )  # fmt: skip
    return cards
