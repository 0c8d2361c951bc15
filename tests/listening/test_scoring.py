"""Figures worked out by hand, and known ones from the literature."""

import random

import pytest

from crm.listening import scoring


@pytest.mark.parametrize(
    ("happy", "answers", "low", "high"),
    [
        # p = 0.8, n = 10: (0.8 + 0.19207) / 1.38415 -+ 1.959964 * sqrt(0.016 + 0.009604) / 1.38415
        (8, 10, 0.490162, 0.943318),
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_share_has_wilsons_interval(happy, answers, low, high):
    score = scoring.share(happy, answers)
    assert score.value == happy / answers
    assert score.low == pytest.approx(low, abs=5e-5)
    assert score.high == pytest.approx(high, abs=5e-5)


def test_net_promoter_score_has_the_interval_of_rocks():
    # 10 down, 20 between, 70 up: n + 3 = 103, p- = 10.75/103, p+ = 70.75/103, middle = 60/103 = 0.582524
    # half = 1.959964 * sqrt((81.5/103 - 0.582524 ** 2) / 103) = 1.959964 * sqrt(0.451928 / 103) = 0.129828
    score = scoring.net_promoters(10, 20, 70)
    assert score.value == pytest.approx(60.0)
    assert score.low == pytest.approx(45.2696, abs=1e-3)
    assert score.high == pytest.approx(71.2353, abs=1e-3)


def test_net_promoter_score_never_leaves_its_scale():
    score = scoring.net_promoters(0, 0, 3)
    assert (score.value, score.high, score.is_enough) == (100.0, 100.0, False)
    assert score.low < 40


def test_three_answers_are_too_few_and_ten_are_enough():
    assert [scoring.share(n, n).is_enough for n in (3, 9, 10)] == [False, False, True]
    assert scoring.share(0, 0) is None
    assert scoring.net_promoters(0, 0, 0) is None


def test_feelings_follow_from_the_scales():
    assert [scoring.feeling("faces", score) for score in range(1, 6)] == ["bad", "bad", "fair", "good", "good"]
    assert [scoring.feeling("recommend", score) for score in range(11)] == ["bad"] * 7 + ["fair"] * 2 + ["good"] * 2


def test_the_interval_holds_the_truth_about_95_times_of_100():
    dice, held, runs = random.Random(5), 0, 2_000
    for _run in range(runs):
        drawn = dice.choices(("bad", "fair", "good"), (0.1, 0.2, 0.7), k=40)
        score = scoring.of("recommend", **{feeling: drawn.count(feeling) for feeling in ("bad", "fair", "good")})
        held += score.low <= 60 <= score.high
    assert 0.935 <= held / runs <= 0.97
