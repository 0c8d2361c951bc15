"""A model card for each question: what is foretold, from what, how well, and when not to trust it.

After M. Mitchell et al., "Model cards for model reporting", FAT* 2019, in an owner's words. Everything that can be
counted is counted from the run; the rest says what loyalty/estimators does; docs/methods has the formulas.
"""

import datetime as dt
from dataclasses import asdict, dataclass

from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.lib.templatetags import say
from loyalty import track_record, wording, workings
from loyalty.estimators import bounds
from loyalty.models import ReportCard, Run
from loyalty.stages import scorecard

TASKS = (*scorecard.TASKS, "demand")
LONGEST_VALID, SHORTEST_VALID = 14, 3  # days


@dataclass(frozen=True)
class Trial:
    """One method as it did on the shop's own past."""

    name: str
    is_used: bool
    is_baseline: bool
    says: str
    columns: list[tuple[str, str]]


@dataclass(frozen=True)
class ModelCard:
    slug: str
    title: str
    question: str
    answer: str
    why: str  # it speaks although another looks better in these tests
    missing: str
    predicted: list[str]
    reads: list[tuple[str, str]]
    gaps: list[str]  # how missing values are treated
    how: list[str]
    limits: list[str]
    tested: str
    trials: list[Trial]
    track: str
    worked_out: dt.date
    expires: dt.date
    is_expired: bool
    figures: list[dict]  # as they are stored, for programs

    def as_json(self) -> dict:
        """Return the card for programs: plain values, dates as text, sentences in the reader's language."""
        said = asdict(self)
        return said | {"worked_out": self.worked_out.isoformat(), "expires": self.expires.isoformat()}


def card(slug: str, run: Run, *, shop: Shop, today: dt.date) -> ModelCard:
    """Return the card of one question as of a run."""
    task = next(one for one in workings.tasks(run, currency=shop.currency) if one.slug == slug)
    cards = list(run.report_cards.filter(task=slug).order_by("-is_champion", "is_baseline", "id"))
    days = _days(slug, run, cards)
    newest = track_record.latest(slug, shop=shop) if slug in scorecard.TASKS else None
    expires = expires_on(run, days)
    return ModelCard(
        slug=slug, title=task.title, question=task.question, answer=task.answer, why=task.why,
        missing=task.missing,
        predicted=_predicted(slug, days), reads=_reads(slug, run), gaps=_gaps(slug), how=_how(slug),
        limits=_limits(slug), tested=task.data, trials=[_trial(one, cards, shop) for one in cards],
        track=newest.says if newest else "",
        worked_out=run.as_of, expires=expires, is_expired=today > expires,
        figures=[
            {
                "method": one.candidate, "is_used": one.is_champion, "is_baseline": one.is_baseline,
                "cut": one.cut_date.isoformat(), "days": one.horizon_days, "customers": one.customers,
                "happened": one.positives, "metrics": one.metrics, "intervals": _intervals(one),
            }
            for one in cards
        ],
    )  # fmt: skip


def expires_on(run: Run, days: int) -> dt.date:
    """Return the last day these numbers are worth looking at: after a quarter of the time they look ahead."""
    return run.as_of + dt.timedelta(days=min(max(days // 4, SHORTEST_VALID), LONGEST_VALID))


def _days(slug: str, run: Run, cards: list[ReportCard]) -> int:
    if cards:
        return cards[0].horizon_days
    return run.intent_days or 30 if slug == "intent" else run.horizon_days


# The trials


def _intervals(one: ReportCard) -> dict[str, list[float]]:
    """Return between what a figure lies with 95 % confidence, where that follows from counts."""
    metrics, found = one.metrics, {}
    if metrics.get("auc") is not None:
        found["auc"] = bounds.auc(metrics["auc"], one.positives, one.customers - one.positives)
    if metrics.get("picked"):
        found["caught"] = tuple(end * metrics["picked"] for end in bounds.share(metrics["caught"], metrics["picked"]))
    if one.task == "offers":
        for name in ("hit_rate_1", "hit_rate_5", "hit_rate_10"):
            if name in metrics:
                found[name] = bounds.share(metrics[name] * one.customers, one.customers)
    if "mae_error_minor" in metrics:
        half = bounds.WIDE * metrics["mae_error_minor"]
        found["mae_minor"] = (max(metrics["mae_minor"] - half, 0), metrics["mae_minor"] + half)
    return {name: [round(low, 4), round(high, 4)] for name, (low, high) in found.items()}


def _trial(one: ReportCard, cards: list[ReportCard], shop: Shop) -> Trial:
    name = wording.method(one.candidate, task=one.task)
    write = {"value": _value_trial, "offers": _offer_trial, "demand": _demand_trial}.get(one.task, _chance_trial)
    says, columns = write(one, _intervals(one), shop)
    if one.is_baseline:
        says = says or _("What every method has to beat.")
    return Trial(name, one.is_champion, one.is_baseline, says, columns)


def _chance_trial(one: ReportCard, intervals: dict, shop: Shop) -> tuple[str, list[tuple[str, str]]]:
    metrics = one.metrics
    says = ""
    if "caught" in intervals and not one.is_baseline:
        low, high = intervals["caught"]
        words = {
            "caught": say.number(metrics["caught"]), "picked": say.number(metrics["picked"]),
            "low": say.number(round(low)), "high": say.number(round(high)), "plain": say.number(metrics["expected"]),
        }  # fmt: skip
        says = (
            _("%(caught)s of the %(picked)s it named (%(low)s to %(high)s would be no surprise); at random %(plain)s.")
            % words
        )
    return says, [
        (_("Puts people in the right order"), _from_half(metrics.get("auc"), intervals.get("auc"))),
        (_("Its chances are off by"), say.percent(metrics.get("ece"), 1)),
    ]


def _from_half(area: float | None, ends: list[float] | None) -> str:
    if area is None or ends is None:
        return "–"
    words = {"area": say.percent(area), "low": say.percent(ends[0]), "high": say.percent(ends[1])}
    return _("%(area)s (%(low)s to %(high)s)") % words


def _value_trial(one: ReportCard, intervals: dict, shop: Shop) -> tuple[str, list[tuple[str, str]]]:
    metrics, currency = one.metrics, shop.currency
    says = _("Told %(told)s, %(spent)s came; its best tenth brought %(capture)s of that.") % {
        "told": say.rough_money(metrics["told_minor"], currency),
        "spent": say.rough_money(metrics["spent_minor"], currency),
        "capture": say.percent(metrics["capture"]),
    }
    off = say.money(round(metrics["mae_minor"]), currency)
    if "mae_minor" in intervals:
        low, high = (say.money(round(end), currency) for end in intervals["mae_minor"])
        off = _("%(amount)s (%(low)s to %(high)s)") % {"amount": off, "low": low, "high": high}
    return says, [(_("Off per customer"), off), (_("All together off by"), say.percent(metrics.get("total"), 1))]


def _offer_trial(one: ReportCard, intervals: dict, shop: Shop) -> tuple[str, list[tuple[str, str]]]:
    def cell(name: str) -> str:
        return _from_half(one.metrics.get(name), intervals.get(name))

    rate = one.metrics.get("hit_rate_5")
    says = "" if rate is None else _("Right for %(hits)s of %(customers)s customers with one of five suggestions.") % {
        "hits": say.number(round(rate * one.customers)), "customers": say.number(one.customers)
    }  # fmt: skip
    return says, [(_("First right"), cell("hit_rate_1")), (_("One of five right"), cell("hit_rate_5"))]


def _demand_trial(one: ReportCard, intervals: dict, shop: Shop) -> tuple[str, list[tuple[str, str]]]:
    metrics = one.metrics
    columns = [
        (_("All together off by"), say.percent(metrics.get("total"), 1)),
        (_("Within the span, 80% promised"), say.percent(metrics.get("covered"))),
    ]
    if one.is_baseline or metrics.get("relative") is None:
        return "", columns
    words = {"share": say.percent(abs(1 - metrics["relative"]))}
    if metrics["relative"] <= 1:
        return _("Errors %(share)s smaller than those of the plain guess.") % words, columns
    return _("Errors %(share)s larger than those of the plain guess.") % words, columns


# The words


def _predicted(slug: str, days: int) -> list[str]:
    words = {"days": say.number(days)}
    return {
        "churn": [
            _("“Stays away” means: no order that counts within %(days)s days after the date of the numbers.") % words,
            _("Asked of everyone who ever ordered. Cancelled and fully refunded orders are no orders."),
            _("The time comes from your shop: within it, 8 of 10 of your customers' gaps between orders are over."),
        ],
        "value": [
            _("All money of orders within %(days)s days after the date of the numbers, refunds taken off.") % words,
            _(
                "Asked of everyone who ever ordered; for most of those who have been gone for long it is close to "
                "nothing."
            ),
            _("With each sum stand two ends: 8 of 10 such customers came to lie between them in the tests."),
        ],
        "demand": [
            _(
                "How many units of each product will be sold within %(days)s days after the date of the numbers."
            ) % words,
            _("Units of paid orders; what came back is taken off the week in which it was sold."),
            _("With each number stands a span: in the tests 8 of 10 products ended up within it."),
        ],
        "intent": [
            _(
                "“Orders” means: at least one order that counts within %(days)s days after the date of the numbers."
            ) % words,
            _("Asked of everyone who ever ordered. Cancelled and fully refunded orders are no orders."),
        ],
        "offers": [
            _("One product the customer is likely to put into the next basket."),
            _("Tested on the first basket within %(days)s days: right is a product that really was in it.") % words,
            _(
                "Never offered: what is not on sale, what the customer gave back, what was bought too lately to be "
                "needed."
            ),
        ],
    }[slug]  # fmt: skip


def _reads(slug: str, run: Run) -> list[tuple[str, str]]:
    read = run.inputs
    if slug == "demand":
        return [
            (_("Orders"), _("all that were paid, also those without a known customer")),
            (_("Nothing later than"), say.day(run.as_of)),
            (_("Never read"), _("names, addresses, ages, notes, what was written to them")),
        ]
    if not read:
        return [(_("Orders"), say.number(run.orders)), (_("Customers"), say.number(run.customers))]
    dates = {name: say.day(dt.date.fromisoformat(read[name])) for name in ("first", "last")}
    return [
        (_("Orders"), _("%(count)s, from %(first)s to %(last)s") % {"count": say.number(read["orders"]), **dates}),
        (_("Orders that counted on that day"), say.number(read["counting"])),
        (_("Customers with an order"), say.number(read["customers"])),
        (_("Refunds"), say.number(read["refunds"])),
        (_("Lines of orders"), say.number(read["lines"])),
        (_("Products"), say.number(read["products"])),
        (_("Nothing later than"), say.day(run.as_of)),
        (_("Never read"), _("names, addresses, ages, notes, what was written to them")),
    ]


def _gaps(slug: str) -> list[str]:
    if slug == "demand":
        return [
            _("A week without a sale counts as none sold, once the product is on sale."),
            _("Lines without a product are left out; an order without a known customer counts like any other."),
            _("Where a year of orders is missing, nothing is said about the season."),
        ]
    said = [
        _("Orders without a known customer cannot be followed, so they are left out."),
        _(
            "Somebody with a single order has no gap between orders: your shop's usual gap stands in, and counts less "
            "with each order."
        ),
        _("An order with no lines counts as an order; only what was in it stays unknown."),
        _("Refunds count from their own day on, so that the past is seen as it was known then."),
    ]
    if slug == "offers":
        said.append(_(
            "Lines without a product, and products sold fewer than three times, are left out of the suggestions."
        ))
    return said  # fmt: skip


def _how(slug: str) -> list[str]:
    return {
        "churn": [
            _(
                "Every customer has a rhythm. Who comes every two weeks and has been quiet for six is worse off than "
                "who comes twice a year and has been quiet for six weeks. The models reckon with exactly that: how "
                "often, how evenly, how long since."
            ),
            _(
                "Further methods look at more habits: sums, kinds of products, whether orders came closer together or "
                "further apart. Each is tried on your own past: we go back to an earlier day, let every method "
                "forecast from what was known then, and look at what happened."
            ),
            _(
                "Which method is ahead in one test is seldom ahead in the next. So several methods together speak, "
                "their mean, unless one is ahead of it by more than chance explains; then the one trusted most "
                "beforehand of those as good as the best within chance. If none beats your shop's average, everybody "
                "is given the average, and this page says so."
            ),
            _(
                "Last, chances are corrected by how they turned out in the tests, and by how busy the coming weeks "
                "usually are."
            ),
        ],
        "value": [
            _(
                "How many orders a customer will place comes from their rhythm; what an order of theirs is worth, "
                "from their past orders, drawn towards your shop's usual order where there are few."
            ),
            _(
                "Other methods take past spending, with old orders fading, or learn from all habits at once. What "
                "they tell is averaged, because a mean of forecasts is the safest of them, unless one of them is ahead "
                "of the mean by more than chance explains."
            ),
            _("The two ends come from the tests: how far past forecasts of this size were off."),
        ],
        "demand": [
            _(
                "Three things are looked at: how many were sold lately, how many in the same weeks last year, and "
                "when the customers who buy the product are due again."
            ),
            _("Products that sell now and then are told by how often they sell, and how many at a time."),
            _(
                "All ways are tried on your own past against a plain rule: as many as in the weeks before. The "
                "simplest that is not clearly beaten speaks."
            ),
        ],
        "intent": [
            _(
                "The same methods as for who stays away, asked the other way round and for a nearer day: chance of an "
                "order is 100% minus the chance of none."
            ),
            _(
                "Each is tried on your own past. Several methods together speak, their mean, unless one is ahead of it "
                "by more than chance explains."
            ),
        ],
        "offers": [
            _(
                "Most next baskets hold what was bought before, so what a customer buys, and in which rhythm, comes "
                "first. Then come things bought by people with like baskets, things that go together, and what sells "
                "now."
            ),
            _(
                "All ways are tried on your own past: with everything known up to an earlier day, which product does "
                "each suggest, and was it in the customer's next basket?"
            ),
            _("A more complicated way speaks only where it clearly beats the simpler ones."),
        ],
    }[slug]  # fmt: skip


def _limits(slug: str) -> list[str]:
    common = [
        _(
            "It knows orders, and nothing of a road closed for works, a new shop next door, an illness. You know "
            "that; it does not."
        ),
        _("The first year has no season behind it: before 13 months of orders, busy and quiet times are only guessed."),
        _(
            "It tells of many people well and of one person badly. Use it for deciding whom to write to, never for "
            "refusing somebody anything."
        ),
    ]
    if slug == "demand":
        common.pop()
    own = {
        "churn": [
            _("Below 30 customers nothing is told; below 100 trust the order of people more than the figures."),
            _("Somebody you write to may come back because of that: then the forecast was wrong, and you were right."),
        ],
        "value": [
            _("One order ten times as large as any before, for a wedding or by a reseller, is in no forecast."),
            _(
                "The sum of all customers may be off by a quarter in the first year; who is worth more than whom "
                "holds better."
            ),
        ],
        "demand": [
            _(
                "What was sold out could not be sold: a week with an empty shelf looks like a week in which nobody "
                "wanted it."
            ),
            _("A new product has no past; its span is wide on purpose."),
        ],
        "intent": [_("A sale or a holiday you have never had before moves more than any rhythm.")],
        "offers": [
            _("A product nobody has bought yet is suggested only where its name or category resembles others."),
            _(
                "It finds what people are likely to buy, not what they would not have bought without you; only a "
                "campaign with some left out shows that."
            ),
        ],
    }[slug]  # fmt: skip
    return own + common
