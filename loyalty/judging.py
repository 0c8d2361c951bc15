"""Judge the versions of campaigns while their orders come in, and fill the shop's trays: verdicts and shares.

Every judgement may be a look: the test spends its error over the looks (loyalty.estimators.sequential), so that it may
be shown to the owner at any time. What it remembers of its looks lies in `Verdict.memory`.
"""

import datetime as dt
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.campaigns import reporting, variants, verdicts
from crm.campaigns.models import Campaign
from crm.home import actions
from crm.lib.templatetags import say
from loyalty import experiments
from loyalty.estimators import bandit, sequential, sizing
from loyalty.estimators.base import NotEnoughData

LONGEST = dt.timedelta(weeks=8)  # a test that is not decided by then has no answer
MAILINGS = {  # within that time
    Campaign.Repeat.ONCE: 1, Campaign.Repeat.WEEKLY: 8, Campaign.Repeat.MONTHLY: 2, Campaign.Repeat.DAILY: 56,
}  # fmt: skip
LEAST_STEP = 0.01  # of the planned information: less new is no new look
LEAST_SHARE = 0.2  # of an even share: what a version keeps at least, so that it can still win
HOPELESS, FUTILE_FROM = 0.1, 0.5  # a chance below this is told, from that part of the planned information on
WORTH_HAVING = 1.5  # a difference smaller than half again as much may be called none
MISMATCH = 0.001  # numbers of customers less likely than this are no chance
SHOW_MONEY_FROM = 5.0  # standard errors: wider intervals say nothing

State = Campaign.State


def judge_due(*, now: dt.datetime) -> int:
    """Judge every campaign that is due; return how many."""
    return sum(judge(campaign_id, now=now) for campaign_id in experiments.due(now=now))


def judge(campaign_id: int, *, now: dt.datetime) -> bool:
    """Look at one campaign's versions, fill the trays; False: there are no two to compare."""
    campaign = Campaign.objects.get(pk=campaign_id)
    seen = experiments.seen(reporting.totals([campaign.pk])[campaign.pk])
    found = [one for one in reporting.outcomes(campaign) if one.letter]
    letters = sorted({one.letter for one in found})
    if len(letters) < 2:
        words = actions.in_every_language(lambda: _("Only one version has gone out, so there is nothing to compare."))
        memory = {"seen": seen, "is_closed": True}
        verdicts.replace(campaign.pk, tone="info", text=words, detail={}, leader="", memory=memory, as_of=now)
        return False
    earlier = verdicts.of(campaign)
    memory = dict(earlier.memory) if earlier else {}
    table = _Table(campaign, found, letters, now=now)
    test = _Test(table, memory.get("pairs", {}), rate_before=experiments.rate_before(campaign))
    test.look()
    words = _Words(campaign, test)
    verdicts.replace(
        campaign.pk,
        tone=words.tone,
        text=actions.in_every_language(words.text),
        detail=actions.in_every_language(words.detail),
        leader=test.leader,
        memory={
            "pairs": test.pairs, "ratio": test.ratio, "planned": test.planned, "rate": test.rate,
            "is_closed": table.is_closed, "seen": seen,
        },
        as_of=now,
    )  # fmt: skip
    if campaign.split == Campaign.Split.LEARN and not campaign.decided:
        variants.set_shares(campaign.pk, _shares(table, test))
    return True


class _Table:
    """What came of each version in each mailing, as arrays [mailings, versions]."""

    def __init__(self, campaign: Campaign, found: list, letters: list[str], *, now: dt.datetime):
        self.campaign, self.letters = campaign, letters
        window = dt.timedelta(days=campaign.window_days)
        rows = sorted({(one.started_at, one.rotation_id) for one in found})
        place = {rotation_id: row for row, (_at, rotation_id) in enumerate(rows)}
        shape = (len(rows), len(letters))
        self.people, self.ordered = np.zeros(shape), np.zeros(shape)
        self.revenue, self.squares = np.zeros(shape), np.zeros(shape)
        for one in found:
            where = place[one.rotation_id], letters.index(one.letter)
            self.people[where], self.ordered[where] = one.people, one.ordered
            self.revenue[where], self.squares[where] = one.revenue_minor, one.revenue_squared
        shares = dict(campaign.rotations.values_list("pk", "shares"))
        dealt = np.array([[shares[pk].get(letter, 0.0) for letter in letters] for _at, pk in rows])
        self.dealt = dealt / dealt.sum(axis=1, keepdims=True)
        self.exposure = np.array([[min(1.0, (now - at) / window)] for at, _id in rows])
        self.is_open = now < rows[-1][0] + window
        is_ended = campaign.state in (State.FINISHED, State.STOPPED)
        self.is_closed = not self.is_open and (is_ended or now >= rows[0][0] + LONGEST + window)

    def rates(self, letters: Sequence[str]) -> list[float]:
        """Return orders per person of some versions, each mailing weighing by its size, not by who got what in it."""
        columns = [self.letters.index(letter) for letter in letters]
        people, ordered = self.people[:, columns], self.ordered[:, columns]
        together = people.min(axis=1) > 0
        if not together.any():
            return [float(rate) for rate in ordered.sum(axis=0) / np.maximum(people.sum(axis=0), 1)]
        people, ordered = people[together], ordered[together]
        weight = people.sum(axis=1, keepdims=True)
        return [float(rate) for rate in (weight * ordered / people).sum(axis=0) / weight.sum()]


class _Test:
    """The sequential test of every pair of versions, looked at once more."""

    def __init__(self, table: _Table, pairs: dict, *, rate_before: float):
        self.table, self.pairs, self.leader = table, {key: dict(pair) for key, pair in pairs.items()}, ""
        answered, weight = float((table.people * table.exposure).sum()), experiments.WEIGHT_BEFORE
        self.rate = (float(table.ordered.sum()) + weight * rate_before) / (answered + weight)
        mailings = max(MAILINGS[table.campaign.repeat], len(table.people))
        each = table.people.sum() / len(table.people) / len(table.letters) * mailings
        self.attainable = float(each)
        # both versions together decide how much is planned, never their difference: that is fair at every look
        self.ratio = sizing.smallest_ratio(self.rate, self.attainable)
        self.planned = sizing.information(self.rate, self.ratio or sizing.MOST_RATIO)

    def look(self) -> None:
        for pair in itertools.combinations(self.table.letters, 2):
            self._look(pair)
        ahead = dict.fromkeys(self.table.letters, 0)
        for pair in self.pairs.values():
            if pair["won"]:
                ahead[pair["won"]] += 1
        # who beats every other one; that needs no correction, for one true rival is enough to be wrong
        self.leader = next((letter for letter, wins in ahead.items() if wins == len(ahead) - 1), "")

    def _look(self, letters: tuple[str, str]) -> None:
        pair = self.pairs.setdefault("".join(letters), {"information": [], "limits": [], "won": "", "is_over": False})
        columns = [self.table.letters.index(letter) for letter in letters]
        try:
            score = sequential.proportions(self.table.ordered[:, columns], self.table.people[:, columns])
        except NotEnoughData:
            pair["is_over"] = self.table.is_closed
            return
        pair |= {"z": score.z, "effect": score.effect, "now": score.information}
        self._money(pair, columns)
        if pair["is_over"]:
            return
        before = pair["information"][-1] if pair["information"] else 0.0
        is_last = self.table.is_closed or score.information >= self.planned
        if not is_last and score.information < before + LEAST_STEP * self.planned:
            return
        while pair["information"] and score.information <= pair["information"][-1] * 1.001:
            pair["information"].pop()  # nothing new but the end, or orders were cancelled: that look is asked again
            pair["limits"].pop()
        looks = [*pair["information"], score.information]
        may = sizing.ALPHA if is_last else float(sequential.spent(score.information / self.planned))
        limit = sequential.next_limit(looks, pair["limits"], may=may)
        if abs(score.z) >= limit:
            times = [look / looks[-1] for look in looks]
            limits = [*pair["limits"], limit]
            pair["p"] = sequential.p_value(times, limits, score.z)
            low, _middle, high = sequential.estimate(times, limits, abs(score.z))
            # the drift of one whole of this information is the log odds ratio times its root
            pair["odds"] = [math.exp(end / math.sqrt(score.information)) for end in (low, high)]
            pair["won"] = letters[1] if score.z > 0 else letters[0]
        pair["information"], pair["limits"] = looks, [*pair["limits"], limit]
        pair["is_over"] = bool(pair["won"]) or is_last

    def _money(self, pair: dict, columns: list[int]) -> None:
        table = self.table
        try:
            pair["money"], pair["money_error"] = sequential.means(
                table.revenue[:, columns], table.squares[:, columns], table.people[:, columns]
            )
        except NotEnoughData:
            pair.pop("money", None)

    @property
    def first_two(self) -> tuple[str, str]:
        """Return the version that stands best (the leader, if there is one) and the next."""
        rates = dict(zip(self.table.letters, self.table.rates(self.table.letters)))
        ranked = sorted(rates, key=lambda letter: (letter != self.leader, -rates[letter]))
        return ranked[0], ranked[1]

    def pair_of(self, one: str, other: str) -> dict:
        return self.pairs["".join(sorted((one, other)))]

    @property
    def is_over(self) -> bool:
        return all(pair["is_over"] for pair in self.pairs.values())

    @property
    def shows_no_difference(self) -> bool:
        """Tell whether every pair's interval, which holds at every look, leaves no difference worth having."""
        return all(self._is_close(pair) for pair in self.pairs.values())

    def _is_close(self, pair: dict) -> bool:
        if not pair["limits"] or pair["won"]:
            return False
        half = pair["limits"][-1] / math.sqrt(pair["information"][-1])
        worth = sizing.log_odds_ratio(self.rate, WORTH_HAVING)
        return abs(pair["effect"]) + half < worth

    @property
    def chance_left(self) -> float:
        """Return the chance that the two best will be told apart, if it goes on as it has."""
        pair = self.pair_of(*self.first_two)
        if not pair["information"] or pair["information"][-1] < FUTILE_FROM * self.planned:
            return 1.0
        t = min(0.999, pair["information"][-1] / self.planned)
        end = sequential.bounds([t, 1.0])[-1]
        return sequential.conditional_power(t, pair["z"], drift=pair["z"] / math.sqrt(t), limit=end)


@dataclass
class _Words:
    """What the owner reads, in the language that is on."""

    campaign: Campaign
    test: _Test

    @property
    def is_lopsided(self) -> bool:
        return sequential.mismatch(self.test.table.people, self.test.table.dealt) < MISMATCH

    @property
    def tone(self) -> str:
        if self.is_lopsided:
            return "warn"
        return "good" if self.test.leader else "info"

    def text(self) -> str:
        test = self.test
        best, other = test.first_two
        if test.leader:
            return self._ahead(best, other)
        if test.shows_no_difference:
            words = {"percent": say.percent(WORTH_HAVING - 1)}
            return (
                _(
                    "No difference worth having: if one version brings more orders, then by less than %(percent)s. "
                    "Take the one you like."
                )
                % words
            )
        beaten = next((pair for pair in test.pairs.items() if pair[1]["won"]), None)
        if beaten:
            letters, pair = beaten
            return _(
                "Version %(less)s brings fewer orders than version %(best)s. Between the others nothing is decided yet."
            ) % {"less": letters.replace(pair["won"], ""), "best": pair["won"]}
        if test.is_over:
            return _("No answer: the difference, if there is one, is too small to be seen in a group of this size.")
        needed, have = self._needed(), self._have()
        words = {
            "needed": say.number(needed),
            "have": say.number(have),
            "more": experiments.more_orders(test.ratio or sizing.MOST_RATIO),
        }
        if test.ratio is None:
            return (
                _(
                    "This group is too small to tell: to see even %(more)s, about %(needed)s customers "
                    "per version are needed; so far it is %(have)s."
                )
                % words
            )
        if have >= needed:
            return _("Too early to tell: enough customers have got it, but their orders are still coming in.")
        return (
            _(
                "Too early to tell: about %(needed)s customers per version are needed to see %(more)s; "
                "so far it is %(have)s."
            )
            % words
        )

    def _ahead(self, best: str, other: str) -> str:
        good, less = self.test.table.rates([best, other])
        words = {"best": best, "other": other, "good": _per_hundred(good), "less": _per_hundred(less)}
        if len(self.test.table.letters) > 2:
            return (
                _(
                    "Version %(best)s brings more orders than every other: %(good)s of 100 customers order, against "
                    "%(less)s of 100 with version %(other)s. We look at it again and again, and this still holds."
                )
                % words
            )
        return (
            _(
                "Version %(best)s brings more orders: %(good)s of 100 customers order, against %(less)s of 100 with "
                "version %(other)s. We look at it again and again, and this still holds."
            )
            % words
        )

    def detail(self) -> str:
        test = self.test
        best, other = test.first_two
        pair = test.pair_of(best, other)
        said = []
        if self.is_lopsided:
            said.append(
                _(
                    "Careful: the versions reached other numbers of customers than they were dealt to, by more than "
                    "chance. Something keeps one of them from some customers, so the comparison may be wrong."
                )
            )
        if test.leader and pair["p"] < 0.001:
            said.append(
                _("Were both equally good, such a result would come up in fewer than 1 of %(count)s tests.")
                % {"count": say.number(1000)}
            )
        elif test.leader:
            said.append(
                _("Were both equally good, such a result would come up in about 1 of %(count)s tests.")
                % {"count": say.number(experiments.rounded(1 / pair["p"]))}
            )
        elif not test.is_over and not test.shows_no_difference and test.chance_left < HOPELESS:
            said.append(
                _(
                    "If it goes on like this, the versions will hardly be told apart: the chance is about %(chance)s. "
                    "You can as well take the one you like."
                )
                % {"chance": say.percent(test.chance_left)}
            )
        if test.leader:
            rate = test.table.rates([best, other])[1]
            low, high = (odds / (1 - rate + rate * odds) - 1 for odds in pair["odds"])
            said.append(
                _("Compared with version %(other)s it brings between %(low)s and %(high)s more orders.")
                % {"other": other, "low": say.percent(max(low, 0.0)), "high": say.percent(high)}
            )
        if money := self._money(best, other, pair):
            said.append(money)
        return " ".join(said)

    def _money(self, best: str, other: str, pair: dict) -> str:
        limit = pair["limits"][-1] if pair["limits"] else SHOW_MONEY_FROM
        if "money" not in pair or limit >= SHOW_MONEY_FROM:
            return ""
        side = 1 if best > other else -1  # the pair compares the later letter with the earlier one
        middle, half = side * pair["money"], limit * pair["money_error"]
        currency = Shop.current().currency
        return _(
            "Revenue per customer with version %(best)s, compared with version %(other)s: between %(low)s and %(high)s."
        ) % {
            "best": best,
            "other": other,
            "low": _signed(round(middle - half), currency),
            "high": _signed(round(middle + half), currency),
        }

    def _needed(self) -> int:
        return experiments.rounded(sizing.people(self.test.rate, self.test.ratio or sizing.MOST_RATIO))

    def _have(self) -> int:
        return int(self.test.table.people.sum(axis=0).min())


def _shares(table: _Table, test: _Test) -> dict[str, float]:
    """Return how the next mailing is dealt: more of what works, and never nothing of any version that goes out."""
    going = [one.letter for one in variants.to_send(table.campaign)]
    seen = bandit.seen(table.people, table.exposure)
    # a strong week lifts all versions; who was dealt more of in it must not look better for that
    usual = table.ordered.sum() / max(seen.sum(), 1e-9)
    season = (table.ordered.sum(axis=1, keepdims=True) + 5) / (usual * seen.sum(axis=1, keepdims=True) + 5)
    ordered = dict(zip(table.letters, (table.ordered / season).sum(axis=0)))
    people = dict(zip(table.letters, seen.sum(axis=0)))
    shares = bandit.ForMailings(base_rate=test.rate).shares(
        np.array([ordered.get(letter, 0.0) for letter in going]),
        np.array([people.get(letter, 0.0) for letter in going]),
    )
    least = LEAST_SHARE / len(going)
    return {letter: float(share) for letter, share in zip(going, bandit.with_floor(shares, least))}


def _per_hundred(rate: float) -> str:
    return say.number(round(100 * rate, 1))


def _signed(minor: int, currency: str) -> str:
    return f"+{say.money(minor, currency)}" if minor > 0 else say.money(minor, currency)
