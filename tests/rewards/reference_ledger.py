"""The ledger once more, in the simplest words: lists in memory, one person, no database. What the real one must equal."""

import datetime as dt
from collections import Counter

FOR_EVER = dt.datetime.max.replace(tzinfo=dt.UTC)


class Refused(Exception):
    """Not enough points to spend."""


class Lot:
    def __init__(self, points, origin, active_at, expires_at):
        self.left, self.origin, self.active_at, self.expires_at = points, origin, active_at, expires_at
        self.state = "pending" if active_at else "active"

    def pay(self, points, closes):
        part = min(points, self.left)
        self.left -= part
        if part and not self.left:
            self.state = closes
        return part


class ReferenceLedger:
    def __init__(self):
        self.lots, self.debts = [], []  # oldest first; a debt is [points, origin, what closes a lot that pays it]
        self.orders = {}  # id -> points it has
        self.held = {}  # key -> [state, [(points, expires_at), ...]]

    # What a page shows

    @property
    def pending(self):
        return sum(lot.left for lot in self.lots if lot.state == "pending")

    @property
    def active(self):
        return sum(lot.left for lot in self.lots if lot.state == "active")

    @property
    def debt(self):
        return sum(debt[0] for debt in self.debts)

    @property
    def available(self):
        return self.active - self.debt

    def open_lots(self, *, now):
        """Return what is held by its terms, what fell due counted as active."""
        held = Counter()
        for lot in self.lots:
            if lot.left:
                held[lot.state == "pending" and lot.active_at > now and lot.active_at, lot.expires_at] += lot.left
        return held

    # What can happen

    def earn(self, points, *, origin, now, active_at=None, expires_at=None):
        if active_at and active_at <= now:
            active_at = None
        self.lots.append(Lot(points, origin, active_at, expires_at))
        self._pay_debts()

    def spend(self, points, *, now):
        """Take points from active lots; return what was taken, by expiry."""
        self.fall_due(now=now)
        if self.available < points:
            raise Refused
        return self._take(points, self._active(), "spent")[1]

    def settle(self, order, due, *, now, active_at=None, expires_at=None):
        """Bring what an order has to what it is due."""
        points = due - self.orders.get(order, 0)
        self.orders[order] = due
        if points > 0:
            self.earn(points, origin=order, now=now, active_at=active_at, expires_at=expires_at)
        elif points < 0:
            own = [lot for lot in self._by_expiry() if lot.origin == order and lot.left]
            own.sort(key=lambda lot: lot.state != "pending")
            others = [lot for lot in self._active() if lot.origin != order]
            missing, _taken = self._take(-points, own + others, "reversed")
            if missing:
                self.debts.append([missing, order, "reversed"])

    def reserve(self, key, points, *, now):
        self.held[key] = ["reserved", self.spend(points, now=now)]

    def commit(self, key):
        self.held[key][0] = "committed"

    def roll_back(self, key, *, now):
        state, parts = self.held[key]
        self.held[key][0] = "back"
        if state != "back":
            together = {}
            for points, expires_at in parts:
                together[expires_at] = together.get(expires_at, 0) + points
            for expires_at, points in together.items():
                self.lots.append(Lot(points, "redeem", None, expires_at))
            self._pay_debts()

    def fall_due(self, *, now):
        for lot in self.lots:
            if lot.state == "pending" and lot.active_at <= now:
                lot.state = "active"
        self._pay_debts()
        for lot in self.lots:
            if lot.state == "active" and lot.expires_at and lot.expires_at <= now:
                lot.left, lot.state = 0, "expired"

    def forgive(self):
        forgiven = list(self.debts)
        for points, origin, closes in forgiven:
            lot = Lot(points, origin, None, None)
            lot.pay(points, closes)
            self.lots.append(lot)
        self.debts = []

    def merge(self, other, *, now):
        """Take over what somebody else holds and owes: open lots as they are, debts after one's own."""
        coming = [lot for lot in other.lots if lot.left]
        for lot in coming:
            if lot.state == "pending" and lot.active_at <= now:
                lot.state = "active"
        self.lots += coming
        self.debts += other.debts
        self.orders |= other.orders
        self.held |= other.held
        self._pay_debts()

    # How lots are used up

    def _by_expiry(self):
        return sorted(self.lots, key=lambda lot: lot.expires_at or FOR_EVER)  # stable: the oldest of a day first

    def _active(self):
        return [lot for lot in self._by_expiry() if lot.state == "active"]

    def _take(self, points, lots, closes):
        taken = []
        for lot in lots:
            part = lot.pay(points, closes)
            points -= part
            if part:
                taken.append((part, lot.expires_at))
        return points, taken

    def _pay_debts(self):
        for debt in self.debts:
            own = [lot for lot in self._by_expiry() if lot.origin == debt[1] and lot.left]
            own.sort(key=lambda lot: lot.state != "pending")
            others = [lot for lot in self._active() if lot.origin != debt[1]]
            debt[0], _taken = self._take(debt[0], own + others, debt[2])
        self.debts = [debt for debt in self.debts if debt[0]]
