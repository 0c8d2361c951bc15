"""Bayesian networks: exact answers, structures found again, states that hold."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.estimators.network import answers, model, structure
from loyalty.estimators.network.states import Cuts
from loyalty.estimators.network.structure import Counted
from loyalty.estimators.network.tables import Impossible, Network, in_order

YES, NO = 0, 1
# S. Lauritzen, D. Spiegelhalter (1988), JRSS B 50(2): a visit to Asia, smoking, and what the doctor sees.
ASIA = Network(
    dict.fromkeys(("asia", "tub", "smoke", "lung", "bronc", "either", "xray", "dysp"), 2),
    {
        "asia": (), "tub": ("asia",), "smoke": (), "lung": ("smoke",), "bronc": ("smoke",), "either": ("lung", "tub"),
        "xray": ("either",), "dysp": ("bronc", "either"),
    },
    {
        "asia": [0.01, 0.99],
        "tub": [0.05, 0.95, 0.01, 0.99],
        "smoke": [0.5, 0.5],
        "lung": [0.1, 0.9, 0.01, 0.99],
        "bronc": [0.6, 0.4, 0.3, 0.7],
        "either": [1, 0, 1, 0, 1, 0, 0, 1],
        "xray": [0.98, 0.02, 0.05, 0.95],
        "dysp": [0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.1, 0.9],
    },
)  # fmt: skip


def by_hand(network: Network, names: tuple[str, ...], given: dict[str, int]) -> list[float]:
    """Add up the whole joint distribution, one world after the other."""
    every = list(network.sizes)
    found = dict.fromkeys(itertools.product(*(range(network.sizes[name]) for name in names)), 0.0)
    for states in itertools.product(*(range(size) for size in network.sizes.values())):
        world = dict(zip(every, states))
        if any(world[name] != state for name, state in given.items()):
            continue
        chance = 1.0
        for name in every:
            place = 0
            for one in (*network.parents[name], name):
                place = place * network.sizes[one] + world[one]
            chance *= network.tables[name][place]
        found[tuple(world[name] for name in names)] += chance
    total = sum(found.values())
    return [value / total for value in found.values()]


def test_asia_says_what_was_published():
    told = {name: round(ASIA.posterior(name)[YES], 9) for name in ASIA.sizes}
    assert told == {
        "asia": 0.01, "tub": 0.0104, "smoke": 0.5, "lung": 0.055, "bronc": 0.45, "either": 0.064828, "xray": 0.11029004,
        "dysp": 0.4359706,
    }  # fmt: skip
    assert ASIA.posterior("lung", {"smoke": YES})[YES] == pytest.approx(0.1, abs=1e-12)


def test_asia_says_what_adding_up_every_world_says():
    cases = [
        {}, {"asia": YES, "xray": YES}, {"asia": YES, "xray": YES, "dysp": YES, "smoke": NO}, {"dysp": YES},
        {"either": YES, "bronc": NO}, {"xray": NO, "lung": NO}, {"tub": NO, "lung": NO, "dysp": YES},
    ]  # fmt: skip
    for evidence in cases:
        for name in ASIA.sizes:
            assert ASIA.posterior(name, evidence) == pytest.approx(by_hand(ASIA, (name,), evidence), abs=1e-12)
    both = ASIA.joint(("lung", "bronc"), {"dysp": YES})
    assert both == pytest.approx(by_hand(ASIA, ("lung", "bronc"), {"dysp": YES}), abs=1e-12)


def test_what_cannot_be_is_refused():
    with pytest.raises(Impossible):
        ASIA.posterior("xray", {"lung": YES, "either": NO})
    with pytest.raises(ValueError, match="smoke has no state 2"):
        ASIA.posterior("xray", {"smoke": 2})
    with pytest.raises(ValueError, match="holiday has no state 0"):
        ASIA.posterior("xray", {"holiday": 0})


def test_a_network_that_is_none_is_refused():
    with pytest.raises(ValueError, match="in a circle among a, b"):
        Network({"a": 2, "b": 2}, {"a": ("b",), "b": ("a",)}, {"a": [0.5] * 4, "b": [0.5] * 4})
    with pytest.raises(ValueError, match="table of a does not fit"):
        Network({"a": 2}, {"a": ()}, {"a": [1.0]})
    with pytest.raises(ValueError, match="of the table of a does not add up"):
        Network({"a": 2}, {"a": ()}, {"a": [0.5, 0.6]})


def test_a_network_goes_through_json_unchanged():
    again = Network.from_json(json.loads(json.dumps(ASIA.as_json())))
    assert again == ASIA


def random_network(seed: int, names: int = 6) -> Network:
    rng = np.random.default_rng(seed)
    labels = [f"v{place}" for place in range(names)]
    sizes = {name: int(rng.integers(2, 4)) for name in labels}
    parents = {
        name: tuple(rng.choice(labels[:place], min(place, int(rng.integers(0, 4))), replace=False).tolist())
        for place, name in enumerate(labels)
    }
    tables = {}
    for name in labels:
        rows = int(np.prod([sizes[one] for one in parents[name]]))
        tables[name] = rng.dirichlet(np.full(sizes[name], 0.7), rows).ravel().tolist()
    return Network(sizes, parents, tables)


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_elimination_equals_enumeration_in_any_network(seed):
    network = random_network(seed)
    rng = np.random.default_rng(seed + 1)
    known = {name: int(rng.integers(0, size)) for name, size in network.sizes.items() if rng.random() < 0.4}
    for name in network.sizes:
        assert network.posterior(name, known) == pytest.approx(by_hand(network, (name,), known), abs=1e-9)


def drawn(network: Network, rows: int, seed: int = 0) -> np.ndarray:
    """Draw rows of states from a network, parents before children, [n, names]."""
    rng = np.random.default_rng(seed)
    found = {}
    for name in in_order(network.parents):
        size = network.sizes[name]
        place = np.zeros(rows, np.int64)
        for one in network.parents[name]:
            place = place * network.sizes[one] + found[one]
        table = np.array(network.tables[name]).reshape(-1, size)
        found[name] = (rng.random(rows)[:, None] > table.cumsum(1)[place][:, :-1]).sum(1)
    return np.column_stack([found[name] for name in network.sizes])


def counted(network: Network, rows: int, seed: int = 0) -> Counted:
    return Counted.of(tuple(network.sizes), tuple(network.sizes.values()), drawn(network, rows, seed))


def skeleton(parents: structure.Parents) -> set[frozenset]:
    return {frozenset((name, one)) for name, above in parents.items() for one in above}


def strong(parents: structure.Parents, sizes: dict[str, int]) -> Network:
    """Build a network whose arrows all matter: a state makes its own number in the child likelier, parents added up."""
    tables = {}
    for name, above in parents.items():
        size, rows = sizes[name], []
        for states in itertools.product(*(range(sizes[one]) for one in above)):
            row = np.ones(size)
            row[sum((place + 1) * state for place, state in enumerate(states)) % size] += 4.0
            rows.append(row / row.sum() if above else np.arange(2, size + 2) / np.arange(2, size + 2).sum())
        tables[name] = np.array(rows).ravel().tolist()
    return Network(sizes, parents, tables)


TREE = {"a": (), "b": ("a",), "c": ("a",), "d": ("c",), "e": ("c",), "f": ("e",)}
SPARSE = {"a": (), "b": (), "c": ("a", "b"), "d": ("c",), "e": ("c",), "f": (), "g": ("e", "f"), "alone": ()}


def test_chow_liu_finds_a_tree_again():
    network = strong(TREE, dict.fromkeys(TREE, 3))
    found = structure.tree(counted(network, 4_000))
    assert found == TREE
    other = structure.tree(counted(network, 4_000), root="e")
    assert skeleton(other) == skeleton(TREE)
    assert other["e"] == ()
    assert all(len(above) <= 1 for above in other.values())


def test_a_tree_has_no_branch_where_nothing_goes_together():
    rng = np.random.default_rng(0)
    noise = Counted.of(("a", "b", "c", "d"), (3, 3, 3, 3), rng.integers(0, 3, (2_000, 4)))
    assert structure.tree(noise) == dict.fromkeys("abcd", ())
    assert structure.climb(noise) == dict.fromkeys("abcd", ())


@pytest.mark.parametrize("seed", range(3))
def test_hill_climbing_finds_a_sparse_network_again(seed):
    network = strong(SPARSE, {**dict.fromkeys(SPARSE, 3), "a": 2, "f": 2})
    data = counted(network, 8_000, seed)
    found = structure.climb(data)
    assert skeleton(found) == skeleton(SPARSE)
    assert set(found["c"]) == {"a", "b"}  # two causes that meet cannot be turned round
    assert structure.score(data, found) >= structure.score(data, SPARSE)


def test_nothing_leaves_what_comes_last():
    data = counted(strong(SPARSE, dict.fromkeys(SPARSE, 3)), 4_000)
    found = structure.climb(data, last=("c",))
    assert all("c" not in above for above in found.values())
    in_order(found)


def test_the_score_adds_up_over_families_and_does_not_care_which_way_a_lone_arrow_points():
    data = counted(strong(TREE, dict.fromkeys(TREE, 3)), 2_000)
    parents = {name: tuple(above) for name, above in TREE.items()}
    changed = parents | {"f": ("e", "a")}
    difference = structure.score(data, changed) - structure.score(data, parents)
    assert difference == pytest.approx(data.bic("f", ("e", "a")) - data.bic("f", ("e",)))
    one_way = data.bic("a", ()) + data.bic("b", ("a",))
    assert one_way == pytest.approx(data.bic("b", ()) + data.bic("a", ("b",)))
    assert data.bic("f", ("e", "a")) == data.bic("f", ("a", "e"))


def test_the_score_is_that_of_the_book():
    """Two by two: 30, 10, 20, 40 of a hundred."""
    codes = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], [30, 10, 20, 40], axis=0)
    data = Counted.of(("a", "b"), (2, 2), codes)
    log_likelihood = 30 * np.log(30 / 40) + 10 * np.log(10 / 40) + 20 * np.log(20 / 60) + 40 * np.log(40 / 60)
    assert data.bic("b", ("a",)) == pytest.approx(log_likelihood - np.log(100))
    together = 0.3 * np.log(0.3 / 0.2) + 0.1 * np.log(0.1 / 0.2) + 0.2 * np.log(0.2 / 0.3) + 0.4 * np.log(0.4 / 0.3)
    assert data.information("a", "b") == pytest.approx(together)


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_arrows_never_run_in_a_circle(seed):
    data = counted(random_network(seed), 300, seed)
    for arrows in structure.WAYS.values():
        found = arrows(data, "v3")
        assert len(in_order(found)) == len(data.names)
        assert found == arrows(counted(random_network(seed), 300, seed), "v3")


def test_more_than_twelve_names_are_refused():
    data = Counted.of(tuple("abcdefghijklm"), (2,) * 13, np.zeros((10, 13)))
    with pytest.raises(ValueError, match="up to 12 names, not 13"):
        structure.climb(data)


def test_a_classifier_hangs_everything_on_its_target():
    data = counted(strong(TREE, dict.fromkeys(TREE, 3)), 2_000)
    found = structure.classifier(data, "a")
    assert found["a"] == ()
    assert all("a" in above and len(above) <= 2 for name, above in found.items() if name != "a")
    assert set(found["d"]) == {"a", "c"}


def test_the_parents_that_tell_most_are_found():
    data = counted(strong(SPARSE, {**dict.fromkeys(SPARSE, 3), "a": 2, "f": 2}), 8_000)
    found = structure.telling(data, "g")
    assert set(found.pop("g")) == {"e", "f"}
    assert set(found.values()) == {()}
    assert structure.telling(data, "alone") == dict.fromkeys(SPARSE, ())


def test_chances_are_learned_and_what_was_never_seen_is_told_as_usual():
    codes = np.repeat([[0, 0], [0, 1], [1, 0]], [60, 20, 20], axis=0)  # the third state of the first: nobody
    found = model.learn(Counted.of(("a", "b"), (3, 2), codes), {"a": (), "b": ("a",)}, strength=5)
    usual = (80 + 0.5) / 101
    assert found.tables["a"] == pytest.approx([(80 + 1 / 3) / 101, (20 + 1 / 3) / 101, (1 / 3) / 101])
    assert found.posterior("b", {"a": 0})[0] == pytest.approx((60 + 5 * usual) / 85)
    assert found.posterior("b", {"a": 2})[0] == pytest.approx(usual)
    with pytest.raises(ValueError, match="outside of those told"):
        Counted.of(("a",), (2,), np.array([[2]]))


def test_with_everything_known_the_quick_way_equals_elimination():
    network = random_network(11)
    codes = drawn(network, 60, 1)
    told = model.chances(network, "v2", {name: codes[:, place] for place, name in enumerate(network.sizes)})
    for row, found in zip(codes.tolist(), told.tolist()):
        others = {name: state for name, state in zip(network.sizes, row) if name != "v2"}
        assert found == pytest.approx(network.posterior("v2", others), abs=1e-9)


def test_the_simplest_way_that_tells_the_target_best_is_chosen():
    tree_like = strong(TREE, {**dict.fromkeys(TREE, 3), "f": 2})
    codes = drawn(tree_like, 3_000)
    found = model.choose(tuple(TREE), tuple(tree_like.sizes.values()), codes, "f")
    assert found.way == "tree"
    assert found.network.posterior("f", {"e": 1}) == pytest.approx(tree_like.posterior("f", {"e": 1}), abs=0.03)
    twisted = {"a": (), "b": (), "f": ("a", "b")}  # f says whether a and b differ: no tree can tell
    table = [0.9, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1]
    network = Network(dict.fromkeys("abf", 2), twisted, {"a": [0.5, 0.5], "b": [0.5, 0.5], "f": table})
    found = model.choose(("a", "b", "f"), (2, 2, 2), drawn(network, 3_000), "f")
    assert found.way == "classifier"
    assert found.network.posterior("f", {"a": 1, "b": 1})[0] == pytest.approx(0.9, abs=0.02)


def test_a_network_that_leaves_something_out_is_worth_less():
    table = [0.9, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1]  # f says whether a and b differ
    truth = Network(dict.fromkeys("abf", 2), {"a": (), "b": (), "f": ("a", "b")}, {"a": [0.5] * 2, "b": [0.5] * 2, "f": table})
    data = counted(truth, 2_000)
    assert model.worth(model.learn(data, truth.parents), data, "f") == 1_000
    assert model.worth(model.learn(data, {"a": (), "b": (), "f": ("a",)}), data, "f") == 5
    assert model.worth(model.learn(data, truth.parents), Counted.of(data.names, data.sizes, np.zeros((9, 3))), "f") == 5


def test_the_corrected_answer_is_nearer_than_counting_and_its_range_holds_the_truth():
    """Networks drawn at random, a thousand rows each; up to three things known, as people were who were really there."""
    off = {"counted": [], "told": [], "weighed": []}
    held = []
    for seed in range(8):
        truth = random_network(seed, names=7)
        truth = Network({**truth.sizes, "v6": 2}, truth.parents, {**truth.tables, "v6": _halved(truth, "v6")})
        codes, names, rng = drawn(truth, 1_000, seed), tuple(truth.sizes), np.random.default_rng(seed)
        found = model.choose(names, tuple(truth.sizes.values()), codes, "v6")
        worth = model.worth(found.network, found.counted, "v6")
        for _ in range(30):
            row = codes[rng.integers(len(codes))]
            known = {names[place]: int(row[place]) for place in rng.choice(6, int(rng.integers(1, 4)), replace=False)}
            alike = np.all([codes[:, names.index(name)] == state for name, state in known.items()], axis=0)
            rows, hits = int(alike.sum()), int(codes[alike, 6].sum())
            if rows < 30:
                continue
            true, told = truth.posterior("v6", known)[1], found.network.posterior("v6", known)[1]
            share = answers.weighed(told, worth, rows=rows, hits=hits)
            low, high = answers.wilson(share, rows)
            held.append(low <= true <= high)
            for name, value in (("counted", hits / rows), ("told", told), ("weighed", share)):
                off[name].append((value - true) ** 2)
    assert len(held) > 150
    assert np.mean(held) > 0.9
    assert np.mean(off["weighed"]) < 0.75 * np.mean(off["counted"])
    assert np.mean(off["weighed"]) < 1.2 * np.mean(off["told"])  # where the structure is right nothing is gained


def _halved(network: Network, name: str) -> list[float]:
    """Return a table of two states in place of any: the first against all others."""
    rows = np.array(network.tables[name]).reshape(-1, network.sizes[name])
    return np.column_stack([rows[:, 0], rows[:, 1:].sum(1)]).ravel().tolist()


def test_the_range_is_wilsons():
    """Wilson 1927 by hand: 10 of 50 at 1.645 standard errors."""
    low, high = answers.wilson(0.2, 50)
    for end in (low, high):
        assert abs(0.2 - end) == pytest.approx(1.645 * np.sqrt(end * (1 - end) / 50))
    assert low < 0.2 < high
    assert answers.weighed(0.4, 100, rows=300, hits=30) == pytest.approx((40 + 30) / 400)


def test_the_same_rows_give_the_same_network():
    codes = drawn(random_network(5), 500)
    network = random_network(5)
    names, sizes = tuple(network.sizes), (2, *tuple(network.sizes.values())[1:])
    codes[:, 0] = np.minimum(codes[:, 0], 1)
    first, second = (model.choose(names, sizes, codes, "v0") for _ in range(2))
    assert first.network == second.network


def test_numbers_become_states_of_about_the_same_number_of_people():
    cuts = Cuts(4).fit(np.arange(1, 101))
    assert cuts.edges_ == [25, 50, 75]
    assert np.bincount(cuts.of(np.arange(1, 101))).tolist() == [25, 25, 25, 25]
    once = Cuts(4).fit(np.repeat([1, 2, 3, 4, 5, 9], [600, 150, 90, 60, 60, 40]))
    assert once.edges_ == [1, 2, 4]
    assert once.of(np.array([0, 1, 2, 3, 4, 5, 1_000])).tolist() == [0, 0, 1, 2, 2, 3, 3]
    assert Cuts(4).fit(np.full(50, 7)).edges_ == []
    assert Cuts(4).fit(np.array([])).size == 1
    assert Cuts(3, digits=2).fit(np.array([12.0, 1_234.0, 98_765.0])).edges_ == [12.0, 1_300.0]
