"""Stages by each person's own rhythm."""

import numpy as np
import pytest

from loyalty.estimators import lifecycle, simulate
from loyalty.estimators.base import History, summarise


def stages_at(as_of: int, visits: dict[int, list[int]]) -> dict[int, str]:
    rows = [(who, day, 1000) for who, days in visits.items() for day in days]
    customer, day, amount = np.array(rows).T
    s = summarise(History.of_orders(customer, day, amount, as_of=as_of))
    return {who: lifecycle.STAGES[place] for who, place in zip(sorted(visits), lifecycle.stages(s))}


def test_stages_follow_the_usual_gap():
    weekly = list(range(0, 71, 10))
    crowd = {who: [day + who % 7 for day in weekly] for who in range(100, 120)}
    told = stages_at(
        120,
        crowd
        | {
            1: [*weekly, 80, 90, 100, 110],  # on time
            2: [*weekly, 80, 90],  # 30 days quiet, usually 10
            3: weekly[:4],  # 90 days quiet
            4: [115],  # came once, lately
            5: [10],  # came once, long ago
            6: [0, 10, 20, 112],  # was gone for 92 days, came back
            7: [0, 10, 20, 100, 112],  # came back and came again
        },
    )
    assert {who: told[who] for who in range(1, 8)} == {
        1: "regular", 2: "slipping", 3: "lapsed", 4: "first_time", 5: "lapsed", 6: "won_back", 7: "regular",
    }  # fmt: skip


def test_usual_gap_shrinks_towards_the_shop():
    customer, day = np.array([[1, 0], [1, 100], [2, 0], [2, 10], [2, 20], [3, 0]]).T
    s = summarise(History.of_orders(customer, day, np.full(6, 100), as_of=120))
    assert lifecycle.shop_gap(s) == 55
    assert lifecycle.usual_gaps(s) == pytest.approx([(100 + 110) / 3, (20 + 110) / 4, 55])


def test_those_who_stopped_are_seen_in_a_shop_that_runs_by_a_clock():
    history, truth = simulate.clockwork(customers=2_000, days=600, gap=20, stay=250, seed=1)
    s = summarise(history)
    stage = np.array(lifecycle.STAGES)[lifecycle.stages(s)]
    active = truth["stopped"][history.customer_ids[s.customer]] > 600
    repeat = s.visits > 3
    assert np.mean(stage[repeat & active] == "regular") > 0.97
    long_gone = truth["stopped"][history.customer_ids[s.customer]] < 400
    assert np.mean(stage[repeat & long_gone] == "lapsed") > 0.97
