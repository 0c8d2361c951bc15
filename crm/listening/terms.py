"""Words and phrases that unhappy people use more than happy ones: log-odds with an informative Dirichlet prior.

Ranked after Monroe, Colaresi and Quinn (2008), Fightin' Words, Political Analysis 16, 372-403, equations 15, 16, 19
and 22. Every term starts from how often everybody uses it (the prior, `PRIOR` uses of terms), so that a rare word
needs more than one angry customer, and common words, which both use alike, drop out without a list of them. A comment
counts a term once, however often it repeats it.

Shown is what Fisher's exact test of comments with and without the term finds beyond chance; of all that is shown, about
`FALSE_SHARE` may be chance all the same (Benjamini and Hochberg 1995).

Texts are cut into words and pairs of words; Chinese and Japanese, which write no spaces, into runs of two to four
letters. Plain functions: no Django, no dice.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

FEWEST_COMMENTS = 10  # on either side, before anything is said
FEWEST_USES = 5  # comments that hold a term, before it is looked at
FALSE_SHARE = 0.1
PRIOR = 50.0
_PIECES = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+|[^\W\d_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+(?:['’][^\W\d_]+)?"
)
_SHORTEST_WORD, _RUNS = 3, (2, 3, 4)
_SAME = 0.8  # a term is not shown if so much of its unhappy use stands in comments of those shown before


@dataclass(frozen=True)
class Term:
    """`z`: how many standard deviations its log-odds are from nothing; `chance`: the probability of so many unhappy
    uses where both use it alike; uses are numbers of comments.
    """

    text: str
    z: float
    chance: float
    unhappy: int
    happy: int


def cut(text: str) -> set[str]:
    """Return the terms of a text, each once."""
    terms, words = set(), []
    for piece in _PIECES.findall(text.casefold()):
        if _is_cjk(piece[0]):
            terms |= {piece[at : at + run] for run in _RUNS for at in range(len(piece) - run + 1)}
            words.append("")
        else:
            words.append(piece.replace("’", "'"))
    terms |= {word for word in words if len(word) >= _SHORTEST_WORD}
    return terms | {f"{one} {other}" for one, other in pairwise(words) if one and other}


def telling(unhappy: Sequence[str], happy: Sequence[str], *, most: int = 12) -> list[Term]:
    """Return the terms that tell the unhappy from the happy, the strongest first; none where comments are too few."""
    n_bad, n_good = len(unhappy), len(happy)
    if min(n_bad, n_good) < FEWEST_COMMENTS:
        return []
    bad, good = _counted(unhappy), _counted(happy)
    both = Counter({term: bad[term] + good[term] for term in {*bad, *good}})
    total = sum(both.values())
    total_bad, total_good = sum(bad.values()), sum(good.values())
    found = []
    for term, uses in both.items():
        if uses >= FEWEST_USES:
            z = z_score(bad[term], total_bad, good[term], total_good, prior=PRIOR * uses / total, prior_total=PRIOR)
            chance = exceeding(bad[term], uses, n_bad, n_bad + n_good)
            found.append(Term(term, z, chance, bad[term], good[term]))
    return _apart(_beyond_chance(found), unhappy, most=most)


def exceeding(unhappy: int, uses: int, n_unhappy: int, comments: int) -> float:
    """Return the chance of at least so many unhappy ones among the comments that hold a term (Fisher 1935).

    1 where they are no more than their share: such a term tells nothing.
    """
    if unhappy * comments <= uses * n_unhappy:
        return 1.0
    n_happy = comments - n_unhappy
    chance = math.exp(_ways(n_unhappy, unhappy) + _ways(n_happy, uses - unhappy) - _ways(comments, uses))
    total, found = chance, unhappy
    while found < min(uses, n_unhappy) and chance > total * 1e-12:
        chance *= (n_unhappy - found) * (uses - found) / ((found + 1) * (n_happy - uses + found + 1))
        total, found = total + chance, found + 1
    return total


def _ways(whole: int, chosen: int) -> float:
    """Return the logarithm of in how many ways so many can be chosen."""
    return math.lgamma(whole + 1) - math.lgamma(chosen + 1) - math.lgamma(whole - chosen + 1)


def z_score(y_one: int, n_one: int, y_other: int, n_other: int, *, prior: float, prior_total: float) -> float:
    """Return how far the log-odds of a term lie apart, in standard deviations (equations 16, 19 and 22).

    `y`: uses of the term, `n`: uses of all terms, `prior` and `prior_total` the same of the prior.
    """

    def log_odds(y: int, n: int) -> float:
        return math.log((y + prior) / (n + prior_total - y - prior))

    variance = 1 / (y_one + prior) + 1 / (y_other + prior)
    return (log_odds(y_one, n_one) - log_odds(y_other, n_other)) / math.sqrt(variance)


def _counted(texts: Iterable[str]) -> Counter[str]:
    uses: Counter[str] = Counter()
    for text in texts:
        uses.update(cut(text))
    return uses


def _beyond_chance(terms: Sequence[Term]) -> list[Term]:
    """Return the terms the unhappy use more, as many as keep chance finds few."""
    ranked, kept = sorted(terms, key=lambda term: term.chance), 0
    for rank, term in enumerate(ranked, start=1):
        if term.chance <= FALSE_SHARE * rank / len(ranked):
            kept = rank
    return ranked[:kept]


def _apart(terms: Sequence[Term], unhappy: Sequence[str], *, most: int) -> list[Term]:
    """Return terms that each speak of other comments than those before them: parts of one phrase say the same thing."""
    by_text = {term.text: set() for term in terms}
    for at, comment in enumerate(unhappy):
        for text in cut(comment) & by_text.keys():
            by_text[text].add(at)
    shown, told = [], set()
    for term in sorted(terms, key=lambda term: (-term.z, term.text)):
        comments = by_text[term.text]
        if len(comments & told) < _SAME * len(comments):
            fuller = [
                one
                for one in terms
                if term.text in one.text and len(by_text[one.text] & comments) >= _SAME * len(comments)
            ]
            shown.append(max(fuller, key=lambda one: (len(one.text), one.text)))
            told |= comments
        if len(shown) == most:
            break
    return shown


def _is_cjk(letter: str) -> bool:
    return "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u4dbf" or "\u4e00" <= letter <= "\u9fff"
