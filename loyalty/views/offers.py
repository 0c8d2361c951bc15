"""Insights: the cheapest offer for each customer, what it rests on, and what coupons gave away for nothing."""

import datetime as dt
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.models import Shop
from crm.campaigns import recipes
from crm.home import actions
from crm.lib import clock
from crm.lib.templatetags import say
from crm.orders.models import Product
from loyalty import findings, publishing, workings
from loyalty.dates import date_of
from loyalty.estimators.bounds import EIGHT_OF_TEN
from loyalty.estimators.rungs import NOTHING
from loyalty.models import Found, Run, Score
from loyalty.stages import ladder, uptake, waste

GROUPS = {
    "persuadable": (
        gettext_lazy("Worth an offer"),
        gettext_lazy("They order more often when you write than when you do not."),
    ),
    "sure": (
        gettext_lazy("Come anyway"),
        gettext_lazy("They order whether you write or not: an offer would be a gift."),
    ),
    "lost_cause": (
        gettext_lazy("Hardly come either way"),
        gettext_lazy("Writing changes little, and they order seldom."),
    ),
    "do_not_disturb": (
        gettext_lazy("Better left in peace"),
        gettext_lazy("They order less often when you write to them."),
    ),
}


@dataclass(frozen=True)
class Rung:
    """One line of the ladder as it is drawn."""

    code: str
    icon: str
    name: str
    what: str
    evidence: str
    row: dict
    untaken: str  # why nobody is on it
    people_url: str


@require_safe
def offers(request: HttpRequest) -> HttpResponse:
    run = Run.objects.latest_done()
    kinds = (ladder.OFFERS, waste.WASTE, uptake.UPTAKE)
    found = dict(Found.objects.filter(run=run, kind__in=kinds).values_list("kind", "data")) if run else {}
    data, shop = found.get(ladder.OFFERS), request.shop
    context = {
        "run": run,
        "notice": findings.notice(now=clock.now(), shop=shop),
        "missing": workings.missing(run, "ladder") if run else "",
        "data": data,
        "waste": found.get(waste.WASTE),
        "uptake": _uptake(found.get(uptake.UPTAKE)),
        "uptake_good": _uptake_good(found.get(uptake.UPTAKE)),
    }
    if data:
        rungs = _rungs(run, data, shop)
        context |= {
            "rungs": [rung for rung in rungs if rung.row["people"]],
            "untaken": [rung for rung in rungs if not rung.row["people"]],
            "nothing": _nothing(data),
            "reachable": sum(row["people"] for row in data["rows"]) > data["nothing"]["may_not_write"],
            "total": _total(data),
            "for_all": [(_name(row["rung"], data), row) for row in data["for_all"] if row["people"]],
            "instead": _instead(data, shop),
            "reckoned": _reckoned(data),
            "groups": _groups(data),
            "replay": _replay(data, shop),
            "waste_says": _waste_says(context["waste"], shop),
        }
    return render(request, "loyalty/offers.html", context)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Open a draft for exactly the people of a step."""
    run, rung = Run.objects.latest_done(), request.POST.get("rung", "")
    data = Found.objects.filter(run=run, kind=ladder.OFFERS).values_list("data", flat=True).first()
    try:
        if data is None:
            raise publishing.NobodyLeft(rung)
        campaign = publishing.draft_offer(run, rung, found=data, shop=request.shop, now=clock.now())
    except publishing.NobodyLeft:
        messages.error(request, _("There is nobody to make this offer to any more. The list below is the newest."))
        return redirect("loyalty:offers")
    return redirect("campaigns:edit", pk=campaign.pk)


def _name(rung: str, data: dict) -> str:
    match rung:
        case "points" if data["points"]:
            return ngettext(
                "Double points: %(points)s point in advance",
                "Double points: %(points)s points in advance",
                data["points"],
            ) % {"points": say.number(data["points"])}
        case "gift":
            product = Product.objects.filter(pk=data["gift"]).values_list("name", flat=True).first()
            return _("A gift: %(product)s") % {"product": product} if product else str(recipes.OFFERS[rung].name)
        case "percent":
            return _("%(percent)s off") % {"percent": say.percent(data["percent"] / 100)}
    return str(recipes.OFFERS[rung].name)


def _rungs(run: Run, data: dict, shop: Shop) -> list[Rung]:
    rungs, for_all = [], {row["rung"]: row for row in data["for_all"]}
    for row in data["rows"]:
        code = row["rung"]
        if code == NOTHING:
            continue
        evidence = data["evidence"].get(code)
        ids = Score.objects.filter(run=run, offer=code).order_by("-offer_gain_minor", "-id")
        rungs.append(
            Rung(
                code=code,
                icon=recipes.OFFERS[code].icon,
                name=_name(code, data),
                what=str(recipes.OFFERS[code].what),
                evidence=_evidence(evidence) if evidence else "",
                row=row,
                untaken="" if row["people"] else _untaken(for_all[code], shop),
                people_url=findings.list_url(ids.values_list("contact_id", flat=True)) if row["people"] else "",
            )
        )
    return rungs


def _untaken(everybody: dict, shop: Shop) -> str:
    if not everybody["people"]:
        return _("Nobody could use it at the moment.")
    return _("For everybody who may get it, it would bring about %(brings)s and cost about %(costs)s.") % {
        "brings": say.rough_money(everybody["brings"], shop.currency),
        "costs": say.rough_money(everybody["costs"], shop.currency),
    }


def _evidence(evidence: dict) -> str:
    """Say on whom an offer was tested and what came of it, per 100 customers."""
    low, high = round(100 * evidence["low"]), round(100 * evidence["high"])
    few = evidence["left_alone"] < ladder.FEW
    words = {
        "people": say.number(evidence["people"]), "date": say.day(date_of(evidence["since"])),
        "left": say.number(evidence["left_alone"]), "low": say.number(abs(low)), "high": say.number(abs(high)),
    }  # fmt: skip
    if few:
        text = _(
            "Tested on %(people)s of your customers since %(date)s, but only %(left)s of them were left out: too few "
            "to lean on, so this is still mostly a guess."
        )
    elif low >= 0:
        text = _(
            "Tested on %(people)s of your customers since %(date)s, %(left)s of them left out: between %(low)s and "
            "%(high)s more of 100 ordered."
        )
    elif high <= 0:
        text = _(
            "Tested on %(people)s of your customers since %(date)s, %(left)s of them left out: between %(high)s and "
            "%(low)s fewer of 100 ordered."
        )
    else:
        text = _(
            "Tested on %(people)s of your customers since %(date)s, %(left)s of them left out: anything from %(low)s "
            "fewer to %(high)s more of 100 ordered, so we cannot tell yet."
        )
    return text % words


def _nothing(data: dict) -> list[tuple[int, str]]:
    """Return how many get nothing, and why."""
    why = data["nothing"]
    rows = [
        (why["comes_anyway"], _("They will probably order anyway, so an offer would be given away.")),
        (why["unlikely"], _("They will probably not order whatever you offer, so a message would only be a nuisance.")),
        (why["no_gain"], _("No offer is expected to bring more than it costs.")),
        (why["may_not_write"], _("You may not write to them: no e-mail address, or no permission.")),
    ]
    return [row for row in rows if row[0]]


def _total(data: dict) -> dict:
    """Add up what all steps together should do; the doubts of steps are added too, as if they went wrong together."""
    rows = [row for row in data["rows"] if row["rung"] != NOTHING]
    return {name: sum(row[name] for row in rows) for name in ("people", "orders", "costs", "gain", "low", "high")}


def _instead(data: dict, shop: Shop) -> str:
    """Say what the same discount for everybody would do instead; nothing where it would do better."""
    everybody = next((row for row in data["for_all"] if row["rung"] == "percent"), None)
    if everybody is None or not everybody["people"] or everybody["gain"] >= _total(data)["gain"]:
        return ""
    return _(
        "%(percent)s off for everybody you may write to would leave about %(gain)s. %(anyway)s of that discount "
        "would go to customers who would have ordered anyway."
    ) % {
        "percent": say.percent(data["percent"] / 100),
        "gain": say.rough_money(everybody["gain"], shop.currency),
        "anyway": say.rough_money(everybody["anyway"], shop.currency),
    }


def _reckoned(data: dict) -> list[str]:
    """Return what the sums rest on, one sentence each."""
    words = {"margin": say.percent(data["margin"])}
    if data["is_margin_known"]:
        said = [_("Of an order, %(margin)s stay with you after what the goods cost: from your cost prices.") % words]
    else:
        said = [
            _("Of an order, %(margin)s stay with you after the goods: a guess, until your products have cost prices.")
            % words
        ]
    said.append(
        _("A message is suggested only where it should bring at least one more order from 100 people: the others keep "
          "their peace, and you keep their permission.")
    )  # fmt: skip
    if data["points"] and not data["is_point_known"]:
        said.append(
            _("No reward says yet what points buy, so the points of an order are taken to cost a twentieth of it.")
        )
    if data["locked"]:
        said.append(
            ngettext(
                "%(count)s customer is marked “never give money off” and is offered a word at most.",
                "%(count)s customers are marked “never give money off” and are offered a word at most.",
                data["locked"],
            )
            % {"count": say.number(data["locked"])}
        )
    return said


def _replay(data: dict, shop: Shop) -> list[str]:
    """Say how the steps would have done on the shop's own past mailings; nothing before enough people were left out."""
    found = data["replay"]
    if found is None:
        return []
    words = {
        "people": say.number(found["people"]), "date": say.day(date_of(found["since"])),
        "share": say.percent(found["written_to"]),
    }  # fmt: skip
    said = [
        _(
            "Replayed on the %(people)s customers of your mailings since %(date)s that left people out: each got their "
            "step from what the others had done, and %(share)s of them would have been written to."
        )
        % words
    ]
    sentences = {
        "nobody": (
            _(
                "Per 100 customers that leaves %(amount)s more than writing to nobody (8 of 10 times %(low)s to "
                "%(high)s)."
            ),
            _(
                "Beside writing to nobody the difference per 100 customers is anything from %(low)s to %(high)s, so "
                "chance may have made it."
            ),
            _(
                "Per 100 customers that leaves %(amount)s less than writing to nobody (8 of 10 times %(low)s to "
                "%(high)s)."
            ),
        ),
        "everybody": (
            _("Per 100 customers that leaves %(amount)s more than writing to all (8 of 10 times %(low)s to %(high)s)."),
            _(
                "Beside writing to all of them the difference per 100 customers is anything from %(low)s to %(high)s, "
                "so chance may have made it."
            ),
            _("Per 100 customers that leaves %(amount)s less than writing to all (8 of 10 times %(low)s to %(high)s)."),
        ),
    }
    for name, (more, unclear, less) in sentences.items():
        middle, error = (100 * part for part in found[name])
        low, high = middle - EIGHT_OF_TEN * error, middle + EIGHT_OF_TEN * error
        sentence = more if low > 0 else unclear
        if high < 0:
            sentence, middle, low, high = less, -middle, -high, -low
        amounts = {
            key: say.rough_money(round(value), shop.currency)
            for key, value in (("amount", middle), ("low", low), ("high", high))
        }
        said.append(sentence % amounts)
    return said


def _groups(data: dict) -> dict | None:
    found = data["groups"]
    if found is None:
        return None
    people = sum(found["sizes"].values())
    rows = [
        (name, sentence, found["sizes"].get(code, 0), found["sizes"].get(code, 0) / people)
        for code, (name, sentence) in GROUPS.items()
    ]
    return {"offer": _name(found["rung"], data), "people": people, "rows": rows,
            "is_alike": found["kind"] not in ("learned", "cells")}  # fmt: skip


def _waste_says(found: dict | None, shop: Shop) -> str:
    if not found:
        return ""
    return _(
        "Since %(date)s your coupons gave %(given)s to customers you know. Between %(low)s and %(high)s of it went to "
        "people who would have bought anyway."
    ) % {
        "date": say.day(dt.date.fromisoformat(found["since"])),
        "given": say.rough_money(found["given"], shop.currency),
        "low": say.rough_money(found["low"], shop.currency),
        "high": say.rough_money(found["high"], shop.currency),
    }


def _uptake(found: dict | None) -> list[dict]:
    """Return the coupons that are out, each with its last day."""
    return [row | {"until": date_of(row["until"])} for row in found["rows"]] if found else []


def _uptake_good(found: dict | None) -> str:
    """Say how many uses were told of the coupon before, beside the plain rule."""
    if not found or not found["test"]:
        return _("No coupon has ended yet since there was enough to learn from, so nobody knows how good this is.")
    test = found["test"]
    words = {
        "people": say.number(test["people"]), "came": say.number(test["came"]), "told": say.number(round(test["told"])),
        "plain": say.number(round(test["plain"])),
    }  # fmt: skip
    text = _(
        "Tested on the coupon before it, which %(people)s customers got: %(told)s uses would have been told, and "
        "%(came)s came. The plain rule, as often as the coupons before, would have told %(plain)s."
    ) % words  # fmt: skip
    if test["error"] < test["error_plain"]:
        return text
    return actions.sentences(
        text, _("Who uses theirs was told no better than by the plain rule."), translation.get_language()
    )
