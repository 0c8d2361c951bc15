"""How good each way to tell the units of the weeks ahead is."""

import time

from loyalty.dates import date_of
from loyalty.models import ReportCard

LABELS = {
    "rmsse": "RMSSE", "relative": "of the plain rule's", "mae": "units off", "total": "total off", "covered": "covered",
    "pinball": "pinball",
}  # fmt: skip


def card(history, *, task: str, cut: int | None, horizon: int | None) -> dict:
    """Return every candidate's figures over the windows that had ended by the cut; the horizon is rounded to weeks."""
    from loyalty import dataset
    from loyalty.estimators import demand

    began = time.perf_counter()
    sales = dataset.sales(history)
    if cut is not None:
        sales = sales.upto(min(cut, history.as_of))
    tests = demand.back_test(sales, max(round(horizon / 7), 1) if horizon else None)
    return {
        "task": task, "cut": date_of(sales.as_of).isoformat(), "horizon_days": 7 * tests.ahead,
        "products": int(tests.forecast.alive.sum()), "windows": len(tests.trials), "interval": demand.COVERED,
        "forecasts": int(sum(window.alive.sum() for window in tests.trials)), "baseline": demand.BASELINE,
        "champion": tests.champion, "seconds": round(time.perf_counter() - began, 3),
        "candidates": demand.measures(tests),
    }  # fmt: skip


def in_words(card: dict) -> str:
    """Return the card as lines for a terminal."""
    lines = [
        f"{card['products']} products selling on {card['cut']}; {card['windows']} windows of {card['horizon_days']} "
        f"days before, {card['forecasts']} forecasts. Speaks: {card['champion']}"
    ]
    lines += [
        f"  {name:<10} " + "  ".join(f"{label} {m[key]:.3f}" for key, label in LABELS.items())
        for name, m in card["candidates"].items()
    ]
    return "\n".join(lines)


def rows(run_id: int, tests) -> list[ReportCard]:
    from loyalty.estimators import demand

    return [
        ReportCard(
            run_id=run_id, task="demand", candidate=name, is_baseline=name == demand.BASELINE,
            is_champion=name == tests.champion, cut_date=date_of(tests.trials[-1].day),
            horizon_days=7 * tests.ahead, customers=sum(int(w.alive.sum()) for w in tests.trials),
            positives=sum(int((w.came_whole[w.alive] > 0).sum()) for w in tests.trials),
            metrics=metrics | {"windows": len(tests.trials)},
        )
        for name, metrics in demand.measures(tests).items()
    ]  # fmt: skip
