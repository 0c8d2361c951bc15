"""Print looking early and bandits beside what others do, in one run.

    python benchmarks/science_tests.py [looking] [bandits] [drawn] [--runs 400]

Everything is simulated from rates that are known, so nothing is read. Looking early: two versions with the visit rate of
Hillstrom's shop, 3,600 customers each, up to thirty looks; with no difference every call is a false one, with a fifth more
visits a call for the better version is right. Bandits: visits or orders lost against always sending the best version, within
10,000 messages. Drawn: versions drawn anew with lifts of 30 % (GrowthBook's prior), so that nothing can be tuned to them.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loyalty.estimators import bandit, sequential

RATE, MORE, EACH = 0.1062, 1.2, 3_600
ARMS = {
    "Hillstrom visit": ([0.1062, 0.1514, 0.1828], 33.0),
    "Hillstrom conversion": ([0.00573, 0.00884, 0.01253], 13.5),
    "0.5, nine of 0.4 (Chapelle, Li 2011)": ([0.5] + [0.4] * 9, 145.0),
    "0.9, 0.6 (Auer 2002)": ([0.9, 0.6], 5.6),
    "0.9, nine of 0.8 (Auer 2002)": ([0.9] + [0.8] * 9, 80.0),
}


def looking(runs: int) -> None:
    """Print false calls, power and people needed for each way of looking."""
    print(f"Looking early: {EACH} per version, rate {RATE}, {runs} runs; power for {MORE - 1:.0%} more")
    print(f"{'':34}{'false, 5 looks':>16}{'false, 30 looks':>17}{'power':>8}{'people each':>13}")
    began = time.perf_counter()
    paths = {
        (looks, ratio): _paths(looks, ratio, runs, seed=looks) for looks, ratio in ((5, 1.0), (30, 1.0), (30, MORE))
    }
    ways = {
        "fixed size, one look at the end": lambda looks: np.r_[np.full(looks - 1, np.inf), 1.959964],
        "naive, p < 0.05": lambda looks: np.full(looks, 1.959964),
        '"P(better) > 95 %"': lambda looks: np.full(looks, 1.644854),
        "mSPRT, tau 0.02": _msprt,
        "O'Brien-Fleming, 2.04 / 2.07": lambda looks: (
            {5: 2.04, 30: 2.07}[looks] / np.sqrt(np.arange(1, looks + 1) / looks)
        ),
        "ours: spending, any looks": lambda looks: sequential.bounds(np.arange(1, looks + 1) / looks),
        "ours, looks at odd times": None,
    }
    for name, limits in ways.items():
        if limits is None:
            kept = np.r_[np.sort(np.random.default_rng(1).choice(29, 12, replace=False)), 29]
            chosen = {30: (kept, sequential.bounds((kept + 1) / 30)), 5: (np.arange(5), sequential.bounds([0.2, 0.4, 0.6, 0.8, 1]))}
        else:
            chosen = {looks: (np.arange(looks), limits(looks)) for looks in (5, 30)}
        false = []
        for looks in (5, 30):
            columns, bounds = chosen[looks]
            false.append((np.abs(paths[looks, 1.0][:, columns]) >= bounds).any(axis=1).mean())
        columns, bounds = chosen[30]
        crossed = np.abs(paths[30, MORE][:, columns]) >= bounds
        first = np.where(crossed.any(axis=1), crossed.argmax(axis=1), len(columns) - 1)
        right = crossed.any(axis=1) & (paths[30, MORE][np.arange(runs), columns[first]] > 0)
        people = (columns[first] + 1).mean() * EACH / 30
        print(f"{name:34}{false[0]:16.4f}{false[1]:17.4f}{right.mean():8.4f}{people:13.0f}")
    drift = RATE * (MORE - 1) / np.sqrt(sum(rate * (1 - rate) for rate in (RATE, RATE * MORE)) / EACH)
    exact = sequential.power(np.arange(1, 31) / 30, drift=drift)
    print(f"ours, by integration instead of simulation: false 0.0500, power {exact:.4f}")
    print(f"standard error of a false rate {np.sqrt(0.05 * 0.95 / runs):.4f}, {time.perf_counter() - began:.1f} s\n")


def _paths(looks: int, ratio: float, runs: int, *, seed: int) -> np.ndarray:
    """Return z of every run at every look, [runs, looks]."""
    rng = np.random.default_rng(seed)
    step = EACH // looks
    one = rng.binomial(step, RATE, (runs, looks)).cumsum(axis=1)
    other = rng.binomial(step, RATE * ratio, (runs, looks)).cumsum(axis=1)
    people = step * np.arange(1, looks + 1)
    pooled = (one + other) / (2 * people)
    return (other - one) / people / np.sqrt(2 * np.maximum(pooled * (1 - pooled), 1e-9) / people)


def _msprt(looks: int, tau: float = 0.02) -> np.ndarray:
    """Return the z at which the mixture likelihood ratio reaches 20 (Johari, Pekelis, Walsh 2015)."""
    variance = 2 * RATE * (1 - RATE) / (EACH / looks * np.arange(1, looks + 1))
    return np.sqrt(2 * (variance + tau**2) / tau**2 * (np.log(20) + 0.5 * np.log((variance + tau**2) / variance)))


class Ucb1:
    """P. Auer, N. Cesa-Bianchi, P. Fischer (2002): the highest mean plus sqrt(2 ln t / n)."""

    def shares(self, events: np.ndarray, people: np.ndarray) -> np.ndarray:
        total = np.maximum(people.sum(axis=-1, keepdims=True), 1)
        index = events / np.maximum(people, 1) + np.sqrt(2 * np.log(total) / np.maximum(people, 1e-9))
        return _all_to_best(np.where(people == 0, np.inf, index))


class Epsilon:
    """The best so far, and one in ten at random."""

    def shares(self, events: np.ndarray, people: np.ndarray) -> np.ndarray:
        mean = np.where(people == 0, np.inf, events / np.maximum(people, 1))
        return 0.9 * _all_to_best(mean) + 0.1 / people.shape[-1]


class TestThenBest:
    """Thirty in a hundred of the messages evenly, then all to the best."""

    def shares(self, events: np.ndarray, people: np.ndarray) -> np.ndarray:
        if people.sum(axis=-1).max() < 3_000:
            return bandit.Even().shares(events, people)
        return _all_to_best(events / np.maximum(people, 1))


def _all_to_best(index: np.ndarray) -> np.ndarray:
    return np.eye(index.shape[-1])[index.argmax(axis=-1)]


# each is made with the rate of the first version, what the shop sent before
POLICIES = {
    "even": lambda base: bandit.Even(),
    "30 % test, then best": lambda base: TestThenBest(),
    "epsilon-greedy 0.1": lambda base: Epsilon(),
    "UCB1": lambda base: Ucb1(),
    "Thompson": lambda base: bandit.Thompson(),
    "Thompson, prior at base rate": bandit.Thompson,
    "ours: information-directed": bandit.InformationDirected,
    "ours, base rate unknown": lambda base: bandit.InformationDirected(),
}


def bandits(runs: int) -> None:
    """Print what each way of dealing loses, with its standard error."""
    print(f"Bandits: lost of 10,000 messages, {runs} runs; dealt anew at every message, later at every hundredth part")
    for name, (rates, goal) in ARMS.items():
        print(f"{name}, to reach {goal}")
        for way, make in POLICIES.items():
            began = time.perf_counter()
            lost = bandit.simulate(make(rates[0]), np.array(rates), runs=runs, batch=0.01, seed=3)
            error, worst = lost.std() / np.sqrt(runs), np.quantile(lost, 0.95)
            seconds = time.perf_counter() - began
            print(f"  {way:32}{lost.mean():8.1f} +- {error:<5.1f} one in twenty above {worst:7.1f} {seconds:6.1f} s")


def drawn(runs: int) -> None:
    """Print which part of an even split's loss each way of dealing has, in shops that nobody knew before."""
    rng = np.random.default_rng(2024)
    print("Versions drawn anew: base rate 1 % to 15 %, lifts of 30 %, part of what an even split loses")
    shops = [
        rate * np.exp(rng.normal(0, 0.3, count))
        for rate, count in zip(np.exp(rng.uniform(np.log(0.01), np.log(0.15), 12)), rng.integers(2, 5, 12))
    ]
    for name, make in POLICIES.items():
        parts = [
            bandit.simulate(make(rates[0]), rates, runs=runs, batch=0.03, seed=5).mean()
            / ((rates.max() - rates.mean()) * 10_000)
            for rates in shops
        ]
        print(f"  {name:32}{np.mean(parts):8.3f}")
    print("Twelve mailings of 400, results known one mailing late: part of what an even split loses")
    for name, make in {**POLICIES, "ours: for mailings": bandit.ForMailings}.items():
        parts = [
            bandit.simulate(make(rates[0]), rates, sends=4_800, runs=runs, batch=0, first=400, late=1, seed=6).mean()
            / ((rates.max() - rates.mean()) * 4_800)
            for rates in shops
        ]
        print(f"  {name:32}{np.mean(parts):8.3f}")


def main() -> None:
    asking = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asking.add_argument("what", nargs="*", help="looking, bandits, drawn; all where nothing is said")
    asking.add_argument("--runs", type=int, help="instead of 40,000, 400 and 60")
    asked = asking.parse_args()
    for name, show, runs in (("looking", looking, 40_000), ("bandits", bandits, 400), ("drawn", drawn, 60)):
        if name in (asked.what or (name,)):
            show(asked.runs or runs)


if __name__ == "__main__":
    main()
