"""How many of the coupons customers hold will still be used, and how well that was told of the one before."""

from dataclasses import replace
from typing import TYPE_CHECKING

from loyalty.estimators.bounds import EIGHT_OF_TEN

if TYPE_CHECKING:  # NumPy is loaded by the night run only
    import numpy as np

    from loyalty.estimators.base import History
    from loyalty.estimators.offer_response import OfferResponse, Offers, Past

UPTAKE = "coupon_uptake"
MOST_LEARNED = 4_000  # coupons given to customers drawn at random; everybody is told of


def of_the_shop(today: "History", given, *, as_of: float) -> dict[str, dict]:
    """Return `uptake` of a shop: `given` its coupons (loyalty.offering), `as_of` in days since 1970."""
    import numpy as np

    from loyalty.estimators.offer_response import Offers, Past

    contact = np.array(given.contact, np.int64)
    place = np.minimum(np.searchsorted(today.customer_ids, contact), len(today.customer_ids) - 1)
    kept = today.customer_ids[place] == contact  # whoever has never bought has no habits to go by
    coupons, kind = np.unique(np.array(given.coupon, np.int64)[kept], return_inverse=True)

    def of(values: list, dtype=np.float64) -> np.ndarray:
        return np.array(values, dtype)[kept]

    at = of(given.at)
    offers = Offers(
        customer=place[kept], time=at, kind=kind, group=of(given.sort, np.int64), threshold=of(given.threshold),
        reward=of(given.reward), days=of(given.until) - at, terms=np.empty((len(at), 0)), done=of(given.done),
        seen=of(given.seen),
    )  # fmt: skip
    past = Past(
        since=float(today.order_day.min()), buyer=today.order_customer.astype(np.int64),
        bought=today.order_day + 0.5, amount=today.order_amount.astype(np.float64), offers=offers,
        people=np.empty((len(today.customer_ids), 0)),
    )  # fmt: skip
    return uptake(past, coupons=coupons.tolist(), about=given.about, as_of=as_of)


def uptake(past: "Past", *, coupons: list[int], about: dict[int, tuple[str, int]], as_of: float) -> dict[str, dict]:
    """Return for each coupon that is good after `as_of` how many more uses are expected, and how the last test went.

    `coupons` says which coupon each kind of `past.offers` is, `about` its name and its last day. Nothing is returned
    where no coupon is out, or too few were given or used before to learn from.
    """
    import numpy as np

    from loyalty.estimators.base import NotEnoughData
    from loyalty.estimators.offer_response import OfferResponse

    given = past.offers
    is_good = given.time + given.days > as_of
    if not (is_good & np.isnan(given.done)).any():
        return {}
    try:
        model = OfferResponse().fit(_drawn(past), as_of)
    except NotEnoughData:
        return {}
    rows = []
    for kind in np.unique(given.kind[is_good]).tolist():
        held = given.rows(is_good & (given.kind == kind))
        used = np.isfinite(held.done)
        left = held.rows(~used)
        chance = _chance_from_now(model, past, left, as_of)
        name, last_day = about[coupons[kind]]
        more, error = float(chance.sum()), EIGHT_OF_TEN * float(np.sqrt((chance * (1 - chance)).sum()))
        rows.append(
            {
                "coupon": coupons[kind], "name": name, "people": len(held),
                "used": int(used.sum()), "more": round(more, 1), "low": max(round(more - error), 0),
                "high": min(round(more + error), len(left)), "costs": round(float((chance * left.reward).sum())),
                "until": last_day,
            }
        )  # fmt: skip
    return {UPTAKE: {"rows": rows, "test": _test(past, as_of)}}


def _drawn(past: "Past") -> "Past":
    """Return the past with the coupons of so many customers, drawn at random, that there are not too many to learn."""
    import numpy as np

    share = MOST_LEARNED / max(len(past.offers), 1)
    if share >= 1:
        return past
    kept = np.random.default_rng(1).random(len(past.people)) < share  # 0 deals them to folds in OfferResponse
    return replace(past, offers=past.offers.rows(kept[past.offers.customer]))


def _chance_from_now(model: "OfferResponse", past: "Past", offers: "Offers", as_of: float) -> "np.ndarray":
    """Return the chance [n] that offers nobody has used yet still are, given how long that has been so."""
    import numpy as np

    whole, so_far = model.chances(past, offers), model.chances(past, offers, np.maximum(as_of - offers.time, 0.0))
    return np.clip((whole - so_far) / np.maximum(1 - so_far, 1e-6), 0.0, 1.0)


def _test(past: "Past", as_of: float) -> dict | None:
    """Return what would have been told of the newest coupon whose days are over, before it went out, and what came.

    Beside it stands the plain rule: the share of earlier coupons that was used.
    """
    import numpy as np

    from loyalty.estimators.base import NotEnoughData
    from loyalty.estimators.offer_response import OfferResponse

    given = past.offers
    ends = {kind: (given.time + given.days)[given.kind == kind].max() for kind in np.unique(given.kind).tolist()}
    over = [kind for kind, end in ends.items() if end <= as_of]
    if not over:
        return None
    newest = given.kind == max(over, key=lambda kind: (given.time[given.kind == kind].min(), kind))
    began = float(given.time[newest].min())
    before = (given.time + given.days) <= began
    if not before.any():
        return None
    try:
        model = OfferResponse().fit(_drawn(past.upto(began)), began)
    except NotEnoughData:
        return None
    offers = given.rows(newest)
    told, came = model.chances(past.upto(began), offers), np.isfinite(offers.done)
    plain = float(np.isfinite(given.done[before]).mean())
    return {
        "people": len(offers), "came": int(came.sum()), "told": round(float(told.sum()), 1),
        "plain": round(plain * len(offers), 1), "error": round(float(((told - came) ** 2).mean()), 4),
        "error_plain": round(float(((plain - came) ** 2).mean()), 4),
    }  # fmt: skip
