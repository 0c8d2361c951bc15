"""How it is worked out: each contest of a run in plain words, and what the run did in its order."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from crm.lib.templatetags import say
from loyalty import wording
from loyalty.estimators import bounds
from loyalty.models import ReportCard, Run


@dataclass(frozen=True)
class Candidate:
    name: str
    is_baseline: bool
    is_champion: bool


@dataclass(frozen=True)
class Task:
    slug: str  # of its model card
    title: str
    question: str
    answer: str  # how well the method in use did, in plain words
    data: str
    candidates: list[Candidate] = field(default_factory=list)
    missing: str = ""  # what is not there yet
    why: str = ""  # the method in use speaks although another looks better in these tests


@dataclass(frozen=True)
class Stage:
    label: str
    state: str
    seconds: float
    reason: str


def tasks(run: Run, *, currency: str) -> list[Task]:
    """Return the report cards of a run, one per question the analyst answers."""
    cards: dict[str, list[ReportCard]] = {}
    for card in run.report_cards.order_by("-is_champion", "is_baseline", "id"):
        cards.setdefault(card.task, []).append(card)
    return [
        _churn_task(cards.get("churn", []), run),
        _value_task(cards.get("value", []), run, currency),
        _intent_task(cards.get("intent", []), run),
        _offer_task(cards.get("offers", []), run),
        _demand_task(cards.get("demand", []), run),
    ]


def missing(run: Run, stage: str) -> str:
    """Return what a stage that was left out still needs, or why it failed, in the owner's words; blank where it ran."""
    note = run.stages.get(stage, {})
    if note.get("missing"):
        return wording.missing(note["missing"])
    if note.get("state") == "failed":
        return _("This part of the run failed: %(reason)s") % {"reason": note.get("reason", "")}
    return ""


def _data(card: ReportCard) -> str:
    return _(
        "Tested by going back to %(date)s and earlier days, forecasting %(days)s days ahead with what was known then, "
        "and comparing with what happened: %(customers)s forecasts."
    ) % {
        "date": say.day(card.cut_date),
        "days": say.number(card.horizon_days),
        "customers": say.number(card.customers),
    }


def _churn_task(cards: list[ReportCard], run: Run) -> Task:
    question = _("Who will not come back within %(days)s days?") % {"days": say.number(run.horizon_days)}
    title = _("Risk of leaving")
    if not cards:
        answer = _("Not enough data yet. Until then groups come from simple rules, and nobody is given a risk.")
        return Task("churn", title, question, answer, "", missing=missing(run, "churn"))
    used, baseline = cards[0], next((card for card in cards if card.is_baseline), cards[0])
    metrics = used.metrics
    answer = wording.how_good(
        metrics | {"champion": used.candidate, "baseline": baseline.candidate, "horizon_days": used.horizon_days}
    )
    if used is not baseline and metrics.get("picked"):
        answer = (
            _("Of 10 people it calls most likely to stay away, %(hits)s did.")
            % {"hits": say.number(round(10 * metrics["caught"] / metrics["picked"]))}
            + f" {answer}"
        )
    answer = _with_trust(answer, metrics)
    return Task("churn", title, question, answer, _data(used), _candidates(cards), why=_why_chances(cards))


def _why_chances(cards: list[ReportCard]) -> str:
    """Say why the method in use speaks although another named more people, or told chances nearer to what happened."""
    used = cards[0]
    others = [card for card in cards[1:] if not card.is_baseline and card.metrics.get("picked")]
    if used.is_baseline or not used.metrics.get("picked"):
        return ""
    mine = used.metrics
    better = [one for one in others if one.metrics["caught"] > mine["caught"]]
    if better:
        best = max(better, key=lambda one: (one.metrics["caught"], -one.metrics["ece"]))
    else:
        best = min(others, key=lambda one: one.metrics["ece"], default=used)
        if best.metrics["ece"] >= mine["ece"]:
            return ""
    ends = [round(end * mine["picked"]) for end in bounds.share(mine["caught"], mine["picked"])]
    return wording.why_chances(used.candidate, mine, best.candidate, best.metrics, ends, is_trusted=best.pk < used.pk)


def _with_trust(answer: str, metrics: dict) -> str:
    return f"{answer} {wording.trust(metrics.get('trust', ''))}".strip()


def _value_task(cards: list[ReportCard], run: Run, currency: str) -> Task:
    question = _("What will each customer bring within %(days)s days?") % {"days": say.number(run.horizon_days)}
    title = _("Money ahead")
    if not cards:
        answer = _("Not enough data yet. Nobody is given a sum.")
        return Task("value", title, question, answer, "", missing=missing(run, "value"))
    used = cards[0]
    answer = wording.how_good_value(
        used.metrics | {"champion": used.candidate, "horizon_days": used.horizon_days}, currency
    )
    return Task("value", title, question, answer, _data(used), _candidates(cards), why=_why_value(cards, currency))


def _why_value(cards: list[ReportCard], currency: str) -> str:
    """Say why the method in use speaks although the sums of another were nearer to what came."""
    used = cards[0]
    best = min((card for card in cards if not card.is_baseline), key=lambda one: one.metrics["mae_minor"], default=used)
    if used.is_baseline or best.metrics["mae_minor"] >= used.metrics["mae_minor"]:
        return ""
    return wording.why_value(
        used.candidate, used.metrics, best.candidate, best.metrics, currency, is_trusted=best.pk < used.pk
    )


def _intent_task(cards: list[ReportCard], run: Run) -> Task:
    title = _("Orders soon")
    if not cards:
        question = _("Who will order soon?")
        answer = _("Not enough data yet. Nobody is given a chance.")
        return Task("intent", title, question, answer, "", missing=missing(run, "intent"))
    used = cards[0]
    question = _("Who will order within %(days)s days?") % {"days": say.number(used.horizon_days)}
    answer = wording.how_good_intent(used.metrics | {"champion": used.candidate, "horizon_days": used.horizon_days})
    answer = _with_trust(answer, used.metrics)
    return Task("intent", title, question, answer, _data(used), _candidates(cards), why=_why_chances(cards))


def _offer_task(cards: list[ReportCard], run: Run) -> Task:
    title, question = _("Next product"), _("What will this customer like to buy next?")
    if not cards:
        answer = _("Not enough data yet. Nobody is given a suggestion.")
        if run.stages.get("recommend", {}).get("missing", {}).get("what") == "assortment":
            answer = _("There are too few products for advice to mean anything. Nobody is given a suggestion.")
        return Task("offers", title, question, answer, "", missing=missing(run, "recommend"))
    used, baseline = cards[0], next((card for card in cards if card.is_baseline), cards[0])
    few = used.metrics.get("few_products")
    rate = "hit_rate_1" if few else "hit_rate_5"
    words = {
        "method": wording.method(used.candidate, task="offers"), "products": say.number(few),
        "hits": say.number(round(10 * (used.metrics.get(rate) or 0))),
        "plain": say.number(round(10 * (baseline.metrics.get(rate) or 0))),
    }  # fmt: skip
    answer = _(
        "Method: %(method)s. For %(hits)s of 10 customers, one of its first five suggestions was in their next "
        "basket; suggesting what sells best would have been right for %(plain)s."
    )
    if few:
        answer = _(
            "Method: %(method)s. With %(products)s products on sale, one of five suggestions is nearly always right, "
            "so only the first tells something: it was in the next basket of %(hits)s of 10 customers; what sells best "
            "would have been right for %(plain)s."
        )
    answer %= words
    return Task("offers", title, question, answer, _data(used), _candidates(cards))


def _demand_task(cards: list[ReportCard], run: Run) -> Task:
    title = _("Units ahead")
    if not cards:
        question = _("How many of each product will be sold?")
        answer = _("Not enough data yet. No product is given more than a wide span.")
        return Task("demand", title, question, answer, "", missing=missing(run, "demand"))
    used, baseline = cards[0], next((card for card in cards if card.is_baseline), cards[0])
    question = _("How many of each product will be sold within %(days)s days?")
    question %= {"days": say.number(used.horizon_days)}
    about = {"champion": used.candidate, "baseline": baseline.candidate, "weeks": used.horizon_days // 7}
    answer = wording.how_good_demand(used.metrics | about | {"until": run.as_of})
    return Task("demand", title, question, answer, _data(used), _candidates(cards))


def _candidates(cards: list[ReportCard]) -> list[Candidate]:
    return [
        Candidate(wording.method(card.candidate, task=card.task), card.is_baseline, card.is_champion) for card in cards
    ]


def stages(run: Run) -> list[Stage]:
    """Return what the run did, in its order, with what it left out and why."""
    return [
        Stage(
            str(wording.STAGES.get(name, name)),
            note.get("state", ""),
            note.get("seconds", 0.0),
            wording.missing(note["missing"]) if note.get("missing") else note.get("reason", ""),
        )
        for name, note in run.stages.items()
    ]
