"""What the night's network says, in the owner's words; counted and inferred in plain Python."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.contacts.groups import STAGES
from crm.contacts.models import Contact
from crm.lib.templatetags import say
from crm.orders.models import Product
from loyalty.estimators.network import answers
from loyalty.estimators.network.tables import Network
from loyalty.stages import network as stage
from loyalty.views import network_picture

FEWEST_ALIKE = 30  # fewer customers like these than this, and no number is told
STANDS_OUT = 0.1  # difference of shares worth a line

# Each thing: a box of the picture, a question of the form, part of a sentence.
THINGS = {
    "stage": (gettext_lazy("Stage"), gettext_lazy("Stage"), gettext_lazy("where customers stand with you")),
    "recency": (
        gettext_lazy("Last bought"),
        gettext_lazy("When they last bought"),
        gettext_lazy("how long ago they last bought"),
    ),
    "frequency": (
        gettext_lazy("How often"),
        gettext_lazy("How often they have bought"),
        gettext_lazy("how often they have bought"),
    ),
    "spend": (gettext_lazy("Spent"), gettext_lazy("What they have spent"), gettext_lazy("how much they have spent")),
    "category": (
        gettext_lazy("Mostly buy"),
        gettext_lazy("What they mostly buy"),
        gettext_lazy("what they mostly buy"),
    ),
    "channel": (gettext_lazy("Where"), gettext_lazy("Where they mostly buy"), gettext_lazy("where they mostly buy")),
    "consent": (
        gettext_lazy("Messages"),
        gettext_lazy("What they said to messages"),
        gettext_lazy("what they said to messages"),
    ),
    "response": (
        gettext_lazy("Reaction"),
        gettext_lazy("What came of your messages"),
        gettext_lazy("what came of your messages"),
    ),
    stage.AGAIN: (
        gettext_lazy("Buy again"),
        gettext_lazy("Whether they buy again"),
        gettext_lazy("whether they buy again"),
    ),
}
RESPONSES = {
    "not_written": gettext_lazy("nothing sent yet"),
    "silent": gettext_lazy("no reaction"),
    "clicked": gettext_lazy("clicked a link"),
    "ordered": gettext_lazy("ordered after one"),
}
STRENGTHS = (
    (0.2, gettext_lazy("%(first)s goes strongly with %(second)s.")),
    (0.05, gettext_lazy("%(first)s goes clearly with %(second)s.")),
    (0.0, gettext_lazy("%(first)s goes a little with %(second)s.")),
)


@dataclass(frozen=True)
class Alike:
    """Customers in some states, one horizon ago and today."""

    then: int
    bought: int
    today: int

    @property
    def is_enough(self) -> bool:
        return self.then >= FEWEST_ALIKE


@dataclass(frozen=True)
class Answer:
    share: float
    low: float
    high: float
    alike: Alike


@dataclass(frozen=True)
class Trait:
    """What more or fewer of the customers asked for are than of all."""

    thing: str
    state: str
    share: float
    usual: float

    @property
    def of_these(self) -> str:
        return of_100(self.share)

    @property
    def of_all(self) -> str:
        return of_100(self.usual)


@dataclass(frozen=True)
class Row:
    """One state by itself."""

    state: str
    query: str
    answer: Answer

    @property
    def share(self) -> str:
        return of_100(self.answer.share)

    @property
    def probably(self) -> str:
        if of_100(self.answer.low) == of_100(self.answer.high):
            return ""
        return _("%(low)s to %(high)s") % {"low": of_100(self.answer.low), "high": of_100(self.answer.high)}


class Asked:
    """The network of a night, ready to be asked."""

    def __init__(self, data: dict, *, currency: str):
        self.data, self.currency = data, currency
        self.horizon = data["horizon"]
        self.then = dt.date.fromisoformat(data["then"])

    @cached_property
    def network(self) -> Network:
        return Network.from_json(self.data["network"])

    @cached_property
    def states(self) -> dict[str, list[str]]:
        """Return the states of each thing in the owner's words."""
        return {told["name"]: list(self._words(**told)) for told in self.data["states"]}

    @property
    def usual(self) -> float:
        return self.data["bought"] / self.data["customers"]

    def answer(self, given: dict[str, int]) -> Answer:
        """Return the share who buy again of customers in these states, and how sure that is with so many of them."""
        told = self.network.posterior(stage.AGAIN, given)[1] if given else self.usual
        return self._weighed(told, self.alike(given))

    def alike(self, given: dict[str, int]) -> Alike:
        """Count the customers in these states."""
        rows = self._rows(given)
        return Alike(sum(row[1] for row in rows), sum(row[2] for row in rows), sum(row[3] for row in rows))

    def traits(self, given: dict[str, int]) -> list[Trait]:
        """Return what else customers in these states are like, for each thing what they are more often than usual."""
        rows = self._rows(given)
        count = sum(row[1] for row in rows)
        if not given or count < FEWEST_ALIKE:
            return []
        found = []
        for name, words in self.states.items():
            if name in given:
                continue
            here, step = [0] * len(words), self._steps[name]
            for row in rows:
                here[row[0] // step % len(words)] += row[1]
            told = self.network.posterior(name, given)
            traits = [
                Trait(
                    str(THINGS[name][1]),
                    text,
                    answers.weighed(told[place], self.data["worth"], rows=count, hits=here[place]),
                    self.data["alone"][name][place][1] / self.data["customers"],
                )
                for place, text in enumerate(words)
            ]
            found.append(max(traits, key=lambda trait: trait.share - trait.usual))
        found = [trait for trait in found if trait.share - trait.usual >= STANDS_OUT]
        return sorted(found, key=lambda trait: trait.usual - trait.share)

    def alone(self) -> list[tuple[str, list[Row]]]:
        """Return what each state by itself says of buying again, the most telling thing first."""
        found = []
        for name, words in self.states.items():
            told = self.data["alone"][name]
            rows = [
                Row(text, f"?{name}={place}", self._weighed(told[place][0], Alike(*told[place][1:])))
                for place, text in enumerate(words)
            ]
            shares = [row.answer.share for row in rows if row.answer.alike.is_enough]
            found.append((max(shares, default=0) - min(shares, default=0), str(THINGS[name][1]), rows))
        found.sort(key=lambda one: -one[0])
        return [(label, rows) for _spread, label, rows in found]

    def picture(self) -> network_picture.Picture:
        names = [*self.states, stage.AGAIN]
        return network_picture.draw(names, [(one["from"], one["to"], one["share"]) for one in self.data["links"]])

    def sentences(self) -> list[str]:
        """Return the arrows in words: those of buying again first, then the strongest."""
        links = sorted(self.data["links"], key=lambda one: stage.AGAIN not in (one["from"], one["to"]))
        said = []
        for one in links:
            sentence = next(text for least, text in STRENGTHS if one["share"] >= least)
            said.append(_capital(sentence % {"first": THINGS[one["from"]][2], "second": THINGS[one["to"]][2]}))
        return said

    def _weighed(self, told: float, alike: Alike) -> Answer:
        """Return the network's answer, worth as many customers as the night found, corrected by those really so."""
        share = answers.weighed(told, self.data["worth"], rows=alike.then, hits=alike.bought)
        return Answer(share, *answers.wilson(share, alike.then), alike)

    @cached_property
    def _steps(self) -> dict[str, int]:
        """Return what one state more of each thing adds to the number of a combination."""
        step, steps = 1, {}
        for name, words in reversed(self.states.items()):
            steps[name] = step
            step *= len(words)
        return steps

    def _rows(self, given: dict[str, int]) -> list[list[int]]:
        """Return the combinations of states that have these."""
        wanted = [(self._steps[name], len(self.states[name]), state) for name, state in given.items()]
        return [row for row in self.data["cells"] if all(row[0] // by % size == state for by, size, state in wanted)]

    def _words(self, *, name: str, kind: str, values: list) -> Iterator[str]:
        if kind == "upto":
            low = None
            for high in values:
                yield between(name, low, high, self.currency)
                low = high
            return
        names = {}
        if kind == "product":
            names = dict(Product.objects.filter(pk__in=values).values_list("pk", "name"))
        for value in values:
            if value == stage.OTHER:
                yield _("elsewhere") if name == "channel" else _("something else")
            elif value == stage.NOT_KNOWN:
                yield _("not known")
            elif kind == "product":
                yield names.get(value, _("a product no longer there"))
            elif name == "stage":
                yield str(STAGES[value])
            elif name == "consent":
                yield str(Contact.ConsentState(value).label)
            elif name == "response":
                yield str(RESPONSES[value])
            else:
                yield value


def between(name: str, low: int | None, high: int | None, currency: str) -> str:
    """Say which values a state holds: above `low`, up to and with `high`."""
    if name == "spend":
        words = {"low": say.rough_money(low, currency), "high": say.rough_money(high, currency)}
        if low is None:
            return _("up to %(high)s") % words
        return (_("over %(low)s") if high is None else _("%(low)s to %(high)s")) % words
    first = (0 if name == "recency" else 1) if low is None else low + 1
    words = {"low": say.number(first), "high": say.number(high), "past": say.number(low)}
    if name == "frequency":
        if high is None:
            return ngettext("more than once", "more than %(past)s times", low) % words
        if first == high:
            return ngettext("once", "%(high)s times", high) % words
        return _("%(low)s to %(high)s times") % words
    if high is None:
        return ngettext("more than %(past)s day ago", "more than %(past)s days ago", low) % words
    if low is None:
        return ngettext("up to %(high)s day ago", "up to %(high)s days ago", high) % words
    if first == high:
        return ngettext("%(high)s day ago", "%(high)s days ago", high) % words
    return _("%(low)s to %(high)s days ago") % words


def of_100(share: float) -> str:
    """Return a share as so many of 100; never all or none of them, which nobody knows."""
    return say.number(min(max(round(100 * share), 1), 99))


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
