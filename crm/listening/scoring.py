"""How satisfied customers are, from what they answered, with the interval in which the truth lies 95 times in 100.

Plain functions of counts: no Django, no dice.

- The share of happy answers: Wilson's score interval (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212), which stays
  within 0 and 1 and is right for few answers, where the textbook interval (share plus or minus two standard errors)
  is not.
- The net promoter score, the share of 9 and 10 less the share of 0 to 6: the adjusted Wald interval of Rocks (2016, The
  American Statistician 70, 365-372): three answers are added, a quarter of them at either end and half in between;
  around the score of these stands the usual interval of a mean of -1, 0 and 1.
"""

import math
from dataclasses import dataclass

FEWEST = 10  # answers from which a score is said; below, only that there are too few
FEWEST_COMPARED = 30  # answers from which a product or group is set beside others
BAD, FAIR, GOOD = "bad", "fair", "good"
TOP = {"faces": 5, "recommend": 10}
_Z = 1.959964  # of a normal distribution 95 of 100 lie within so many standard deviations
_ADDED = 3


@dataclass(frozen=True)
class Score:
    """`value`, `low` and `high` are shares from 0 to 1 for faces, from -100 to 100 for recommending."""

    answers: int
    value: float
    low: float
    high: float

    @property
    def is_enough(self) -> bool:
        return self.answers >= FEWEST


def feeling(asks: str, score: int) -> str:
    """Return bad, fair or good: faces 1-2, 3, 4-5; recommending 0-6, 7-8, 9-10."""
    bad, good = (2, 4) if asks == "faces" else (6, 9)
    return BAD if score <= bad else GOOD if score >= good else FAIR


def share(happy: int, answers: int) -> Score | None:
    """Return the share of happy answers with Wilson's interval; None without answers."""
    if not answers:
        return None
    p, z2 = happy / answers, _Z**2
    middle = (p + z2 / (2 * answers)) / (1 + z2 / answers)
    half = _Z * math.sqrt(p * (1 - p) / answers + z2 / (4 * answers**2)) / (1 + z2 / answers)
    return Score(answers, p, max(0.0, middle - half), min(1.0, middle + half))


def net_promoters(detractors: int, passives: int, promoters: int) -> Score | None:
    """Return the net promoter score with the interval of Rocks; None without answers."""
    answers = detractors + passives + promoters
    if not answers:
        return None
    n = answers + _ADDED
    down, up = (detractors + _ADDED / 4) / n, (promoters + _ADDED / 4) / n
    middle = up - down
    half = _Z * math.sqrt((up + down - middle**2) / n)
    value = (promoters - detractors) / answers
    return Score(answers, 100 * value, 100 * max(-1.0, middle - half), 100 * min(1.0, middle + half))


def of(asks: str, *, bad: int, fair: int, good: int) -> Score | None:
    """Return the score of a question from how many felt what."""
    return share(good, bad + fair + good) if asks == "faces" else net_promoters(bad, fair, good)
