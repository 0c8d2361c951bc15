"""What was predicted of a person, with the reasons and the date, to be handed over."""

from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.contacts.handing_over import Amount
from loyalty import wording
from loyalty.models import Fresh, Score

LABELS = {
    "predictions": _("What was predicted of you"), "runs": _("Worked out"), "as_of": _("As of"),
    "since_then": _("Since the last time"), "recency_grade": _("How lately (1 to 5)"),
    "frequency_grade": _("How often (1 to 5)"), "money_grade": _("How much (1 to 5)"),
    "at_stake": _("At stake"), "usual_gap_days": _("Days between orders"), "expected_orders": _("Orders expected"),
    "value_ahead": _("Spending expected"), "value_low": _("At least, 9 times in 10"),
    "value_high": _("At most, 9 times in 10"), "chance_of_an_order": _("Chance of an order soon"),
    "reasons": _("Reasons"), "next_product": _("Product that may be next"), "offer": _("Offer that may help"),
    "within_days": _("Within how many days"),
}  # fmt: skip


def hand_over(*, contact_id: int) -> dict:
    """Return every score that is kept, the newest first, and what changed since."""
    currency = Shop.current().currency
    scores = Score.objects.filter(contact=contact_id).select_related("run", "next_product")
    fresh = Fresh.objects.filter(contact=contact_id).select_related("run").first()
    return {
        "runs": [_told(score, currency) for score in scores.order_by("-run__as_of", "-pk")],
        "since_then": _since(fresh) if fresh else None,
    }


def _told(score: Score, currency: str) -> dict:
    def amount(minor: int | None) -> Amount | None:
        return None if minor is None else Amount(minor, currency)

    return {
        "as_of": score.run.as_of, "within_days": score.run.horizon_days, "group": score.group, "stage": score.stage,
        "recency_grade": score.recency_grade, "frequency_grade": score.frequency_grade,
        "money_grade": score.money_grade, "churn_risk": score.churn_risk, "at_stake": amount(score.at_stake_minor),
        "usual_gap_days": score.usual_gap_days, "expected_orders": score.expected_orders,
        "value_ahead": amount(score.value_ahead_minor), "value_low": amount(score.value_low_minor),
        "value_high": amount(score.value_high_minor), "chance_of_an_order": score.intent,
        "reasons": [wording.reason(one, currency=currency) for one in score.reasons],
        "next_product": score.next_product.name if score.next_product else "", "offer": score.offer,
    }  # fmt: skip


def _since(fresh: Fresh) -> dict:
    return {
        "at": fresh.at, "group": fresh.group, "stage": fresh.stage, "recency_grade": fresh.recency_grade,
        "frequency_grade": fresh.frequency_grade, "money_grade": fresh.money_grade,
    }  # fmt: skip
