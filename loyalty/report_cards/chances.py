"""How good forecasts of a chance are: who leaves, who buys."""

import time

from loyalty.dates import date_of
from loyalty.models import ReportCard
from loyalty.report_cards.placing import placed


def card(history, *, task: str, cut: int | None, horizon: int | None) -> dict:
    """Return the report card of churn or intent at a cut: learned and chosen before it, measured after it."""
    from loyalty.estimators import churn, evaluate

    past, horizon = placed(history, task=task, cut=cut, horizon=horizon)
    tests = churn.back_test(past, horizon)
    rows = churn.rows_at(past, horizon, label_from=history, learn_from=churn.draw_customers(past, churn.MOST_CUSTOMERS))
    entry, came = churn.entry_for(tests, rows), task == "intent"
    label = ~rows.label if came else rows.label
    candidates = {}
    for name in churn.able(tests):
        began = time.perf_counter()
        chance = churn.forecaster(tests, name, entry).predict(rows)
        seconds = round(time.perf_counter() - began, 3)
        chance = 1 - chance if came else chance
        found = evaluate.measures(label, chance) | {"intervals": evaluate.intervals(label, chance)}
        candidates[name] = found | {"seconds": seconds}
    return {
        "task": task, "cut": date_of(past.as_of).isoformat(), "horizon_days": horizon,
        "customers": len(label), "positives": int(label.sum()), "baseline": tests.baseline,
        "champion": tests.champion, "trust": tests.trust, "candidates": candidates,
    }  # fmt: skip


def in_words(card: dict) -> str:
    """Return the card as lines for a terminal."""
    if "table" in card:
        head = f"{card['customers']} people in {card['table']}; {card['positives']} left. Spoke in most of the folds: "
    else:
        happened = {"churn": "did not order", "intent": "ordered"}[card["task"]]
        head = (
            f"{card['customers']} customers known on {card['cut']}; {card['positives']} {happened} in the "
            f"{card['horizon_days']} days after. Chosen before the cut: "
        )
    lines = [head + card["champion"]]
    for name, m in card["candidates"].items():
        area = "    -" if m["auc"] is None else f"{m['auc']:.3f}"
        lines.append(
            f"  {name:<14} AUC {area}  PR AUC {m['pr_auc'] or 0:.3f}  accuracy {m['accuracy']:.3f}  "
            f"Brier {m['brier']:.4f}  log loss {m['log_loss']:.4f}  ECE {m['ece']:.4f}"
        )
    return "\n".join(lines)


def rows(run_id: int, task: str, tests) -> list[ReportCard]:
    """Return the cards of a contest of chances; those of "intent" speak of orders that came, not of people who left."""
    from loyalty.estimators import evaluate

    newest = tests.tested[0]
    cards = []
    came = task == "intent"
    for name in tests.candidates:
        label, chance = evaluate.pooled(tests.tested, name)
        if came:
            label, chance = ~label, 1 - chance
        picked = [
            evaluate.caught(~window.label, 1 - window.chances[name])
            if came
            else evaluate.caught(window.label, window.chances[name])
            for window in tests.tested
        ]
        metrics = evaluate.measures(label, chance) | {
            "seconds": round(tests.seconds[name], 3),
            "windows": len(tests.tested),
            "caught": sum(hits for hits, _ in picked),
            "picked": sum(size for _, size in picked),
            "expected": round(
                sum(
                    size * float((~w.label if came else w.label).mean())
                    for w, (_, size) in zip(tests.tested, picked)
                )
            ),
            "trust": tests.trust,
        }
        cards.append(
            ReportCard(
                run_id=run_id, task=task, candidate=name, is_baseline=name == tests.baseline,
                is_champion=name == tests.champion, cut_date=date_of(newest.day), horizon_days=tests.horizon,
                customers=len(label), positives=int(label.sum()), metrics=metrics,
            )
        )  # fmt: skip
    return cards
