"""What the pages say about a run: the state of the night, findings in sentences, what is known of one person."""

import datetime as dt
from collections.abc import Iterable

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts.forms import RISKS
from crm.contacts.groups import GROUPS
from crm.contacts.models import Contact
from crm.home import actions, figures
from crm.home import charts as home_charts
from crm.home.notices import Notice
from crm.lib import clock
from crm.lib.templatetags import say
from loyalty import pipeline, wording
from loyalty.charts import Numbers
from loyalty.estimators.rungs import WITHOUT_MONEY
from loyalty.models import Fresh, Run, Score
from loyalty.stages.ladder import WINDOW_DAYS

MISSED_AFTER = dt.timedelta(hours=36)  # a night was left out when the newest run is older than this
DEMO_LOOKS_BACK = 4  # months
MOST_IDS = 500  # a list longer than this does not fit into an address
RISK_TONES = {"low": "good", "medium": "warn", "high": "bad"}


# The state of the night


def notice(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Return what the owner should know about the run; None while all is as it should be."""
    newest = Run.objects.order_by("-id").first()
    done = Run.objects.latest_done()
    again = {"post_url": reverse("loyalty:refresh"), "button": _("Work it out now")}
    about = {"link_url": reverse("loyalty:method"), "link": _("See how far it is")}
    if newest is None:
        if pipeline.natural_as_of(shop=shop, now=now, today=True) is None:
            return None
        text = _(
            "Groups, risks and suggestions are worked out from your orders every night at %(time)s, the first time "
            "within a few minutes."
        )
        return Notice(text % {"time": f"{shop.night_run_hour:02d}:00"}, **again)
    if newest.state in (Run.State.WAITING, Run.State.RUNNING):
        if done is None:
            text = _("The first night run is under way. Groups, risks and suggestions appear when it is done.")
        else:
            text = _("The numbers are being worked out again; until then they are those of %(date)s.")
            text %= {"date": say.day(done.as_of)}
        return Notice(text, is_working=True, **about)
    if newest.state == Run.State.FAILED:
        words = {"error": _(newest.error), "when": say.moment(newest.finished_at)}
        if done is None:
            text = _("The run of %(when)s failed, so there are no groups and risks yet. The reason: %(error)s") % words
        else:
            text = _("The run of %(when)s failed, so the numbers are still those of %(date)s. The reason: %(error)s")
            text %= {**words, "date": say.day(done.as_of)}
        return Notice(text, tone="warn", **again)
    if done is not None and done.finished_at < now - MISSED_AFTER:
        text = _(
            "The numbers are those of %(date)s: no run has finished since %(when)s. Is the computer on at night, and "
            "the worker running?"
        )
        return Notice(text % {"date": say.day(done.as_of), "when": say.moment(done.finished_at)}, tone="warn", **again)
    return None


def after_demo(*, now: dt.datetime) -> None:
    """Work the demo's numbers out at once, so that nobody looks around in an empty house.

    Those of past months come first: how good forecasts turned out is judged as in every shop.
    """
    as_of = pipeline.natural_as_of(shop=Shop.current(), now=now, today=True)
    if as_of is not None:
        pipeline.look_back(months=DEMO_LOOKS_BACK, before=as_of)
        pipeline.request(as_of=as_of, now=now)


# One sentence for each chart


def revenue(found: Numbers, *, shop: Shop) -> str:
    weeks = found.weeks
    if len(weeks) < 8:
        return ""
    now, before = figures.total(weeks[-4:]), figures.total(weeks[-8:-4])
    words = {"now": say.money(now.minor, shop.currency), "before": say.money(before.minor, shop.currency)}
    share = _returning_share(now)
    if share is None:
        return _("%(now)s in the last four weeks, %(before)s in the four before.") % words
    return _(
        "%(now)s in the last four weeks, %(before)s in the four before; %(share)s of what known customers spent came "
        "from returning ones."
    ) % {**words, "share": say.percent(share)}


def _returning_share(takings: figures.Takings) -> float | None:
    named = takings.minor - takings.unnamed_minor
    return takings.returning_minor / named if named > 0 else None


def cohorts(found: Numbers) -> str:
    known = [cohort for cohort in found.cohorts if cohort.came_back and cohort.came_back[0] is not None]
    size = sum(cohort.size for cohort in known)
    if not size:
        return ""
    came = sum(cohort.came_back[0] for cohort in known)
    return _(
        "First orders from %(first)s to %(last)s: %(size)s. Of these customers, %(came)s (%(share)s) came back in the "
        "month after."
    ) % {
        "first": home_charts.month(known[0].month),
        "last": home_charts.month(known[-1].month),
        "size": say.number(size),
        "came": say.number(came),
        "share": say.percent(came / size),
    }


def grid(found: Numbers, *, shop: Shop) -> str:
    count = sum(cell.quiet for cell in found.cells)
    if not count:
        return _("None of your frequent buyers has gone quiet.")
    says = ngettext(
        "%(count)s customer bought often and has gone quiet; they have spent %(amount)s with you so far.",
        "%(count)s customers bought often and have gone quiet; they have spent %(amount)s with you so far.",
        count,
    ) % {
        "count": say.number(count),
        "amount": say.rough_money(sum(cell.quiet_minor for cell in found.cells), shop.currency),
    }
    group = _("This is the group “%(group)s”: told by how often and how lately they bought, not by a chance.")
    return actions.sentences(says, group % {"group": GROUPS["at_risk"].label}, translation.get_language())


def risk(found: Numbers, *, shop: Shop, horizon_days: int) -> str:
    high = next((band for band in found.bands if band.slug == "high"), None)
    if not found.bins or high is None:
        return ""
    says = ngettext(
        "%(count)s customer will stay away for the next %(days)s days with a chance of %(low)s or more; %(amount)s of "
        "usual spending is at stake.",
        "%(count)s customers will each stay away for the next %(days)s days with a chance of %(low)s or more; "
        "%(amount)s of usual spending is at stake.",
        high.customers,
    ) % {
        "count": say.number(high.customers),
        "low": say.percent(high.low),
        "days": say.number(horizon_days),
        "amount": say.rough_money(high.at_stake_minor, shop.currency),
    }
    if not high.customers:
        return says
    gone = found.gone_at_high_risk
    counted = ngettext(
        "This looks at everybody who ever ordered; %(count)s of these %(people)s already counts as gone.",
        "This looks at everybody who ever ordered; %(count)s of these %(people)s already count as gone.",
        gone,
    ) % {"count": say.number(gone), "people": say.number(high.customers)}
    return actions.sentences(says, counted, translation.get_language())


def ahead(found: Numbers, *, shop: Shop, horizon_days: int) -> str:
    """Say what all customers together will bring, and how much of it the most promising tenth."""
    if found.ahead is None:
        return ""
    return _(
        "About %(amount)s from known customers within the next %(days)s days; %(share)s of it from the tenth that is "
        "worth most."
    ) % {
        "amount": say.rough_money(found.ahead.value_minor, shop.currency),
        "days": say.number(horizon_days),
        "share": say.percent(found.ahead.top_minor / found.ahead.value_minor if found.ahead.value_minor else 0),
    }


def sizes(found: Numbers) -> str:
    """Name the group that changed most in three months."""
    if len(found.months) < 4:
        return ""
    before, now = found.months[-4], found.months[-1]
    slug = max(GROUPS, key=lambda slug: abs(now.customers.get(slug, 0) - before.customers.get(slug, 0)))
    return _("The biggest change since %(month)s: %(group)s, from %(before)s to %(now)s customers.") % {
        "month": home_charts.month(before.date),
        "group": GROUPS[slug].label,
        "before": say.number(before.customers.get(slug, 0)),
        "now": say.number(now.customers.get(slug, 0)),
    }


def cell(recency: int, frequency: int) -> str:
    """Say in words who stands in a square of the grid."""
    third = {1: "low", 2: "low", 3: "middle", 4: "high", 5: "high"}
    sentences = {
        ("high", "high"): _("They bought more recently and buy more often than most: your best customers."),
        ("high", "middle"): _("They bought more recently than most and buy about as often as the others."),
        ("high", "low"): _("They bought more recently than most, but not often yet."),
        ("middle", "high"): _("They buy more often than most; the last time was a while ago."),
        ("middle", "middle"): _("They buy about as often, and bought about as recently, as the others."),
        ("middle", "low"): _("They have not bought often, and the last time was a while ago."),
        ("low", "high"): _("They bought more often than most and have gone quiet: worth a personal word."),
        ("low", "middle"): _("They bought about as often as the others and have gone quiet."),
        ("low", "low"): _("They bought seldom, and not for a long time."),
    }
    return sentences[third[recency], third[frequency]]


def list_url(contact_ids: Iterable[int]) -> str:
    """Return the customer list of just these people: there they can be tagged, written to or kept as a segment."""
    ids = list(contact_ids[: MOST_IDS + 1] if isinstance(contact_ids, QuerySet) else contact_ids)
    if not ids or len(ids) > MOST_IDS:
        return ""
    return f"{reverse('contacts:list')}?ids={','.join(map(str, ids))}"


# One person


def reasons(score: Score, *, currency: str, most: int = 3) -> str:
    """Say why this risk, in a few sentences, the strongest reason first."""
    return " ".join(filter(None, (wording.reason(one, currency=currency) for one in score.reasons[:most])))


def risk_tone(churn_risk: float) -> str:
    return next(RISK_TONES[slug] for slug, (_label, low, high) in RISKS.items() if low <= churn_risk < high)


def panel(*, contact: Contact, request: HttpRequest) -> dict | None:
    """Return what the last run says of a customer, for their page."""
    run = Run.objects.latest_done()
    if run is None:
        return None
    score = Score.objects.filter(run=run, contact=contact).select_related("next_product").first()
    fresh = Fresh.objects.filter(contact=contact).first()
    if score is None:
        return {"run": run, "fresh": fresh, "since": _since(fresh, request.shop),
                "group": GROUPS.get(fresh.group)} if fresh else None  # fmt: skip
    return {
        "run": run,
        "score": score,
        "fresh": fresh,
        "since": _since(fresh, request.shop),
        "is_stale": fresh is not None and (fresh.is_back or not fresh.visits),
        "group": GROUPS.get(fresh.group if fresh else score.group),
        "tone": risk_tone(score.churn_risk) if score.churn_risk is not None else "neutral",
        "reasons": reasons(score, currency=request.shop.currency),
        "product_reason": wording.product_reason(score.next_product_reason),
        "usual_days": round((fresh.usual_gap_days if fresh else score.usual_gap_days) or 0),
        "value_good": _value_good(run, request.shop.currency) if score.value_ahead_minor is not None else "",
        "method_url": reverse("loyalty:method"),
        "offer": _offer(score, contact),
    }


def _offer(score: Score, contact: Contact) -> tuple[str, str] | None:
    """Return what to offer and why; nothing where the owner has said "never give money off" since the night."""
    if not score.offer or (contact.never_discount and score.offer not in WITHOUT_MONEY):
        return None
    return wording.offer(score.offer, score.offer_reason, days=WINDOW_DAYS)


def _since(fresh: Fresh | None, shop: Shop) -> str:
    """Say what happened since the night, and what of the numbers is as of now."""
    if fresh is None:
        return ""
    if not fresh.visits:
        return _("No order counts any more; the night will take these numbers away.")
    if not fresh.is_back and fresh.visited_at == fresh.at:
        return _(
            "Looked around in your shop on %(when)s and has not ordered since; the group and the usual gap are as of "
            "now."
        ) % {"when": say.moment(fresh.visited_at)}  # fmt: skip
    if not fresh.is_back:
        return _("An order changed since: the group and the usual gap are as of now, the night will work out the rest.")
    if fresh.last_date == clock.local_date(clock.now(), shop.timezone):
        return _("Bought today; the night will work out the rest.")
    return _("Bought on %(date)s; the night will work out the rest.") % {"date": say.day(fresh.last_date)}


def _value_good(run: Run, currency: str) -> str:
    card = run.report_cards.filter(task="value", is_champion=True).first()
    if card is None:
        return ""
    about = {"champion": card.candidate, "horizon_days": card.horizon_days}
    return wording.how_good_value(card.metrics | about, currency)
