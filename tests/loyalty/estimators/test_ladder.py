"""The ladder against a shop whose answers are known."""

import numpy as np
import pytest
from scipy.special import expit, logit

from loyalty.estimators import ladder
from loyalty.estimators.ladder import Beliefs, Measured, People
from loyalty.estimators.rungs import RUNGS

TRUTH = {"reminder": 0.25, "points": 0.30, "gift": 0.28, "percent": 0.45}


def shop(size: int = 4_000, *, seed: int = 0, **changes) -> People:
    """Draw people from very likely to come to nearly gone; an order leaves 10 of 20 coins, a percentage takes 2."""
    rng = np.random.default_rng(seed)
    everybody = np.ones(size, bool)
    values = {
        "chance": rng.beta(0.6, 1.2, size), "profit": np.full(size, 1_000.0), "may_write": everybody,
        "is_locked": ~everybody, "cell": np.zeros(size, int),
        "give": {"gift": np.full(size, 60.0), "percent": np.full(size, 200.0)},
        "given": {"points": np.full(size, 80.0)},
        "able": dict.fromkeys(TRUTH, everybody),
    } | changes  # fmt: skip
    return People(**values)


def trial(people: People, rung: str, *, held_out: float = 0.1, seed: int = 1) -> Measured:
    """Send a rung to most of them and leave some out; say what the comparison says."""
    rng = np.random.default_rng(seed)
    treated = rng.random(len(people.chance)) > held_out
    change = TRUTH[rung] * treated
    ordered = rng.random(len(treated)) < expit(logit(np.clip(people.chance, 1e-6, 1 - 1e-6)) + change)
    group = ladder.alike(np.zeros(len(treated)), treated, people.chance)
    return ladder.measure(rung, ordered, treated, group)


def earned(people: People, rung: np.ndarray) -> float:
    """Return what a policy (places of RUNGS) really earns over doing nothing."""
    total = 0.0
    for place, name in enumerate(RUNGS):
        who = rung == place
        if name == "nothing" or not who.any():
            continue
        p = np.clip(people.chance[who], 1e-6, 1 - 1e-6)
        after = expit(logit(p) + TRUTH[name])
        give = people.give.get(name, np.zeros(len(who)))[who]
        given = people.given.get(name, np.zeros(len(who)))[who]
        total += float(((after - p) * people.profit[who] - give * after - given).sum())
    return total


@pytest.mark.parametrize("tested", [(), ("reminder",), ("reminder", "points", "percent")])
def test_the_ladder_earns_more_than_a_percentage_for_all_and_than_nothing(tested):
    past = shop(40_000, seed=3)
    beliefs = Beliefs().fit([trial(past, rung) for rung in tested])
    people = shop(seed=5)
    chosen = earned(people, ladder.choose(people, beliefs).rung)
    everybody = earned(people, np.full(4_000, RUNGS.index("percent")))
    assert [chosen > 0, chosen > everybody] == [True, True]


def test_what_is_expected_is_what_comes_once_it_was_tested():
    past, people = shop(200_000, seed=3), shop(20_000, seed=5)
    beliefs = Beliefs().fit([trial(past, rung, held_out=0.5, seed=n) for n, rung in enumerate(TRUTH)])
    choice = ladder.choose(people, beliefs)
    rows = [ladder.expected(people, beliefs, rung, choice.rung == RUNGS.index(rung)) for rung in TRUTH]
    real = earned(people, choice.rung)
    assert sum(row.gain for row in rows) == pytest.approx(real, rel=0.1)
    assert sum(row.low for row in rows) < real < sum(row.high for row in rows)


def test_without_a_test_nothing_is_called_tested_and_no_effect_is_possible():
    beliefs, people = Beliefs().fit([]), shop()
    everybody = np.ones(4_000, bool)
    reach = [ladder.expected(people, beliefs, rung, everybody) for rung in TRUTH]
    assert (beliefs.tested_, [row.orders_low < 0 < row.orders_high for row in reach]) == (frozenset(), [True] * 4)


def test_without_a_test_the_cheapest_rung_that_pays_is_taken():
    choice = ladder.choose(shop(), Beliefs().fit([]))
    assert {RUNGS[place] for place in np.unique(choice.rung)} == {"nothing", "reminder"}


def test_who_comes_anyway_and_who_is_gone_get_nothing():
    people = shop(3, chance=np.array([0.01, 0.4, 0.99]))
    assert [RUNGS[place] for place in ladder.choose(people, Beliefs().fit([])).rung] == ["nothing", "reminder", "nothing"]


def test_a_reminder_that_did_nothing_makes_room_for_a_dearer_rung_that_works():
    tests = [Measured("reminder", 0.0, 0.02), Measured("percent", 1.5, 0.05)]
    people = shop(1, chance=np.array([0.3]))
    choice = ladder.choose(people, Beliefs().fit(tests))
    assert RUNGS[choice.rung[0]] == "percent"
    assert choice.gain[0] == pytest.approx(choice.more[0] * 1_000 - 200 * (0.3 + choice.more[0]))


def test_a_dearer_rung_must_be_better_beyond_noise():
    close = [Measured("reminder", 0.40, 0.05), Measured("gift", 0.80, 0.50)]
    sure = [Measured("reminder", 0.40, 0.05), Measured("gift", 0.80, 0.02)]
    people = shop(1, chance=np.array([0.3]))
    taken = [RUNGS[ladder.choose(people, Beliefs().fit(tests)).rung[0]] for tests in (close, sure)]
    assert taken == ["reminder", "gift"]


def test_locked_people_never_get_money_off_whatever_it_would_bring():
    locked = np.arange(4_000) % 2 == 0
    tests = [Measured("reminder", -0.5, 0.02), Measured("percent", 2.0, 0.02), Measured("points", 2.0, 0.02), Measured("gift", 2.0, 0.02)]
    choice = ladder.choose(shop(is_locked=locked), Beliefs().fit(tests))
    names = np.array(RUNGS)[choice.rung]
    assert set(names[locked]) <= {"nothing", "reminder", "note"}
    assert set(names[~locked]) - {"nothing", "reminder", "note"} != set()


def test_nobody_who_said_no_gets_anything():
    silent = np.arange(4_000) % 3 == 0
    choice = ladder.choose(shop(may_write=~silent), Beliefs().fit([Measured("reminder", 1.0, 0.02)]))
    assert (set(choice.rung[silent].tolist()), choice.gain[silent].sum()) == ({0}, 0.0)


def test_one_table_by_hand():
    """6 of 10 came when written to, 2 of 10 when not: odds 6/4 over 2/8, and the variance of Woolf."""
    ordered, treated = np.r_[np.arange(10) < 6, np.arange(10) < 2], np.arange(20) < 10
    found = ladder.measure("reminder", ordered, treated, np.zeros(20))
    variance = 1 / 6 + 1 / 4 + 1 / 2 + 1 / 8
    assert (found.change, found.error) == (pytest.approx(np.log(6)), pytest.approx(variance**0.5))


def test_a_side_where_nobody_came_by_hand():
    """4 of 10 came when written to, nobody of 10 when not: O - E = 4 - 2, V = 10 * 10 * 4 * 16 / (20^2 * 19)."""
    ordered, treated = np.arange(20) < 4, np.arange(20) < 10
    found = ladder.measure("reminder", ordered, treated, np.zeros(20))
    variance = 6_400 / 7_600
    assert (found.change, found.error) == (pytest.approx(2 / variance), pytest.approx(variance**-0.5))


@pytest.mark.parametrize("change", [0.0, 0.5, 1.5])
def test_measured_changes_lie_around_the_true_one_as_their_errors_say(change):
    rng = np.random.default_rng(4)
    found = []
    for _shop in range(200):
        chance, treated = rng.beta(2, 8, 1_000), rng.random(1_000) < 0.9
        ordered = rng.random(1_000) < expit(logit(chance) + change * treated)
        one = ladder.measure("reminder", ordered, treated, ladder.alike(np.zeros(1_000), treated, chance))
        found.append(((one.change - change) / one.error, one.change))
    z, changes = np.array(found).T
    assert np.median(changes) == pytest.approx(change, abs=0.06)
    assert z.std() == pytest.approx(1.0, abs=0.15)


def test_trials_are_compared_within_themselves():
    """A busy day on which nobody was left out says nothing."""
    ordered, treated = np.r_[np.arange(10) < 6, np.arange(10) < 2], np.arange(20) < 10
    alone = ladder.measure("reminder", ordered, treated, np.zeros(20))
    more = ladder.measure("reminder", np.r_[ordered, np.ones(50)], np.r_[treated, np.ones(50)], np.r_[np.zeros(20), np.ones(50)])
    assert more == alone


def test_nothing_to_compare_is_no_test():
    assert ladder.measure("reminder", np.zeros(20), np.arange(20) < 10, np.zeros(20)) is None


def test_a_test_of_one_rung_says_something_of_the_others_but_less():
    before, after = Beliefs().fit([]), Beliefs().fit([Measured("points", 1.0, 0.1)])
    moved = (after.mean_ - before.mean_)[:, 0]
    place = {rung: n for n, rung in enumerate(RUNGS)}
    assert (moved[place["points"]] > moved[place["percent"]] > 0, moved[0]) == (True, 0.0)
    assert after.spread_[place["percent"], place["percent"]] < before.spread_[place["percent"], place["percent"]]


def test_cells_move_as_far_as_they_are_known_to_differ():
    tests = [Measured("reminder", 0.5, 0.05), Measured("reminder", 1.0, 0.1, cell=0), Measured("reminder", 0.0, 0.1, cell=1)]
    beliefs = Beliefs(cells=3).fit(tests)
    first, second, unseen = beliefs.mean_[RUNGS.index("reminder")]
    assert 0.0 < second < unseen < first < 1.0
    alike = Beliefs(cells=3).fit([Measured("reminder", 0.5, 0.05), *(Measured("reminder", 0.5, 0.1, cell=n) for n in (0, 1))])
    assert np.ptp(alike.mean_[RUNGS.index("reminder")]) == 0.0


def test_likely_equals_share_a_trial_and_about_the_same_chance():
    chance, treated = np.r_[np.arange(40) / 40, np.full(10, 0.5)], np.r_[np.arange(40) % 2 == 0, np.ones(10, bool)]
    group = ladder.alike(np.r_[np.zeros(40), np.ones(10)], treated, chance)
    assert [len(set(group[start : start + 10].tolist())) for start in (0, 10, 20, 30, 40)] == [1, 1, 1, 1, 1]
    assert len(set(group.tolist())) == 5


def test_people_with_the_same_chance_are_never_parted():
    treated = np.arange(100) < 80
    assert set(ladder.alike(np.zeros(100), treated, np.full(100, 0.2)).tolist()) == {3}


def test_a_crowd_of_unequals_does_not_hide_the_change_in_each():
    people = shop(200_000, seed=9)
    rng = np.random.default_rng(2)
    treated = rng.random(200_000) < 0.5
    ordered = rng.random(200_000) < expit(logit(np.clip(people.chance, 1e-6, 1 - 1e-6)) + 0.25 * treated)
    everybody = ladder.measure("reminder", ordered, treated, np.zeros(200_000))
    within = ladder.measure("reminder", ordered, treated, ladder.alike(np.zeros(200_000), treated, people.chance))
    assert (everybody.change < 0.18, within.change == pytest.approx(0.25, abs=0.04)) == (True, True)


def test_where_each_person_s_answer_is_known_only_those_who_answer_are_asked():
    answers = np.where(np.arange(4_000) % 2 == 0, 0.2, -0.1)
    people = shop(chance=np.full(4_000, 0.3), more={"percent": answers, "reminder": np.zeros(4_000)})
    tests = [Measured("reminder", 0.0, 0.01), Measured("percent", 0.6, 0.02), Measured("points", 0.0, 0.01),
             Measured("gift", 0.0, 0.01)]  # fmt: skip
    choice = ladder.choose(people, Beliefs().fit(tests))
    names = np.array(RUNGS)[choice.rung]
    assert (set(names[::2]), set(names[1::2])) == ({"percent"}, {"nothing"})
    assert choice.gain[0] == pytest.approx(0.2 * 1_000 - 200 * 0.5)
