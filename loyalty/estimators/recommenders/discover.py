"""Something new for this person: the learned re-ranker, taught by what people bought for the first time in the 90 days
after earlier cuts, and offering nothing the person ever had."""

from loyalty.estimators.base import History
from loyalty.estimators.recommenders.base import Purchases, firsts_after
from loyalty.estimators.recommenders.learned import Learned

AHEAD = 90  # days
CUTS = 2


class Discover(Learned):
    only_new = True

    def cuts(self, purchases: Purchases) -> list[int]:
        now, first = purchases.history.as_of, purchases.history.first_day
        ahead = min(AHEAD, (now - first) // 3)
        return [cut for cut in (now - ahead, now - ahead - ahead // 3)[:CUTS] if cut > first + ahead // 3]

    def targets(self, past: History, cut: int) -> dict[int, set[int]]:
        return firsts_after(past, cut, AHEAD)
