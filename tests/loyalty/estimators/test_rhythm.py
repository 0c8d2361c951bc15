"""Personal clocks: regularity found, chance not mistaken for it, the silence of a punctual customer heard early."""

import numpy as np
import pytest

from loyalty.estimators import evaluate, simulate
from loyalty.estimators.base import counts_between, summarise
from loyalty.estimators.buying import MbgNbd
from loyalty.estimators.rhythm import Rhythm, regularity


@pytest.mark.parametrize(("true", "low", "high"), [(1.0, 0.8, 1.25), (4.0, 3.2, 5.0), (12.0, 9.0, 15.0)])
def test_regularity_is_found(true, low, high):
    history, _ = simulate.clockwork(customers=600, days=900, gap=25, regularity=true, stay=500, seed=1)
    assert low < regularity(history) < high


def test_few_pairs_of_gaps_are_taken_for_chance():
    history, _ = simulate.clockwork(customers=8, days=100, gap=25, regularity=12, seed=1)
    assert regularity(history) == 1.0


def test_usual_gaps_come_close_to_the_true_ones():
    history, truth = simulate.clockwork(customers=800, days=900, gap=25, regularity=8, stay=600, seed=2)
    s = summarise(history)
    told = Rhythm().fit(history, s).mean_gap(s)
    many = s.visits >= 5
    assert np.median(np.abs(np.log(told / truth["gap"][s.customer]))[many]) < 0.12


def test_in_a_clockwork_shop_it_beats_the_model_without_a_clock():
    history, _ = simulate.clockwork(customers=1_500, days=640, gap=25, regularity=12, stay=260, seed=2)
    past = history.upto(580)
    s = summarise(past)
    came, _ = counts_between(history, 581, 640)
    left = came[s.customer] == 0
    ours = Rhythm().fit(past, s).no_purchase(s, 60)
    theirs = MbgNbd().fit(s.repeats, s.recency, s.age).no_purchase(s.repeats, s.recency, s.age, 60)
    assert evaluate.log_losses(left, ours).mean() < 0.9 * evaluate.log_losses(left, theirs).mean()
    assert ours.mean() == pytest.approx(left.mean(), abs=0.03)


def test_silence_costs_a_punctual_customer_more_trust():
    history, _ = simulate.clockwork(customers=600, days=640, gap=25, regularity=12, stay=260, seed=3)
    s = summarise(history)
    model = Rhythm().fit(history, s)
    alive = model.alive(s)
    often = s.visits >= 5
    late = s.quiet > 3 * model.mean_gap(s)
    assert alive[often & late].max() < 0.1
    assert alive[often & (s.quiet < 0.5 * model.mean_gap(s))].min() > 0.8
    assert np.all(model.no_purchase(s, 90) <= model.no_purchase(s, 30) + 1e-12)
