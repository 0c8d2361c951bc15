"""What each kind of offer changed, on the shop's own sends, and whether customers may be told apart by it."""

import time

from crm.accounts.models import Shop
from crm.lib import clock
from loyalty.dates import date_of


def card(history, *, task: str, cut: int | None, horizon: int | None) -> dict:
    """Return what sends known at the cut say of each offer; orders are counted for as long as each campaign says."""
    from loyalty import offering, sends
    from loyalty.estimators import uplift
    from loyalty.estimators.base import NotEnoughData, summarise
    from loyalty.estimators.rhythm import Rhythm

    began = time.perf_counter()
    past = history.upto(history.as_of if cut is None else cut)
    end = clock.day_bounds(date_of(past.as_of), Shop.current().timezone)[1]
    what = offering.read(now=end)
    rhythm = Rhythm().fit(past, summarise(past))
    tests = sends.load(past, rhythm, margin=what.margin, point_minor=what.point_minor or 0.0)
    if tests is None:
        raise NotEnoughData("sends", have=0, need=uplift.FEWEST)
    offers = {}
    for arm in range(1, len(tests.arms)):
        try:
            offers[tests.arms[arm]] = _offer(tests, arm)
        except NotEnoughData:
            continue
    rule = uplift.decide(tests)
    return {
        "task": task, "cut": date_of(past.as_of).isoformat(), "customers": len(set(tests.customer.tolist())),
        "sends": int((tests.arm > 0).sum()), "left_out": int((tests.arm == 0).sum()), "offers": offers,
        "rule": {"personal": rule.personal, "best_for_all": tests.arms[rule.arm]}
        | {name: round(value, 2) for name, value in rule.gain.items()},
        "seconds": round(time.perf_counter() - began, 3),
    }  # fmt: skip


def _offer(tests, arm: int) -> dict:
    from loyalty.estimators import uplift

    told, pair = uplift.choose(tests, arm), tests.pair(arm)
    learners = uplift.tested(pair, every=True) if told.qini is not None else {}
    return {
        "evidence": told.kind,
        "orders": _effect(told.whole, 5),
        "profit_minor": _effect(uplift.overall_effect(tests, arm, of="profit"), 2),
        "cells": {one.cell: _effect(one, 5) for one in told.cells},
        "candidates": {name: {key: round(value, 5) for key, value in row.items()} for name, row in learners.items()},
    }


def _effect(one, digits: int) -> dict:
    shown = {name: round(getattr(one, name), digits) for name in ("effect", "low", "high", "base")}
    return shown | {"treated": one.treated, "control": one.control}


EVIDENCE = {
    "learned": "customers differ, and who they are tells how",
    "cells": "customers differ by stage, no finer",
    "alike": "it works; nothing shows that it works better for some",
    "nothing": "nothing shows that it changes anything",
}


def in_words(card: dict) -> str:
    """Return the card as lines for a terminal."""
    lines = [
        f"{card['customers']} customers, {card['sends']} sends and {card['left_out']} left out by chance, known on "
        f"{card['cut']}"
    ]
    for name, one in card["offers"].items():
        orders, profit = one["orders"], one["profit_minor"]
        lines.append(
            f"  {name:<10} of 100 left out {100 * orders['base']:.1f} ordered, the offer changed "
            f"{100 * orders['effect']:+.1f} [{100 * orders['low']:+.1f}, {100 * orders['high']:+.1f}], "
            f"profit {profit['effect'] / 100:+.2f} each [{profit['low'] / 100:+.2f}, {profit['high'] / 100:+.2f}]: "
            f"{EVIDENCE[one['evidence']]}"
        )
        lines += [
            f"    {learner:<10} Qini {row['qini']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]  "
            f"effect among the first 30 % {100 * row['uplift_at_30']:+.1f}"
            for learner, row in one["candidates"].items()
        ]
    rule = card["rule"]
    verdict = "choosing for each earns more" if rule["personal"] else "choosing for each is not known to earn more"
    lines.append(
        f"  One offer for everybody: {rule['best_for_all']}; {verdict} "
        f"({rule['dr'] / 100:+.2f} +- {rule['dr_error'] / 100:.2f} a send)"
    )
    return "\n".join(lines)
