"""What was foretold and what came of it, in an owner's sentences: rows of loyalty.models.Promise."""

import datetime as dt
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.home import charts as home_charts
from crm.home.notices import Notice
from crm.lib import clock
from crm.lib.templatetags import say
from loyalty import wording
from loyalty.models import Promise
from loyalty.stages.scorecard import TASKS

NOTICE_DAYS = 31  # how long a forecast that fell behind is told of
HINDSIGHT_AFTER = dt.timedelta(days=7)  # a promise worked out later than this was made knowing the orders that followed
Verdict = Promise.Verdict


@dataclass(frozen=True)
class Line:
    """One promise, judged or waiting."""

    promise: Promise
    month: str
    told: str
    came: str
    rule: str
    says: str  # the whole in a sentence
    more: list[str]
    verdict: str  # a badge's words
    tone: str
    hindsight: bool  # worked out afterwards


@dataclass(frozen=True)
class Question:
    """One question over the months, newest first."""

    slug: str
    title: str
    about: str  # what the simple rule is
    judged: list[Line] = field(default_factory=list)
    waiting: list[Line] = field(default_factory=list)


def questions(*, shop: Shop) -> list[Question]:
    """Return everything that was promised, by question."""
    found = {slug: Question(slug, title, about) for slug, (title, about) in _titles().items()}
    for promise in Promise.objects.order_by("-month", "id"):
        place = found[promise.task]
        (place.waiting if promise.judged_on is None else place.judged).append(line(promise, shop=shop))
    return [question for question in found.values() if question.judged or question.waiting]


def latest(task: str, *, shop: Shop) -> Line | None:
    """Return the newest judged promise of one question."""
    promise = Promise.objects.filter(task=task).exclude(judged_on=None).order_by("-month").first()
    return line(promise, shop=shop) if promise else None


def headline(*, shop: Shop) -> str:
    """Say in one sentence how the last forecast did: of who leaves, else of what was asked next."""
    newest: dict[str, Promise] = {}
    for promise in Promise.objects.exclude(judged_on=None).order_by("-month"):
        newest.setdefault(promise.task, promise)
    return next((_says(newest[task], shop) for task in TASKS if task in newest), "")


def notice(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Tell of a question whose newest forecast fell clearly behind the simple rule, for a month."""
    today = clock.local_date(now, shop.timezone)
    newest: dict[str, Promise] = {}
    for promise in Promise.objects.filter(judged_on__gt=today - dt.timedelta(days=NOTICE_DAYS)).order_by("-month"):
        newest.setdefault(promise.task, promise)
    behind = [promise for promise in newest.values() if promise.verdict == Verdict.BEHIND]
    if not behind:
        return None
    text = _("%(finding)s For now trust the simple rule more; every night the methods are compared anew.") % {
        "finding": " ".join(_says(promise, shop) for promise in behind)
    }
    return Notice(
        text, tone="warn", title=_("A simple rule did better"), link_url=reverse("loyalty:track_record"),
        link=_("See the track record"),
    )  # fmt: skip


def _titles() -> dict[str, tuple[str, str]]:
    return {
        "churn": (
            _("Who stays away?"),
            _("The simple rule names as many: whoever has been quiet for longest, measured by their own usual gap."),
        ),
        "value": (
            _("What will customers bring?"),
            _(
                "The simple rule expects what customers spent in the same number of days before. Better is who names "
                "the tenth of customers that brings more."
            ),
        ),
        "intent": (_("Who orders soon?"), _("The simple rule names as many: whoever ordered last.")),
        "offers": (
            _("What will they buy next?"),
            _("The simple rule suggests what sells best, leaving out what the customer has just bought."),
        ),
    }


def line(promise: Promise, *, shop: Shop) -> Line:
    verdict, tone = _verdict(promise)
    told, came, rule = _figures(promise, shop)
    return Line(
        promise,
        home_charts.month(promise.month),
        told,
        came,
        rule,
        _says(promise, shop) if promise.judged_on else _promises(promise, shop),
        _details(promise, shop) if promise.judged_on else [],
        verdict,
        tone,
        promise.made_at - clock.day_bounds(promise.made_on, shop.timezone)[1] > HINDSIGHT_AFTER,
    )


def _verdict(promise: Promise) -> tuple[str, str]:
    if promise.judged_on is None:
        return _("still open"), "neutral"
    return {
        Verdict.AHEAD: (_("better than the rule"), "good"),
        Verdict.LEVEL: (_("about as good as the rule"), "neutral"),
        Verdict.BEHIND: (_("worse than the rule"), "bad"),
        Verdict.ALONE: (_("nothing to compare"), "neutral"),
    }[promise.verdict]


def _figures(promise: Promise, shop: Shop) -> tuple[str, str, str]:
    """Return the cells of a table: told, came, and what the simple rule would have said."""
    told, came = promise.told, promise.came
    if promise.task == "value":
        return (
            say.rough_money(told["minor"], shop.currency),
            say.money(came["minor"], shop.currency) if "minor" in came else "",
            say.money(came["rule_minor"], shop.currency) if "rule_minor" in came else "",
        )
    if promise.task == "offers":
        suggested = ngettext(
            "%(count)s suggestion", "%(count)s suggestions", told["suggested"]
        ) % {"count": say.number(told["suggested"])}  # fmt: skip
        return suggested, _of(came, "hits", "customers"), _of(came, "rule_hits", "customers")
    named = _("%(expected)s of %(named)s") % {
        "expected": say.number(round(told["named_expected"])), "named": say.number(told["named"])
    } if told["named"] else ""  # fmt: skip
    return named, _of(came, "hits", "named"), _of(came, "rule_hits", "named")


def _of(came: dict, part: str, whole: str) -> str:
    if part not in came:
        return ""
    return _("%(part)s of %(whole)s") % {"part": say.number(came[part]), "whole": say.number(came[whole])}


def _promises(promise: Promise, shop: Shop) -> str:
    """Say what was told and cannot be judged yet."""
    told = promise.told
    words = {"made": say.day(promise.made_on), "due": say.day(promise.due_on), "days": say.number(promise.horizon_days)}
    if promise.task == "value":
        text = _("On %(made)s: about %(amount)s from known customers until %(due)s.")
        return text % {**words, "amount": say.rough_money(told["minor"], shop.currency)}
    if promise.task == "offers":
        text = ngettext(
            "On %(made)s: a product was suggested for %(count)s customer. Until %(due)s we see whether they buy it.",
            "On %(made)s: a product was suggested for %(count)s customers. Until %(due)s we see who buys it.",
            told["suggested"],
        )
        return text % {**words, "count": say.number(told["suggested"])}
    words |= {"customers": say.number(told["customers"]), "expected": say.number(round(told["expected"]))}
    if promise.task == "churn":
        return _(
            "On %(made)s: of %(customers)s customers not gone yet, about %(expected)s will not order until %(due)s."
        ) % words  # fmt: skip
    return _("On %(made)s: of %(customers)s customers, about %(expected)s will order until %(due)s.") % words


def _says(promise: Promise, shop: Shop) -> str:
    """Say what came of a promise."""
    came = promise.came
    words = {"made": say.day(promise.made_on), "days": say.number(promise.horizon_days)}
    if not came.get("customers"):
        return _("Of what was told on %(made)s nothing can be judged: none of these customers came.") % words
    if promise.task == "value":
        return _says_money(came, words, shop)
    if promise.task == "offers":
        words |= {name: say.number(came[name]) for name in ("customers", "hits", "rule_hits")}
        return ngettext(
            "%(customers)s customer came within %(days)s days of %(made)s; %(hits)s bought the product suggested. What "
            "sells best would have been right for %(rule_hits)s.",
            "%(customers)s customers came within %(days)s days of %(made)s; %(hits)s bought the product suggested to "
            "them. What sells best would have been right for %(rule_hits)s.",
            came["customers"],
        ) % words
    words |= {"expected": say.number(round(came["expected"])), "happened": say.number(came["happened"]),
              "customers": say.number(came["customers"])}  # fmt: skip
    if "hits" not in came:
        if promise.task == "churn":
            text = _(
                "Told on %(made)s: %(expected)s of %(customers)s would stay away for %(days)s days; %(happened)s did."
            )
        else:
            text = _(
                "Told on %(made)s: %(expected)s of %(customers)s would order within %(days)s days; %(happened)s did."
            )
        return text % words
    words |= {name: say.number(came[name]) for name in ("named", "hits", "rule_hits")}
    if promise.task == "churn":
        return _(
            "Of the %(named)s customers called most likely to leave on %(made)s, %(hits)s did not come back within "
            "%(days)s days; the simple rule got %(rule_hits)s."
        ) % words  # fmt: skip
    return _(
        "Of the %(named)s customers called likeliest to order on %(made)s, %(hits)s ordered within %(days)s days; the "
        "simple rule got %(rule_hits)s."
    ) % words  # fmt: skip


def _says_money(came: dict, words: dict, shop: Shop) -> str:
    words = words | {
        "told": say.rough_money(came["told_minor"], shop.currency), "came": say.money(came["minor"], shop.currency),
        "inside": say.number(came["inside"]), "customers": say.number(came["customers"]),
        "share": say.percent(came["inside"] / came["customers"]),
        "rule": say.rough_money(came["rule_minor"], shop.currency),
    }  # fmt: skip
    return _(
        "Told on %(made)s for %(days)s days: %(told)s; %(came)s came. The simple rule expected %(rule)s. %(inside)s of "
        "%(customers)s customers (%(share)s) ended up between the two sums told for them; 80%% were promised."
    ) % words  # fmt: skip


def _details(promise: Promise, shop: Shop) -> list[str]:
    """Return what else belongs to a judged promise: how sure, who was written to, by which method."""
    came = promise.came
    found = [
        _("Method: %(method)s.") % {"method": wording.method(promise.method, task=promise.task)},
        _("Judged on %(date)s by what the books said then.") % {"date": say.day(promise.judged_on)},
    ]
    if "low" in came:
        whole = came["named"] if "named" in came else came["customers"]
        found.append(
            _(
                "With so few people chance plays along: anything from %(low)s to %(high)s of %(whole)s would fit the "
                "same method."
            )
            % {
                "low": say.number(round(came["low"] * whole)), "high": say.number(round(came["high"] * whole)),
                "whole": say.number(whole),
            }
        )  # fmt: skip
    if promise.task == "churn" and came.get("customers"):
        found.append(
            _("Of all %(customers)s not gone yet it expected %(expected)s to stay away, and %(happened)s did.")
            % {
                "customers": say.number(came["customers"]), "expected": say.number(round(came["expected"])),
                "happened": say.number(came["happened"]),
            }
        )  # fmt: skip
    if came.get("named_minor") is not None and promise.task == "value":
        found.append(
            _("The tenth it thought worth most brought %(mine)s; the tenth that had spent most before, %(theirs)s.")
            % {
                "mine": say.money(came["named_minor"], shop.currency),
                "theirs": say.money(came["named_rule_minor"], shop.currency),
            }
        )  # fmt: skip
    if came.get("written"):
        found.append(
            ngettext(
                "%(count)s of those named got a message meanwhile, which may have brought them back.",
                "%(count)s of those named got a message meanwhile, which may have brought some of them back.",
                came["written"],
            )
            % {"count": say.number(came["written"])}
        )
    return found
