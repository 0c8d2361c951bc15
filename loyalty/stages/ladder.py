"""What to offer whom: the cheapest rung expected to work, what it should bring, and what that rests on."""

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from loyalty.estimators.rungs import NOTHING, RUNGS

if TYPE_CHECKING:  # NumPy is loaded by the night run only
    import numpy as np

    from loyalty.estimators.base import History, Summary
    from loyalty.estimators.ladder import Beliefs, Measured, People
    from loyalty.estimators.uplift import Choice, Sends

OFFERS = "offers"
WINDOW_DAYS = 14  # after an offer: what the drafts count orders for
FEWEST_CUSTOMERS = 10
SHRUNK_BY = 2.0  # orders of the shop's average that go into a person's usual order
FEW = 30  # left out: below that a test moves what we believe, but is not called one
FOLDS = 5
NOTE_REDEEMED = 0.15  # of points that would have expired, redeemed because of a note
LEAVE_ALONE = ("comes_anyway", "unlikely", "no_gain")  # reasons why a message would change nothing
ANYWAY, UNLIKELY = 0.5, 0.1  # chances of an order without any offer


@dataclass(frozen=True)
class Ladder:
    """A rung, its expected gain in minor units and a reason for each customer of the summary, and the shop's totals."""

    offer: list[str]
    gain: list[int]
    reason: list[dict]
    found: dict[str, dict]
    beliefs: "Beliefs"


def ladder(
    today: "History", summary: "Summary", *, chance: "np.ndarray", offering, sends: "Sends | None", known
) -> Ladder:
    """Choose everybody's rung; raise NotEnoughData.

    `chance` [b] of an order within WINDOW_DAYS if nothing is done; `offering` what offers cost and who may get them;
    `known` (features, cell) of everybody in the summary, as `sends` has them of its own people.
    """
    import numpy as np

    from loyalty.estimators import ladder as estimator
    from loyalty.estimators import lifecycle
    from loyalty.estimators.base import NotEnoughData

    size = len(summary.customer)
    if size < FEWEST_CUSTOMERS:
        raise NotEnoughData("customers", have=size, need=FEWEST_CUSTOMERS)
    features, cell = known
    choices = _tested(sends) if sends is not None else {}
    beliefs = estimator.Beliefs(cells=len(lifecycle.STAGES)).fit(
        [test for rung, choice in choices.items() for test in _tests(sends, rung, by_cell=choice.kind == "cells")]
    )
    learned = {
        rung: choice.effects(features, cell, lifecycle.STAGES)
        for rung, choice in choices.items()
        if choice.kind == "learned"
    }
    people = _people(today, summary, np.clip(chance, 0.0, 1.0), cell, offering, learned)
    chosen = estimator.choose(people, beliefs)
    offered = [rung for rung in RUNGS if rung == NOTHING or rung in people.able]
    found = {
        "window_days": WINDOW_DAYS,
        "customers": size,
        "margin": round(offering.margin, 3),
        "is_margin_known": offering.is_margin_known,
        "percent": offering.percent,
        "points": offering.points,
        "is_point_known": offering.is_point_known,
        "gift": offering.gift_id,
        "locked": int(people.is_locked.sum()),
        "may_write": int(people.may_write.sum()),
        "rows": [_row(people, beliefs, rung, chosen.rung == RUNGS.index(rung)) for rung in offered],
        "for_all": [
            _row(people, beliefs, rung, estimator.may(people, rung)) for rung in offered if rung != NOTHING
        ],
        "evidence": {rung: _evidence(sends, rung, choice) for rung, choice in choices.items()},
        "nothing": _why_nothing(people, chosen.rung == 0),
        "groups": _four_groups(people, beliefs, choices),
        "replay": _replay(sends, offering) if sends is not None else None,
    }
    leaned_on = frozenset(rung for rung, choice in choices.items() if choice.whole.control >= FEW)
    offer = [RUNGS[place] for place in chosen.rung.tolist()]
    reasons = [
        {"code": _why(rung, p, may, leaned_on), "chance": round(p, 3), "more": round(more, 4)}
        for rung, p, may, more in zip(
            offer, people.chance.tolist(), people.may_write.tolist(), chosen.more.tolist(), strict=True
        )
    ]
    return Ladder(
        offer=offer,
        gain=[round(gain) for gain in chosen.gain.tolist()],
        reason=reasons,
        found={OFFERS: found},
        beliefs=beliefs,
    )


def _why(rung: str, chance: float, may_write: bool, tested: frozenset[str]) -> str:
    if rung != "nothing":
        return "tested" if rung in tested else "guess"
    if not may_write:
        return "may_not_write"
    return "comes_anyway" if chance >= ANYWAY else "unlikely" if chance < UNLIKELY else "no_gain"


def _tested(sends: "Sends") -> dict[str, "Choice"]:
    """Return what the shop's own sends say of each kind of offer that was drawn against nothing."""
    from loyalty.estimators import uplift

    return {rung: uplift.choose(sends, sends.arms.index(rung)) for rung in _drawn(sends)}


def _tests(sends: "Sends", rung: str, *, by_cell: bool) -> list["Measured"]:
    """Return what the trials of a rung say, of each cell too where that is asked for."""
    from loyalty.estimators import ladder as estimator

    pair = sends.pair(sends.arms.index(rung))
    chance = pair.sends.features[:, sends.names.index("chance")]
    ordered, treated, group = pair.sends.outcome, pair.treated, estimator.alike(pair.sends.trial, pair.treated, chance)
    found = [estimator.measure(rung, ordered, treated, group)]
    if by_cell:
        for one in range(len(sends.cells)):
            here = pair.sends.cell == one
            found.append(estimator.measure(rung, ordered[here], treated[here], group[here], cell=one))
    return [one for one in found if one is not None]


def _people(today, summary, chance, cell, offering, learned) -> "People":
    import numpy as np

    contact = today.customer_ids[summary.customer]
    return _priced(
        offering, visits=summary.visits, spend=summary.spend, chance=chance, cell=cell, learned=learned,
        may_write=np.isin(contact, np.fromiter(offering.may_write, np.int64, len(offering.may_write))),
        is_locked=np.isin(contact, np.fromiter(offering.locked, np.int64, len(offering.locked))),
        expiring=np.array([offering.expiring.get(one, 0) for one in contact.tolist()], np.float64),
    )  # fmt: skip


def _priced(offering, *, visits, spend, chance, cell, learned, may_write, is_locked, expiring) -> "People":
    """Return people with what an order of theirs leaves, and what each offer would cost on them."""
    import numpy as np

    from loyalty.estimators.ladder import People

    average = max(float(spend.sum() / max(visits.sum(), 1)), 0.0)
    usual = np.maximum((spend + SHRUNK_BY * average) / (visits + SHRUNK_BY), 0.0)
    each = np.ones(len(usual))
    costs = {
        "points": offering.points_minor,
        "shipping": offering.shipping_minor,
        "gift": offering.gift_minor,
        "percent": 0.0,
    }
    offered = [rung for rung, cost in costs.items() if cost is not None]
    return People(
        chance=chance,
        profit=usual * offering.margin,
        may_write=may_write,
        is_locked=is_locked,
        cell=cell,
        give={"shipping": each * (offering.shipping_minor or 0), "gift": each * (offering.gift_minor or 0),
              "percent": usual * offering.percent / 100},
        given={"note": expiring * (offering.point_minor or 0.0) * NOTE_REDEEMED,
               "points": each * (offering.points_minor or 0)},
        able={"reminder": each > 0, "note": expiring > 0} | dict.fromkeys(offered, each > 0),
        more=learned,
    )  # fmt: skip


def _replay(sends: "Sends", offering) -> dict | None:
    """Let the ladder choose for everybody of past sends, from sends to others, and say what that would have earned.

    Beside writing to nobody, and to everybody what their mailing carried: means per customer with standard errors, by
    inverse propensity weighting. None where too few were left out to learn from and to judge by.
    """
    import numpy as np

    from loyalty.estimators import ladder as estimator
    from loyalty.estimators import uplift

    if (sends.arm == 0).sum() < 2 * FEW:
        return None
    n, arms = len(sends), len(sends.arms)
    fold, chosen, column = sends.folds(FOLDS, 0), np.zeros(n, np.int64), sends.names.index
    _, trial = np.unique(sends.trial, return_inverse=True)
    drawn = np.zeros((trial.max() + 1, arms), bool)
    drawn[trial, sends.arm] = True
    nobody = np.zeros(n, np.int64)
    people = replace(
        _priced(
            offering, visits=sends.features[:, column("visits")], spend=sends.features[:, column("spend")],
            chance=sends.features[:, column("chance")], cell=nobody, learned={}, may_write=nobody == 0,
            is_locked=nobody > 0, expiring=nobody,
        ),
        able={sends.arms[arm]: drawn[trial, arm] for arm in range(1, arms)},
    )  # fmt: skip
    for one in range(FOLDS):
        others = sends.rows(fold != one)
        tests = [test for rung in _drawn(others) for test in _tests(others, rung, by_cell=False)]
        chosen[fold == one] = estimator.choose(people, estimator.Beliefs().fit(tests)).rung[fold == one]
    carried = nobody.copy()
    for place in range(len(drawn)):
        mine = trial == place
        carried[mine] = np.bincount(sends.arm[mine & (sends.arm > 0)], minlength=arms).argmax()
    flat = np.zeros((n, arms))
    ours = uplift.policy_value(sends, chosen, flat)
    found = {
        "people": len(np.unique(sends.customer)),
        "written_to": round(float((chosen > 0).mean()), 3),
        "since": int(sends.day.min()),
    }
    for name, other in (("nobody", nobody), ("everybody", carried)):
        more = ours.minus(uplift.policy_value(sends, other, flat))
        found[name] = [round(more["ips"], 2), round(more["ips_error"], 2)]
    return found


def _drawn(sends: "Sends") -> list[str]:
    """Return the kinds of offer that were drawn against nothing, often enough to compare."""
    from loyalty.estimators.base import NotEnoughData

    found = []
    for arm in range(1, len(sends.arms)):
        try:
            sends.pair(arm)
        except NotEnoughData:
            continue
        found.append(sends.arms[arm])
    return found


def _row(people: "People", beliefs: "Beliefs", rung: str, who: "np.ndarray") -> dict:
    from loyalty.estimators.ladder import expected

    figures = asdict(expected(people, beliefs, rung, who))
    return {"rung": rung} | {
        name: value if isinstance(value, int) else round(value, 1 if name.startswith("orders") else None)
        for name, value in figures.items()
    }


def _evidence(sends: "Sends", rung: str, choice: "Choice") -> dict:
    """Return what a rung's trials were and what they say: differences in orders a head, 95 % intervals."""
    import numpy as np


    arm = sends.arms.index(rung)
    mine = np.isin(sends.trial, np.unique(sends.trial[sends.arm == arm])) & ((sends.arm == arm) | (sends.arm == 0))
    whole = choice.whole
    return {
        "kind": choice.kind,
        "people": len(np.unique(sends.customer[mine])),
        "left_alone": whole.control,
        "since": int(sends.day[mine].min()),
        "base": round(whole.base, 4),
        "effect": round(whole.effect, 4),
        "low": round(whole.low, 4),
        "high": round(whole.high, 4),
    }


def _why_nothing(people: "People", nothing: "np.ndarray") -> dict[str, int]:
    may, p = people.may_write & nothing, people.chance
    return {
        "may_not_write": int((nothing & ~people.may_write).sum()),
        "comes_anyway": int((may & (p >= ANYWAY)).sum()),
        "unlikely": int((may & (p < UNLIKELY)).sum()),
        "no_gain": int((may & (p >= UNLIKELY) & (p < ANYWAY)).sum()),
    }


def _four_groups(people: "People", beliefs: "Beliefs", choices: dict[str, "Choice"]) -> dict | None:
    """Sort everybody who may be written to by the offer tested on most people; None before a test worth the name."""
    import numpy as np

    from loyalty.estimators import uplift
    from loyalty.estimators.ladder import effect

    may, tested = people.may_write, [rung for rung, choice in choices.items() if choice.whole.control >= FEW]
    if not tested or not may.any():
        return None
    rung = max(tested, key=lambda rung: choices[rung].whole.treated)
    codes = uplift.four_groups(effect(people, beliefs, rung)[may], people.chance[may])
    names, counts = np.unique(codes, return_counts=True)
    return {"rung": rung, "kind": choices[rung].kind, "sizes": dict(zip(names.tolist(), counts.tolist()))}
