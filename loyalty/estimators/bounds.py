"""How sure a counted figure is, in closed form: plain arithmetic that a page may do.

Wilson's interval for shares: E. Wilson (1927), JASA 22. The error of an AUC: J. Hanley, B. McNeil (1982), Radiology
143. Differences of shares with one success and one failure added to each: A. Agresti, B. Caffo (2000), American
Statistician 54. The same cases tried twice: Q. McNemar (1947), Psychometrika 12.
"""

from math import sqrt

WIDE = 1.959964  # standard errors on either side that hold the truth 95 times of 100
EIGHT_OF_TEN = 1.2816  # the same, 8 times of 10


def share(hits: float, of: int, wide: float = WIDE) -> tuple[float, float]:
    """Return the low and the high end of a share."""
    if not of:
        return 0.0, 1.0
    seen, spread = hits / of, wide**2 / of
    middle = (seen + spread / 2) / (1 + spread)
    half = wide * sqrt(seen * (1 - seen) / of + spread / (4 * of)) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def gap(hits: int, of: int, other_hits: int, other_of: int, wide: float = WIDE) -> tuple[float, float]:
    """Return the low and the high end of the difference of two shares (R. Newcombe 1998, Statistics in Medicine 17)."""
    if not of or not other_of:
        return -1.0, 1.0
    one, other = hits / of, other_hits / other_of
    (low, high), (other_low, other_high) = share(hits, of, wide), share(other_hits, other_of, wide)
    below = sqrt((one - low) ** 2 + (other_high - other) ** 2)
    above = sqrt((high - one) ** 2 + (other - other_low) ** 2)
    return one - other - below, one - other + above


def auc(area: float, cases: int, others: int) -> tuple[float, float]:
    """Return the low and the high end of an AUC measured on so many cases and others."""
    if not cases or not others:
        return 0.0, 1.0
    both_above, both_below = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (cases - 1) * (both_above - area**2) + (others - 1) * (both_below - area**2)
    half = WIDE * sqrt(max(area * (1 - area) + spread, 0.0) / (cases * others))
    return max(area - half, 0.0), min(area + half, 1.0)


def lead(first: int, second: int, of: int) -> float:
    """Return by how many standard errors one share is ahead of another, each of `of` separate cases."""
    if not of:
        return 0.0
    one, other = (first + 1) / (of + 2), (second + 1) / (of + 2)
    return (one - other) / sqrt((one * (1 - one) + other * (1 - other)) / (of + 2))


def paired_lead(only_first: int, only_second: int) -> float:
    """Return the same where both were tried on the same cases: only those on which they differ tell (McNemar)."""
    apart = only_first + only_second
    return (only_first - only_second) / sqrt(apart) if apart else 0.0
