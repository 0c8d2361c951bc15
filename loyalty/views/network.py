"""Insights: what goes with buying again, and what if. Answers come from the night's tables, without NumPy."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib import clock
from crm.lib.templatetags import say
from loyalty import findings, wording, workings
from loyalty.models import Found, Run
from loyalty.stages import network as stage
from loyalty.views.network_answers import THINGS, Answer, Asked, of_100

WAYS = {
    "tree": gettext_lazy("A tree: each thing hangs on one other"),
    "climb": gettext_lazy("Arrow by arrow, while the picture gets better"),
    "classifier": gettext_lazy("Everything hangs on buying again, and on one other thing"),
}


class WhatIfForm(forms.Form):
    """One select for each thing the night found states of; what is not in the address may be anything."""

    ANY = "any"

    def __init__(self, data, *, states: dict[str, list[str]]):
        super().__init__({name: data.get(name) or self.ANY for name in states})
        for name, words in states.items():
            choices = [(self.ANY, _("Any")), *((str(place), text) for place, text in enumerate(words))]
            self.fields[name] = forms.ChoiceField(label=THINGS[name][1], choices=choices)

    @property
    def given(self) -> dict[str, int]:
        return {name: int(state) for name, state in self.cleaned_data.items() if state != self.ANY}


def what_if(request: HttpRequest) -> HttpResponse:
    run = Run.objects.latest_done()
    data = Found.objects.filter(run=run, kind=stage.NETWORK).values_list("data", flat=True).first() if run else None
    context = {"run": run, "notice": findings.notice(now=clock.now(), shop=request.shop)}
    if data is None:
        context["missing"] = _missing(run) if run else ""
        return render(request, "loyalty/what_if.html", context)
    asked = Asked(data, currency=request.shop.currency)
    form = WhatIfForm(request.GET, states=asked.states)
    is_valid = form.is_valid()
    given = form.given if is_valid else {}
    context |= {
        "asked": asked,
        "form": form,
        "given": given,
        "answer": asked.answer(given) if is_valid else None,
        "traits": asked.traits(given),
        "picture": (picture := asked.picture()),
        "boxes": [
            (box, THINGS[box.name][0], box.name == stage.AGAIN, box.name in given, box.name in picture.linked)
            for box in picture.boxes
        ],
        "sentences": asked.sentences(),
        "alone": asked.alone(),
        "how_good": _how_good(run, data),
        "ways": [(str(WAYS[trial["way"]]), trial, trial["way"] == data["way"]) for trial in data["trials"]],
    }
    if is_valid:
        context["says"] = _says(asked, given, context["answer"])
    return render(request, "loyalty/what_if.html", context, status=200 if is_valid else 422)


def _says(asked: Asked, given: dict[str, int], answer: Answer) -> str:
    """Return the answer as a sentence."""
    words = {
        "share": of_100(answer.share), "low": of_100(answer.low), "high": of_100(answer.high),
        "usual": of_100(asked.usual), "days": say.number(asked.horizon), "then": say.day(asked.then),
        "count": say.number(answer.alike.then), "bought": say.number(answer.alike.bought),
    }  # fmt: skip
    if not given:
        return _("Of 100 customers, about %(share)s buy again within %(days)s days.") % words
    if not answer.alike.then:
        return _("Nobody was like this on %(then)s, so there is nothing to say. Leave more of it open.") % words
    if not answer.alike.is_enough:
        return (
            ngettext(
                "Only %(count)s customer was like this on %(then)s: too few to say. Leave more of it open.",
                "Only %(count)s customers were like this on %(then)s: too few to say. Leave more of it open.",
                answer.alike.then,
            )
            % words
        )
    return (
        _(
            "Of 100 customers like these, about %(share)s buy again within %(days)s days, probably %(low)s to "
            "%(high)s; of 100 of all customers, %(usual)s do."
        )
        % words
    )


def _how_good(run: Run, data: dict) -> list[str]:
    """Say how the picture told people it had not learned from, and which place the method took in the contest."""
    check = data["check"]
    words = {name: say.number(check[name]) for name in ("picked", "caught", "expected")}
    said = [
        _(
            "Tried on customers it had not learned from: of the %(picked)s it found likeliest to buy again, %(caught)s "
            "did; %(picked)s picked at random would have given %(expected)s."
        )
        % words
    ]
    cards = list(run.report_cards.filter(task="churn"))
    mine = next((card for card in cards if card.candidate == "network"), None)
    if mine is None:
        return said
    better = [card for card in cards if card.metrics["log_loss"] < mine.metrics["log_loss"]]
    used = next(card for card in cards if card.is_champion)
    words = {
        "place": say.number(len(better) + 1), "methods": say.number(len(cards)), "days": say.number(mine.horizon_days),
        "picked": say.number(mine.metrics["picked"]), "caught": say.number(mine.metrics["caught"]),
        "expected": say.number(mine.metrics["expected"]), "used": wording.method(used.candidate),
    }  # fmt: skip
    said.append(
        _(
            "In the contest of methods that tell who will stay away, a network fed with orders alone took place "
            "%(place)s of %(methods)s: of the %(picked)s customers it found most at risk, %(caught)s did not order "
            "within %(days)s days; the shop's average, which knows nobody, would have been right for %(expected)s."
        )
        % words
    )
    if used.candidate == mine.candidate:
        said.append(_("Each customer's own risk comes from this network."))
    elif used.is_baseline:
        said.append(_("None of them beat the shop's average there, so everyone is given the average risk."))
    else:
        said.append(
            _(
                "Each customer's own risk comes from the plainest method that did about as well as the best: %(used)s. "
                "This page is for understanding."
            )
            % words
        )
    return said


def _missing(run: Run) -> str:
    """Say why a run has no network."""
    note = run.stages.get("what_if")
    if note is None:
        return _("This is worked out for the first time in the next run.")
    missing = note.get("missing")
    if missing and missing["what"] == "of_each":
        return _(
            "Too few customers bought again, or too few stayed away, to compare the two: %(have)s; at least %(need)s "
            "are needed."
        ) % {"have": say.number(missing["have"]), "need": say.number(missing["need"])}  # fmt: skip
    alike = _("Your customers were alike in everything that is compared here, so nothing can go with buying again.")
    return workings.missing(run, "what_if") or alike
