"""How much of the coupons' discounts went to people who would have bought anyway."""

from typing import TYPE_CHECKING

from loyalty.estimators.bounds import EIGHT_OF_TEN

if TYPE_CHECKING:  # NumPy is loaded by the night run only
    import numpy as np

    from loyalty.estimators.base import History
    from loyalty.estimators.ladder import Beliefs
    from loyalty.estimators.rhythm import Rhythm
    from loyalty.estimators.uplift import Sends

WASTE = "coupon_waste"
WEEK = 7
DRAWS = 2_000
ENDS = (0.1, 0.9)  # of the draws, that hold the middle 8 of 10


def waste(
    today: "History", rhythm: "Rhythm", *, redeemed, beliefs: "Beliefs", sends: "Sends | None",
    trials: dict[int, list[int]], window: int,
) -> dict[str, dict]:
    """Return for each coupon what it gave, and between what and what of it was not needed.

    Where some people were left out of the campaign that carried it, they tell how many would have come anyway.
    Elsewhere each buyer's own rhythm does: the low end is the chance p that they would have ordered in those days by
    themselves; the high end p / p', the share of those who came with the offer that had come without it, if it does
    what we believe.
    """
    import numpy as np

    if not redeemed.coupon:
        return {}
    coupon, discount = np.array(redeemed.coupon), np.array(redeemed.discount, np.float64)
    alone, with_offer = _chances(today, rhythm, redeemed, beliefs, window)
    rows = []
    for one in np.unique(coupon).tolist():
        mine = coupon == one
        given = float(discount[mine].sum())
        share = _by_left_out(sends, trials.get(one, []))
        if share is not None:
            low, high, how = share[0] * given, share[1] * given, "left_out"
        else:
            p, after = alone[mine], with_offer[mine]
            spread = float(np.sqrt((discount[mine] ** 2 * p * (1 - p)).sum()))
            low = max(float((discount[mine] * p).sum()) - EIGHT_OF_TEN * spread, 0.0)
            high = min(float((discount[mine] * p / np.maximum(after, 1e-6)).sum()) + EIGHT_OF_TEN * spread, given)
            how = "rhythm"
        rows.append(
            {"coupon": one, "name": redeemed.names.get(one, ""), "uses": int(mine.sum()), "given": round(given),
             "people": len(set(np.array(redeemed.contact)[mine].tolist())), "low": round(low), "high": round(high),
             "how": how}
        )  # fmt: skip
    rows.sort(key=lambda row: -row["given"])
    return {
        WASTE: {
            "since": redeemed.since.isoformat(),
            "window_days": window,
            "unnamed": redeemed.unnamed_minor,
            "given": sum(row["given"] for row in rows),
            "low": sum(row["low"] for row in rows),
            "high": sum(row["high"] for row in rows),
            "rows": rows,
        }
    }


def _by_left_out(sends: "Sends | None", trials: list[int]) -> tuple[float, float] | None:
    """Return between what share of those who came with the offer would have come without it; 8 of 10 draws."""
    import numpy as np

    if sends is None or not trials:
        return None
    mine = np.isin(sends.trial, trials)
    held, treated = mine & (sends.arm == 0), mine & (sends.arm > 0)
    if min(held.sum(), treated.sum()) < 30:
        return None
    rng = np.random.default_rng(0)
    draws = []
    for side in (held, treated):
        came = float(sends.outcome[side].sum())
        draws.append(rng.beta(came + 0.5, side.sum() - came + 0.5, DRAWS))
    low, high = np.quantile(np.minimum(draws[0] / draws[1], 1.0), ENDS)
    return float(low), float(high)


def _chances(
    today: "History", rhythm: "Rhythm", redeemed, beliefs: "Beliefs", window: int
) -> tuple["np.ndarray", "np.ndarray"]:
    """Return the chance of an order around each use by the buyer's own rhythm, and with the offer, two [uses]."""
    import numpy as np
    from scipy.special import expit, logit

    from loyalty.estimators.base import NotEnoughData, summarise
    from loyalty.estimators.rungs import RUNGS

    contact, day = np.array(redeemed.contact), np.array(redeemed.day)
    alone = np.zeros(len(contact))
    buyers = np.isin(today.customer_ids, contact)
    few = today.without_lines().of_customers(buyers)
    place = np.minimum(np.searchsorted(few.customer_ids, contact), max(len(few.customer_ids) - 1, 0))
    for week in np.unique(day // WEEK).tolist():
        mine = np.flatnonzero(day // WEEK == week)
        try:
            summary = summarise(few.upto(week * WEEK - 1))
        except NotEnoughData:
            continue
        chance = np.zeros(len(few.customer_ids))
        chance[summary.customer] = 1 - rhythm.no_purchase(summary, window)
        there = few.customer_ids[place[mine]] == contact[mine]
        alone[mine] = np.where(there, chance[place[mine]], 0.0)
    mean = float(beliefs.mean_[RUNGS.index("percent")].mean())
    p = np.clip(alone, 1e-4, 1 - 1e-4)
    return alone, np.maximum(expit(logit(p) + max(mean, 0.0)), alone)
