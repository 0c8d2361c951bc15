"""Print what the uplift and offer estimators reach on public experiments, with their peers in the same run.

    python benchmarks/science_uplift.py [exact learners simulated evidence ...] [--data ../shared/data]

exact       every Hillstrom comparison: difference, interval, test
learners    Hillstrom, halves of ten seeds: Qini and uplift at 30 %, beside scikit-learn's T-learners
simulated   known effects on Hillstrom's customers and in drawn shops: how much of the best possible order each learner finds
evidence    Hillstrom: what an owner would be told of each offer and outcome
nulls       how often differences are seen where there are none: treatment permuted, and simulated shops
completion  Starbucks: who takes an offer up; learned at hour 504 from what was known then, asked of waves 504 and 576
policy      Starbucks: money per customer in 72 hours; learned on waves up to 336, valued on waves 408 to 576

Where scikit-uplift is on the path its Qini stands beside ours (`--sklift DIR` adds a folder it is installed in).
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import binom, rankdata
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loyalty.estimators import evaluate, uplift
from loyalty.estimators.offer_response import OfferResponse, Offers, Past, Usual, features
from loyalty.estimators.uplift.learners import fit_all
from loyalty.estimators.uplift.policy import ArmMeans

CLASSES = ["history_segment", "zip_code", "channel"]
PLAIN = ["recency", "history", "mens", "womens", "newbie"]
ARMS = {"womens": ["Womens E-Mail"], "mens": ["Mens E-Mail"], "any": ["Womens E-Mail", "Mens E-Mail"]}
OUTCOMES = ("visit", "conversion", "spend")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="default: all")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--permutations", type=int, default=100)
    parser.add_argument("--sklift", help="a folder with scikit-uplift")
    options = parser.parse_args()
    if options.sklift:
        sys.path.append(options.sklift)
    for name in options.sections or SECTIONS:
        began = time.perf_counter()
        print(f"\n== {name}")
        with threadpool_limits(1):
            SECTIONS[name](options)
        print(f"  section {time.perf_counter() - began:.1f} s", flush=True)


def hillstrom(data: Path, arm: str, outcome: str) -> uplift.Sends:
    """Read one e-mail against none as sends, one row a customer."""
    table = pd.read_csv(data / "hillstrom_email.csv.gz")
    table = table[table.segment.isin([*ARMS[arm], "No E-Mail"])]
    columns = pd.get_dummies(table[PLAIN + CLASSES], columns=CLASSES).astype(float)
    treated = table.segment.isin(ARMS[arm]).to_numpy()
    n, share = len(table), treated.mean() if arm == "any" else 0.5
    kinds, cell = np.unique(table.history_segment, return_inverse=True)
    return uplift.Sends(
        customer=np.arange(n), day=np.zeros(n, int), arm=treated.astype(int), arms=("nothing", arm),
        propensity=np.where(treated, share, 1 - share), outcome=table[outcome].to_numpy(float),
        profit=table["spend"].to_numpy(float), features=columns.to_numpy(), names=tuple(columns), cell=cell, cells=tuple(kinds),
    )  # fmt: skip


def exact(options) -> None:
    print(f"  {'':<20}{'sent':>9}{'left out':>10}{'effect':>10}  {'95 %':<22}{'z or t':>8}{'p':>10}")
    for arm in ARMS:
        for outcome in OUTCOMES:
            sends = hillstrom(options.data, arm, outcome)
            d = uplift.difference(sends.outcome, sends.arm == 1)
            print(
                f"  {arm + ', ' + outcome:<20}{d.treated_mean:>9.5f}{d.control_mean:>10.5f}{d.effect:>+10.5f}  "
                f"[{d.low:.5f}, {d.high:.5f}]   {d.statistic:>8.2f}{d.p:>10.1e}"
            )


def learners(options) -> None:
    for arm, outcome in (("womens", "visit"), ("mens", "visit"), ("womens", "conversion")):
        sends, found = hillstrom(options.data, arm, outcome), {}
        pair, theirs = sends.pair(1), None
        for seed in range(10):
            learn, test = train_test_split(np.arange(len(sends)), test_size=0.5, random_state=seed)
            y, treated, X = sends.outcome[test], pair.treated[test], sends.features[test]
            scores = {"peer: T-learner, logistic C 0.1": peer_logistic(pair, learn, test)}
            scores["peer: T-learner, boosting"] = peer_boosting(pair, learn, test)
            scores |= {f"ours: {name}": model.effects(X) for name, model in fit_all(pair.rows(learn)).items()}
            for name, score in scores.items():
                found.setdefault(name, []).append((uplift.qini(y, treated, score), uplift.uplift_at(y, treated, score, 0.3)))
            theirs = theirs or sklift_says(y, treated, scores["ours: averaged"], found["ours: averaged"][0])
        print(f"  {arm}, {outcome}: base uplift {uplift.overall_effect(sends, 1).effect:.4f}; ten seeds, mean +- sd")
        for name, rows in found.items():
            (q, top), (q_sd, top_sd) = np.mean(rows, 0), np.std(rows, 0)
            print(f"    {name:<34} Qini {q:.4f} +- {q_sd:.4f}   uplift@30 % {top:.4f} +- {top_sd:.4f}", flush=True)
        print(theirs)


def peer_logistic(pair, learn, test) -> np.ndarray:
    X = StandardScaler().fit(pair.sends.features[learn]).transform(pair.sends.features)
    return t_learner(lambda: LogisticRegression(C=0.1, max_iter=1000), X, pair, learn, test)


def peer_boosting(pair, learn, test) -> np.ndarray:
    kind = lambda: HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, max_leaf_nodes=8, random_state=0)  # noqa: E731
    return t_learner(kind, pair.sends.features, pair, learn, test)


def t_learner(kind, X, pair, learn, test) -> np.ndarray:
    sides = [learn[pair.treated[learn] == side] for side in (False, True)]
    none, one = (kind().fit(X[rows], pair.sends.outcome[rows]).predict_proba(X[test])[:, 1] for rows in sides)
    return one - none


def sklift_says(y, treated, score, ours) -> str:
    try:
        from sklift.metrics import qini_auc_score, uplift_at_k
    except ImportError:
        return "    scikit-uplift is not installed here"
    theirs = (qini_auc_score(y, score, treated.astype(int)), uplift_at_k(y, score, treated.astype(int), strategy="overall", k=0.3))
    return f"    scikit-uplift, seed 0, our score: Qini {theirs[0]:.10f}, @30 % {theirs[1]:.10f}; ours {ours[0]:.10f}, {ours[1]:.10f}"


def simulated(options) -> None:
    """Draw visits from what people do when left alone and a known effect; learn from some people, order the others."""
    for world, draw in (("Hillstrom's customers, 21,000 learned from", real_people(options.data)), ("drawn shops, 12,000 learned from", drawn_people)):
        found = {}
        for kind in KINDS:
            for seed in range(4):
                rng = np.random.default_rng((seed, KINDS.index(kind)))
                features, odds, share, learned = draw(rng)
                X, people = StandardScaler().fit_transform(features), len(features)
                truth = effect_of(kind, X, odds, rng)
                treated, order = rng.random(people) < share, rng.permutation(people)
                came = (rng.random(people) < np.clip(expit(odds) + treated * truth, 0, 1)).astype(float)
                pair = uplift.Sends(
                    customer=np.arange(people), day=np.zeros(people, int), arm=treated.astype(int), arms=("nothing", "mail"),
                    propensity=np.where(treated, share, 1 - share), outcome=came, profit=came, features=features,
                    names=tuple(map(str, range(X.shape[1]))), cell=np.zeros(people, int), cells=("all",),
                ).pair(1)  # fmt: skip
                learn, test = order[:learned], order[learned:]
                scores = {"peer: T-learner, logistic C 0.1": peer_logistic(pair, learn, test)}
                scores |= {f"ours: {name}": one.effects(features[test]) for name, one in fit_all(pair.rows(learn)).items()}
                best = uplift.gain(truth[test], truth[test], test).area
                for name, score in scores.items():
                    found.setdefault(name, {}).setdefault(kind, []).append(uplift.gain(truth[test], score, test).area / best)
        print(f"  {world}: share of the best possible order\n  {'':<34}" + "".join(f"{kind:>8}" for kind in KINDS) + f"{'mean':>8}")
        for name, by_kind in found.items():
            means = [np.mean(by_kind[kind]) for kind in KINDS if kind in by_kind]
            print(f"  {name:<34}" + "".join(f"{one:>8.2f}" for one in means) + f"{np.mean(means):>8.3f}", flush=True)


KINDS = ("anyway", "one", "two", "all", "odds", "cell", "step", "curve", "tires")


def real_people(data: Path):
    """Return a way to draw Hillstrom's customers with the odds of a visit of those left alone, learned in two ways."""
    sends = hillstrom(data, "any", "visit")
    X, alone = StandardScaler().fit_transform(sends.features), sends.arm == 0
    straight = LogisticRegression(C=0.1, max_iter=1000).fit(X[alone], sends.outcome[alone])
    trees = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=100, random_state=0)
    odds = [model.fit(X[alone], sends.outcome[alone]).decision_function(X) for model in (straight, trees)]
    return lambda rng: (sends.features, odds[rng.integers(2)], 0.5, 21_000)


def drawn_people(rng: np.random.Generator, n: int = 32_000):
    """Draw what a shop knows of its buyers (`loyalty.sends.NAMES`): heavy tails, and much that says the same."""
    age, rate = rng.uniform(30, 900, n), rng.gamma(0.8, 1 / 60, n)
    visits = 1 + rng.poisson(rate * age)
    order = np.exp(rng.normal(3.5, 0.6, n))
    usual = np.where(visits > 1, age / visits, 120) * np.exp(rng.normal(0, 0.2, n))
    quiet = np.minimum(rng.exponential(1.2 * usual), age)
    chance = 1 - np.exp(-30 * rate * np.exp(-0.25 * quiet / usual))
    features = np.column_stack([visits, visits * order, order, quiet, usual, quiet / usual, age, chance])
    seen = StandardScaler().fit_transform(np.log1p(features))
    odds = seen @ np.r_[0.3 * rng.normal(size=7), 0.8]
    odds = -1.8 + rng.uniform(0.5, 1) * (odds - odds.mean()) / odds.std()
    return features, odds, rng.choice([0.5, 0.7, 0.8]), 12_000


def effect_of(kind: str, X: np.ndarray, odds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if kind == "anyway":  # the same odds ratio for everybody: the effect follows what people do anyway
        return expit(odds + 0.45) - expit(odds)
    numbers = [place for place, column in enumerate(X.T) if len(np.unique(column)) > 10]

    def line(many: int) -> np.ndarray:
        weight = np.zeros(X.shape[1])
        weight[rng.choice(X.shape[1], many, replace=False)] = rng.normal(size=many)
        return (X @ weight) / (X @ weight).std()

    if kind == "odds":  # the odds ratio follows two properties
        return expit(odds + 0.45 * (1 + line(2) / 3)) - expit(odds)
    if kind == "cell":  # only where two properties come together
        follows = np.zeros(len(X), bool)
        while not follows.std():  # some flags never meet
            one, other = (X[:, place] > X[:, place].mean() for place in rng.choice(X.shape[1], 2, replace=False))
            follows = (one ^ (rng.random() < 0.5)) & (other ^ (rng.random() < 0.5))
    elif kind == "step":  # a number above a threshold
        column = X[:, rng.choice(numbers)]
        follows = (column > np.quantile(column, rng.uniform(0.15, 0.85))) * rng.choice([-1.0, 1.0])
    elif kind == "curve":  # most in the middle of a number, or least
        rank = rankdata(X[:, rng.choice(numbers)]) / len(X)
        follows = np.exp(-(((rank - rng.uniform(0.2, 0.8)) / 0.28) ** 2)) * rng.choice([-1, 1])
    elif kind == "tires":  # two properties, and more of them brings less and less
        follows = np.tanh(1.5 * line(2) + rng.random())
    else:
        follows = line({"one": 1, "two": 2, "all": X.shape[1]}[kind])
    return 0.045 + 0.015 * (follows - follows.mean()) / follows.std()


def evidence(options) -> None:
    for arm in ARMS:
        for outcome in ("visit", "conversion"):
            began = time.perf_counter()
            say(f"{arm}, {outcome}", uplift.choose(hillstrom(options.data, arm, outcome), 1), began)
    rng = np.random.default_rng(0)
    for arm in ("womens", "mens"):
        sends = hillstrom(options.data, arm, "visit")
        for size in (1_000, 4_900):
            began = time.perf_counter()
            say(f"{arm}, visit, {size} of them", uplift.choose(sends.rows(rng.choice(len(sends), size, False)), 1), began)


def say(what: str, told: uplift.Choice, began: float) -> None:
    interval = f"Qini {told.qini:+.4f} [{told.low:+.4f}, {told.high:+.4f}]" if told.qini is not None else "too few to learn"
    whole = told.whole
    print(f"  {what:<24} {told.kind:<8} {interval:<34} effect {whole.effect:+.4f} [{whole.low:+.4f}, {whole.high:+.4f}]"
          f"  {time.perf_counter() - began:.1f} s", flush=True)  # fmt: skip


def nulls(options) -> None:
    """Say how often `choose` sees a difference that is not there."""
    sends, times = hillstrom(options.data, "womens", "visit"), options.permutations
    for name, draw in (
        ("treatment permuted, 6,000 of women's visit", lambda rng: permuted(sends, rng)),
        ("simulated: the same effect on everybody", lambda rng: shop_without_difference(rng)),
    ):
        kinds = [uplift.choose(draw(np.random.default_rng(seed)), 1).kind for seed in range(times)]
        alarms = sum(kind in ("learned", "cells") for kind in kinds)
        most = int(binom.ppf(0.99, times, 0.05))
        print(f"  {name}: {alarms} of {times} told of a difference; at 5 % up to {most} would not surprise", flush=True)


def permuted(sends: uplift.Sends, rng: np.random.Generator) -> uplift.Sends:
    some = sends.rows(rng.choice(len(sends), 6_000, replace=False))
    return replace(some, arm=rng.permutation(some.arm), propensity=np.full(len(some), 0.5))


def shop_without_difference(rng: np.random.Generator, n: int = 6_000) -> uplift.Sends:
    X, cell, treated = rng.normal(size=(n, 6)), rng.integers(0, 5, n), rng.random(n) < 0.7
    base = 0.1 + 0.3 * expit(X[:, 0] + 0.5 * X[:, 1])
    came = (rng.random(n) < base + 0.05 * treated).astype(float)
    return uplift.Sends(
        customer=rng.integers(0, n // 2, n), day=np.zeros(n, int), arm=treated.astype(int), arms=("nothing", "mail"),
        propensity=np.where(treated, 0.7, 0.3), outcome=came, profit=came * 2_500, features=X, names=tuple("abcdef"),
        cell=cell, cells=tuple("vwxyz"), trial=rng.integers(0, 6, n),
    )  # fmt: skip


WAVES = np.array([0, 168, 336, 408, 504, 576]) / 24
END = 714 / 24


def starbucks(data: Path) -> tuple[Past, list[str], np.ndarray]:
    """Read the transcript: purchases, offers given with when they were opened and taken up, and the people."""
    events, terms = pd.read_csv(data / "starbucks_events.csv.gz"), pd.read_csv(data / "starbucks_portfolio.csv.gz")
    profile = pd.read_csv(data / "starbucks_profile.csv.gz")
    joined = pd.to_datetime(profile.became_member_on.astype(str), format="%Y%m%d")
    people = np.column_stack([
        profile.age.where(profile.age != 118), profile.income, (joined.max() - joined).dt.days,
        *((profile.gender == one) for one in "FMO"),
    ]).astype(float)  # fmt: skip
    events["row"] = events.person.map({person: row for row, person in enumerate(profile.id)})
    given = events[events.event == "offer received"].merge(terms, left_on="offer_id", right_on="id")
    given = given.sort_values(["row", "time"]).reset_index(drop=True)
    moments = {
        name: events[events.event == name].groupby(["row", "offer_id"]).time.apply(np.array).to_dict()
        for name in ("offer completed", "offer viewed")
    }
    inside = {name: [first_inside(moments[name], *row) for row in zip(given.row, given.offer_id, given.time, given.duration)]
              for name in moments}  # fmt: skip
    ways = sorted({way for one in terms.channels for way in one.split("|")})
    sorts, bought = sorted(terms.offer_type.unique()), events[events.event == "transaction"]
    offers = Offers(
        customer=given.row.to_numpy(), time=given.time.to_numpy() / 24, kind=given.offer_id.map(list(terms.id).index).to_numpy(),
        group=given.offer_type.map(sorts.index).to_numpy(), threshold=given.difficulty.to_numpy(float),
        reward=given.reward_y.to_numpy(float), days=given.duration.to_numpy(float),
        terms=np.array([[way in one.split("|") for way in ways] for one in given.channels], float),
        done=np.array(inside["offer completed"]) / 24, seen=np.array(inside["offer viewed"]) / 24,
    )  # fmt: skip
    past = Past(0.0, bought.row.to_numpy(), bought.time.to_numpy() / 24, bought.amount.to_numpy(), offers, people)
    return past, list(terms.id), given.offer_type.to_numpy() != "informational"


def first_inside(moments: dict, row: int, offer: str, time: int, days: int) -> float:
    mine = moments.get((row, offer))
    mine = mine[(mine >= time) & (mine <= time + days * 24)] if mine is not None else ()
    return float(mine[0]) if len(mine) else np.nan


def completion(options) -> None:
    past, _, real = starbucks(options.data)
    past = replace(past, offers=past.offers.rows(real))
    given = past.offers
    learn, test = given.rows(given.time <= WAVES[3] + 0.01), given.rows(given.time >= WAVES[4] - 0.01)
    happened = np.isfinite(test.done)
    watched = np.minimum(test.days, END - test.time)

    def line(name, chance):
        m, parts = evaluate.measures(happened, chance), []
        for wave in np.unique(test.time):
            mine = test.time == wave
            parts.append(f"{happened[mine].mean():.3f} came, {chance[mine].mean():.3f} told")
        print(f"  {name:<52} AUC {m['auc']:.4f}  Brier {m['brier']:.4f}  ECE {m['ece']:.4f}   {'; '.join(parts)}", flush=True)

    print(f"  {len(learn)} offers to learn from, {len(test)} to tell; the record ends {END - WAVES[5]:.2f} days after the last wave")
    X, Y = plain(past, learn), np.isfinite(learn.done)
    line("peer: boosting, whole labels (leaks past the cut)", HistGradientBoostingClassifier(random_state=0).fit(X, Y).predict_proba(plain(past, test))[:, 1])
    scale = StandardScaler().fit(np.nan_to_num(X))
    logistic = LogisticRegression(C=1.0, max_iter=2000).fit(scale.transform(np.nan_to_num(X)), Y)
    line("peer: logistic, whole labels (leaks past the cut)", logistic.predict_proba(scale.transform(np.nan_to_num(plain(past, test))))[:, 1])
    kind_share = np.array([Y[learn.kind == kind].mean() if (learn.kind == kind).any() else Y.mean() for kind in range(10)])
    line("baseline: each offer's own share", kind_share[test.kind])
    model = OfferResponse().fit(past, WAVES[4])
    line("ours, known at hour 504, for the days watched", model.chances(past, test, watched))
    line("ours, known at hour 504, for the days open", model.chances(past, test))


def plain(past: Past, offers: Offers) -> np.ndarray:
    """Return the usual columns of published notebooks: terms, person, orders, spend, mean, recency, earlier offers."""
    X = features(past, offers, offers.days, Usual.of(past, END))
    return np.hstack([X[:, [0, 1, 3, 6, 7, 9, 12]], X[:, -(past.people.shape[1] + offers.terms.shape[1]):], _counts(past, offers)])  # fmt: skip


def _counts(past: Past, offers: Offers) -> np.ndarray:
    given, columns = past.offers, []
    for moment in (given.time, given.done, given.seen):
        table = pd.DataFrame({"c": given.customer, "t": moment}).dropna().groupby("c").t.apply(np.array).to_dict()
        columns.append([int((table.get(c, np.empty(0)) < t).sum()) for c, t in zip(offers.customer, offers.time)])
    kinds = np.column_stack([offers.kind == kind for kind in range(10)])
    return np.column_stack([*columns, kinds]).astype(float)


def policy(options) -> None:
    past, kinds, _ = starbucks(options.data)
    sends = as_sends(past, kinds)
    learn, test = sends.rows(sends.day <= 14), sends.rows(sends.day >= 17)
    rule = uplift.decide(learn)
    capped = replace(learn, profit=np.minimum(learn.profit, np.quantile(learn.profit, 0.995)))
    ridge = ArmMeans().fit(capped)
    guess = ridge.predict(test.features)
    chosen = {
        "nothing": np.zeros(len(test), int),
        f"best one offer of the learning waves (arm {rule.arm})": np.full(len(test), rule.arm),
        "peer: boosted T-learner, the best for each": boosted_arms(capped, test).argmax(1),
        "ours: ridge, the best for each": guess.argmax(1),
        f"ours: the rule ({'for each' if rule.personal else 'one offer'})": rule.arms(test.features),
    }
    print(f"  learning waves: for each over one offer {rule.gain['dr']:+.2f} +- {rule.gain['dr_error']:.2f}")
    top = np.quantile(test.profit, 0.995)
    fixed = uplift.policy_value(test, np.full(len(test), rule.arm), guess)
    for name, arms in chosen.items():
        value = uplift.policy_value(test, arms, guess)
        capped_value = uplift.policy_value(replace(test, profit=np.minimum(test.profit, top)), arms, guess)
        more = value.minus(fixed)
        print(f"  {name:<52} {value.ips:6.2f} +- {value.ips_error:.2f} (capped {capped_value.ips:.2f}); doubly robust "
              f"{value.dr:.2f} +- {value.dr_error:.2f}; over one offer {more['ips']:+.2f} +- {more['ips_error']:.2f}")  # fmt: skip
    arms = [uplift.policy_value(test, np.full(len(test), arm), guess).ips for arm in range(11)]
    print(f"  best one offer in hindsight: arm {int(np.argmax(arms))}, {max(arms):.2f}")


def as_sends(past: Past, kinds: list[str]) -> uplift.Sends:
    """Return one row per customer and wave: what was drawn, and the money of the next 72 hours less rewards paid."""
    people = len(past.people)
    who, when = np.tile(np.arange(people), len(WAVES)), np.repeat(WAVES, people)
    arm = np.zeros(len(who), int)
    wave = np.searchsorted(WAVES, past.offers.time - 0.01)
    arm[wave * people + past.offers.customer] = past.offers.kind + 1
    money = np.zeros(len(who))
    paid = np.isfinite(past.offers.done)
    for customer, moment, amount in (
        (past.buyer, past.bought, past.amount),
        (past.offers.customer[paid], past.offers.done[paid], -past.offers.reward[paid]),
    ):
        for place, start in enumerate(WAVES):
            mine = (moment >= start) & (moment < start + 3)
            money += np.bincount(place * people + customer[mine], amount[mine], len(who))
    n = len(who)
    none = Offers(who, when, np.full(n, len(kinds)), np.full(n, 99), np.zeros(n), np.zeros(n), np.full(n, 3.0),
                  np.zeros((n, past.offers.terms.shape[1])), np.full(n, np.nan), np.full(n, np.nan))  # fmt: skip
    X = features(past, none, none.days, Usual.of(past.upto(WAVES[3]), WAVES[3]))
    return uplift.Sends(
        customer=who, day=when.astype(int), arm=arm, arms=("nothing", *kinds), propensity=np.where(arm == 0, 0.25, 0.075),
        outcome=(money > 0).astype(float), profit=money, features=X, names=tuple(map(str, range(X.shape[1]))),
        cell=np.zeros(n, int), cells=("all",), trial=np.repeat(np.arange(len(WAVES)), people),
    )  # fmt: skip


def boosted_arms(learn: uplift.Sends, test: uplift.Sends) -> np.ndarray:
    known = np.isfinite(learn.features).mean(0) > 0.01
    told = [
        HistGradientBoostingRegressor(max_iter=80, learning_rate=0.05, max_leaf_nodes=8, random_state=0)
        .fit(learn.features[learn.arm == arm][:, known], learn.profit[learn.arm == arm]).predict(test.features[:, known])
        for arm in range(len(learn.arms))
    ]  # fmt: skip
    return np.column_stack(told)


SECTIONS = {one.__name__: one for one in (exact, learners, simulated, evidence, nulls, completion, policy)}

if __name__ == "__main__":
    main()
