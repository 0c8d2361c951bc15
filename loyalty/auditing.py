"""Where a score comes from: what was read, by which code, and whether it is still so.

Every customer's orders, as known on the run's date, have a fingerprint of 64 bits: each order, each refund, each line
is mixed into a number (the finaliser of SplitMix64: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014) and the numbers are added up, so that the order of rows does not matter. The night computes
them for everybody at once, a page for one customer; both must agree to the bit. A run's own fingerprint is the SHA-256
of all of them. They find out what changed; they are no protection against somebody who wants to deceive.
"""

import datetime as dt
import functools
import hashlib
import struct
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

import crm
from crm.accounts.models import Shop
from crm.lib import clock
from crm.orders.models import Order
from loyalty import pasts
from loyalty.dates import date_of
from loyalty.models import Run, Score
from loyalty.pasts import NEVER, Past

if TYPE_CHECKING:  # NumPy is loaded by the night run only
    import numpy as np

    from loyalty.estimators.base import History

ORDER, REFUND, LINE = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
MASK = 2**64 - 1
LIBRARIES = ("numpy", "scipy", "scikit-learn")


# The fingerprint of one customer, and of all at once


def fingerprint(past: Past) -> int:
    """Return the fingerprint of one customer's past, signed, as the database keeps it."""
    total = 0
    for order in past.orders:
        void_day = order.void_day if order.void_day <= past.as_of else NEVER
        mark = _mixed(ORDER, order.day, order.amount, void_day)
        total += mark
        total += sum(_mixed(REFUND, mark, day, amount) for day, amount in order.refunds)
        for product, quantity, amount in order.lines:
            (bits,) = struct.unpack("<I", struct.pack("<f", quantity))
            total += _mixed(LINE, mark, product, bits, amount)
    total += sum(_mixed(REFUND, 0, day, amount) for day, amount in past.slips)
    total &= MASK
    return total - 2**64 if total >= 2**63 else total


def _mixed(start: int, *values: int) -> int:
    mark = start
    for value in values:
        mark ^= value & MASK
        mark = ((mark ^ (mark >> 30)) * FIRST) & MASK
        mark = ((mark ^ (mark >> 27)) * SECOND) & MASK
        mark ^= mark >> 31
    return mark


def fingerprints(history: "History") -> "np.ndarray":
    """Return the fingerprint of every customer of a history known up to its `as_of`, int64 [n]."""
    import numpy as np

    def mixed(start: int, *values) -> np.ndarray:
        mark = np.uint64(start)
        for value in values:
            mark = mark ^ np.asarray(value).astype(np.int64).view(np.uint64)
            mark = (mark ^ (mark >> np.uint64(30))) * np.uint64(FIRST)
            mark = (mark ^ (mark >> np.uint64(27))) * np.uint64(SECOND)
            mark = mark ^ (mark >> np.uint64(31))
        return mark

    size = len(history.customer_ids)
    total = np.zeros(size, np.uint64)

    def add(owner: np.ndarray, mark: np.ndarray) -> None:
        """Add up by owner modulo 2^64: in halves of 32 bits, which floats hold exactly."""
        nonlocal total
        low = np.bincount(owner, (mark & np.uint64(0xFFFFFFFF)).astype(np.float64), size)
        high = np.bincount(owner, (mark >> np.uint64(32)).astype(np.float64), size)
        total = total + low.astype(np.uint64) + (high.astype(np.uint64) << np.uint64(32))

    h = history
    void_day = np.where(h.order_void_day <= h.as_of, h.order_void_day, NEVER)
    orders = mixed(ORDER, h.order_day, h.order_amount, void_day)
    add(h.order_customer, orders)
    tied = np.where(h.refund_order >= 0, orders[h.refund_order], np.uint64(0)).view(np.int64)
    add(h.refund_customer, mixed(REFUND, tied, h.refund_day, h.refund_amount))
    lines = mixed(
        LINE, orders[h.line_order].view(np.int64), h.product_ids[h.line_product],
        h.line_quantity.astype(np.float32).view(np.uint32), h.line_amount,
    )  # fmt: skip
    add(h.order_customer[h.line_order], lines)
    return total.view(np.int64)


def inputs(history: "History", marks: "np.ndarray") -> dict:
    """Return what a run read and with what it was computed, for Run.inputs."""
    books = hashlib.sha256(str(history.as_of).encode())
    books.update(history.customer_ids.astype("<i8").tobytes())
    books.update(marks.astype("<i8").tobytes())
    catalogue = hashlib.sha256(history.product_ids.astype("<i8").tobytes())
    catalogue.update(history.product_active.tobytes())
    catalogue.update("\0".join(history.product_text.tolist()).encode())
    return {
        "books": books.hexdigest()[:32], "catalogue": catalogue.hexdigest()[:32], "code": code(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "customers": len(history.customer_ids), "orders": len(history.order_day),
        "counting": int((history.order_void_day > history.as_of).sum()), "refunds": len(history.refund_day),
        "lines": len(history.line_order), "products": len(history.product_ids),
        "first": date_of(history.first_day).isoformat(), "last": date_of(history.last_day).isoformat(),
    }  # fmt: skip


@functools.cache
def code() -> str:
    """Return the version of the app and a fingerprint of the code that computes scores."""
    found = hashlib.sha256()
    folder = Path(settings.BASE_DIR) / "loyalty"
    for path in sorted(folder.rglob("*.py")):
        found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{crm.__version__}+{found.hexdigest()[:12]}"


# One score, for the customer page


@dataclass(frozen=True)
class Origin:
    """What one score was computed from, and what became of that since."""

    orders: int  # read, those that had stopped counting by then among them
    first: dt.date | None
    last: dt.date | None
    is_same: bool | None  # None: the run is older than fingerprints
    changed: int = 0  # orders up to the run's date that were added or changed since it began
    later: int = 0  # orders after the run's date


def origin(score: Score, *, shop: Shop) -> Origin:
    """Read a customer's books again, and compare them with what the run read."""
    run = score.run
    past = pasts.read([score.contact_id], as_of=run.as_of, shop=shop, with_lines=True)[score.contact_id]
    _start, end = clock.day_bounds(run.as_of, shop.timezone)
    theirs = Order.objects.filter(contact=score.contact_id)
    is_same = None if score.input_hash is None else fingerprint(past) == score.input_hash
    days = [order.day for order in past.orders]
    return Origin(
        orders=len(days),
        first=date_of(min(days)) if days else None,
        last=date_of(max(days)) if days else None,
        is_same=is_same,
        changed=0 if is_same is not False else theirs.filter(placed_at__lt=end, updated_at__gt=run.started_at).count(),
        later=theirs.filter(placed_at__gte=end, counts=True, kind=Order.Kind.SALE).count(),
    )


# All scores of a run, for the command


@dataclass(frozen=True)
class Audit:
    """How the scores of a run compare with the books of today, as far as they speak of the run's date."""

    run_id: int
    as_of: dt.date
    scores: int
    same: int
    changed: list[int]  # customers whose orders up to the date are not what they were
    gone: list[int]  # scored, but without an order up to the date any more
    added: list[int]  # with an order up to the date now, but without a score
    unknown: int  # scores from before there were fingerprints
    is_same_catalogue: bool
    is_same_code: bool

    @property
    def is_clean(self) -> bool:
        """Tell whether a run now would read exactly what this one read."""
        return self.same == self.scores and not self.added


def audit(run: Run, history: "History") -> Audit:
    """Compare a run's fingerprints with a history that was loaded for the same date."""
    marks = fingerprints(history)
    now = inputs(history, marks)
    today = dict(zip(history.customer_ids.tolist(), marks.tolist()))
    counting = set(history.upto(history.as_of).order_customer.tolist())
    alive = {contact for place, contact in enumerate(history.customer_ids.tolist()) if place in counting}
    kept = dict(Score.objects.filter(run=run).order_by("contact_id").values_list("contact_id", "input_hash"))
    return Audit(
        run_id=run.pk,
        as_of=run.as_of,
        scores=len(kept),
        same=sum(mark is not None and today.get(contact) == mark for contact, mark in kept.items()),
        changed=[who for who, mark in kept.items() if mark is not None and who in today and today[who] != mark],
        gone=[who for who, mark in kept.items() if mark is not None and who not in today],
        added=sorted(alive - kept.keys()),
        unknown=sum(mark is None for mark in kept.values()),
        is_same_catalogue=run.inputs.get("catalogue") == now["catalogue"],
        is_same_code=run.inputs.get("code") == now["code"],
    )
