"""Who takes up an offer: chances from what was known before, for any number of days."""

from dataclasses import replace

import numpy as np
import pytest

from loyalty.estimators import evaluate
from loyalty.estimators.base import NotEnoughData
from loyalty.estimators.offer_response import OfferResponse, Offers, Past, Usual, features

KINDS = [(20.0, 5.0, 7.0, 0), (60.0, 10.0, 7.0, 0), (40.0, 5.0, 10.0, 1)]  # threshold, reward, days, sort


def shop(people: int = 450, waves: int = 6, seed: int = 0) -> tuple[Past, np.ndarray]:
    """Draw a shop where an offer is taken up when what somebody buys anyway reaches its threshold; waves 14 days apart."""
    rng = np.random.default_rng(seed)
    rate, worth = rng.gamma(1.5, 0.08, people), 18 * np.exp(0.5 * rng.normal(size=people))
    last = 30 + 14 * waves
    count = rng.poisson(rate * last)
    buyer = np.repeat(np.arange(people), count)
    bought = rng.uniform(0, last, len(buyer))
    amount = worth[buyer] * np.exp(0.3 * rng.normal(size=len(buyer)))
    customer, time = np.tile(np.arange(people), waves), np.repeat(30.0 + 14 * np.arange(waves), people)
    kind = rng.integers(0, 3, len(customer))
    threshold, reward, days, group = np.array(KINDS).T[:, kind]
    done = np.full(len(customer), np.nan)
    for row in range(len(customer)):
        mine = np.flatnonzero((buyer == customer[row]) & (bought >= time[row]) & (bought <= time[row] + days[row]))
        mine = mine[np.argsort(bought[mine])]
        reached = np.flatnonzero(np.cumsum(amount[mine]) >= threshold[row])
        if len(reached):
            done[row] = bought[mine[reached[0]]]
    seen = np.where(rng.random(len(customer)) < 0.6, time + 0.5, np.nan)
    offers = Offers(customer, time, kind, group.astype(int), threshold, reward, days, np.ones((len(customer), 1)), done, seen)
    age = np.where(rng.random(people) < 0.3, np.nan, rng.uniform(18, 80, people))
    return Past(0.0, buyer, bought, amount, offers, np.column_stack([age, np.full(people, np.nan)])), rate * worth


@pytest.fixture(scope="module")
def drawn():
    return shop()


@pytest.fixture(scope="module")
def learned(drawn):
    past, _ = drawn
    return OfferResponse().fit(past, 100.0)


def later(past: Past) -> Offers:
    return past.offers.rows(past.offers.time == 100.0)


def test_takers_are_found_and_chances_come_true(drawn, learned):
    past, _ = drawn
    told, happened = learned.chances(past, later(past)), np.isfinite(later(past).done)
    found = evaluate.measures(happened, told)
    share = np.array([np.isfinite(past.offers.done[(past.offers.kind == kind) & (past.offers.time < 90)]).mean() for kind in range(3)])
    plain = evaluate.measures(happened, share[later(past).kind])
    assert found["auc"] > plain["auc"] + 0.1
    assert found["brier"] < plain["brier"] - 0.02
    assert found["ece"] < 0.05


def test_fewer_days_are_less_likely(drawn, learned):
    past, _ = drawn
    offers = later(past)
    short = learned.chances(past, offers, np.full(len(offers), 3.0))
    assert short.mean() < 0.75 * learned.chances(past, offers).mean()
    came = np.isfinite(offers.done) & (offers.done <= offers.time + 3)
    assert short.mean() == pytest.approx(came.mean(), abs=0.05)


def test_whoever_spends_more_is_likelier(drawn, learned):
    past, spending = drawn
    told = learned.chances(past, later(past))
    usual = spending[later(past).customer]
    assert told[usual > np.quantile(usual, 0.8)].mean() > 2 * told[usual < np.quantile(usual, 0.2)].mean()


def test_nothing_after_its_own_moment_reaches_a_row(drawn):
    past, _ = drawn
    offers = later(past)
    usual = Usual.of(past.upto(100.0), 100.0)
    whole, known = (features(one, offers, offers.days, usual) for one in (past, past.upto(100.0)))
    assert np.allclose(whole, known, atol=1e-6, equal_nan=True)
    alone = features(past, offers.rows(np.array([7])), offers.days[[7]], usual)
    assert np.allclose(alone[0], whole[7], equal_nan=True)  # whoever else is asked about changes nothing


def test_what_came_later_is_not_known_earlier(drawn):
    past, _ = drawn
    known = past.upto(90.0)
    assert known.bought.max() < 90
    assert known.offers.time.max() < 90
    assert np.nanmax(known.offers.done) < 90
    taken = (past.offers.time < 90) & (past.offers.done >= 90)
    assert taken.sum() > 0
    assert np.isnan(known.offers.done).sum() == (np.isnan(past.offers.done) & (past.offers.time < 90)).sum() + taken.sum()


def test_few_offers_are_learned_by_a_line_alone():
    past, _ = shop(people=120, waves=3)
    model = OfferResponse().fit(past, 58.0)
    told = model.chances(past, past.offers.rows(past.offers.time == 58.0))
    assert model.model_.trees_ == []
    assert np.array_equal(OfferResponse().fit(past, 58.0).chances(past, past.offers.rows(past.offers.time == 58.0)), told)
    assert ((told > 0) & (told < 1)).all()


def test_too_few_offers_are_refused(drawn):
    past, _ = drawn
    few = replace(past, offers=past.offers.rows(np.arange(60)))
    with pytest.raises(NotEnoughData) as error:
        OfferResponse().fit(few, 100.0)
    assert error.value.as_json() == {"what": "rows", "have": 60, "need": 100}
    none = replace(past.offers, done=np.full(len(past.offers), np.nan))
    with pytest.raises(NotEnoughData) as error:
        OfferResponse().fit(replace(past, offers=none), 100.0)
    assert error.value.what == "of_each"
