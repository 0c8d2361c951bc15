"""How good each way to choose the next product is."""

from loyalty.dates import date_of
from loyalty.models import ReportCard


def card(history, *, task: str, cut: int | None, horizon: int | None, protocol: str = "rolling") -> dict:
    """Return how well each way to choose the next product did: repeats, and products new to a customer."""
    from loyalty.estimators.recommenders import contest

    answer = contest.report(history, cut, protocol)
    for part in (answer, answer.get("new_items", {})):
        if "cut" in part:
            part["cut"] = date_of(part["cut"]).isoformat()
    return answer


def rows(run_id: int, tests) -> list[ReportCard]:
    return [
        ReportCard(
            run_id=run_id, task="offers", candidate=name, is_baseline=name == tests.baseline,
            is_champion=name == tests.champion, cut_date=date_of(tests.cut), horizon_days=tests.horizon,
            customers=tests.testers, positives=round(metrics["hit_rate_10"] * tests.testers),
            metrics=metrics | {"few_products": tests.few_products},
        )
        for name, metrics in tests.metrics.items()
    ]  # fmt: skip
