"""What tells the unhappy from the happy: worked out by hand, and found where it was planted."""

import math
import random

import pytest

from crm.listening import terms

UNHAPPY = [
    "Sold out again",
    "It was sold out by noon",
    "The rye was sold out",
    "Waited an hour, the rye was sold out",
] * 4
HAPPY = ["Lovely bread and coffee", "The rye was lovely", "It was a good time", "Never waited an hour"] * 5


def test_words_pairs_and_chinese_runs_are_cut():
    assert terms.cut("Sold out, AGAIN at 5!") == {"sold", "out", "again", "sold out", "out again", "again at"}
    assert terms.cut("送货慢，很慢") == {"送货", "货慢", "送货慢", "很慢"}
    assert terms.cut("面包 is cold") == {"面包", "cold", "is cold"}


def test_log_odds_are_those_of_the_equations():
    # y = 18 of 200 against 2 of 300, prior 4 of 100: log(22/278) - log(6/394) over sqrt(1/22 + 1/6)
    expected = (math.log(22 / 278) - math.log(6 / 394)) / math.sqrt(1 / 22 + 1 / 6)
    assert terms.z_score(18, 200, 2, 300, prior=4, prior_total=100) == pytest.approx(expected)
    assert expected == pytest.approx((-2.536579 + 4.184591) / 0.460566, abs=1e-5)


def test_chance_is_fishers():
    # 4 of the 4 uses among 5 unhappy of 10 comments: C(5,4) * C(5,0) / C(10,4) = 5/210
    assert terms.exceeding(4, 4, 5, 10) == pytest.approx(5 / 210)
    # the lady tasting tea, 3 or 4 of 4: 17/70
    assert terms.exceeding(3, 4, 4, 8) == pytest.approx(17 / 70)


def test_the_phrase_stands_for_its_parts_and_common_words_drop_out():
    found = terms.telling(UNHAPPY, HAPPY)
    assert [(term.text, term.unhappy, term.happy) for term in found] == [("sold out", 16, 0)]


def test_too_few_comments_say_nothing():
    assert terms.telling(UNHAPPY[:9], HAPPY) == []
    assert terms.telling(UNHAPPY, HAPPY[:9]) == []
    assert terms.telling([], []) == []


def test_a_comment_counts_a_term_once():
    shouting = ["cold cold cold cold cold cold", *["fine"] * 15]  # six times, and five comments are needed
    assert terms.telling(shouting, ["fine"] * 20) == []


def test_chinese_needs_no_spaces():
    unhappy = ["送货太慢了", "这次送货太慢", "送货太慢，面包都硬了", "等了很久，送货太慢"] * 3
    happy = ["面包很好吃", "服务很好", "等了一会，很好吃", "送货很快"] * 4
    assert [term.text for term in terms.telling(unhappy, happy)] == ["送货太慢"]


def test_planted_words_are_found_and_chance_is_not():
    dice, found, wrong = random.Random(3), 0, 0
    words = [f"w{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(300)]
    weights = [1 / (n + 3) for n in range(300)]

    def comment(share: float) -> str:
        drawn = dice.choices(words, weights, k=10)
        return " ".join([*drawn, "cold"] if dice.random() < share else drawn)

    for _run in range(8):
        told = terms.telling([comment(0.3) for _ in range(120)], [comment(0.03) for _ in range(300)])
        found += any("cold" in term.text for term in told)
        wrong += sum("cold" not in term.text for term in told)
    assert (found, wrong <= 3) == (8, True)
