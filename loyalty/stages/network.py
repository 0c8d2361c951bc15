"""What goes with buying again: a Bayesian network over how customers stood one horizon ago, and what they then did.

One row of Found: the network, its states, how many customers stood in each combination of them then and stand so today.
Habits come from the history; consent, channel and what came of messages from the books, as they were known on each day.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Min, Q

from crm.accounts.models import Shop
from crm.campaigns.models import Attribution, Click, Message
from crm.contacts.models import Consent, Contact
from crm.lib import clock
from crm.orders.models import Order, Product

if TYPE_CHECKING:  # NumPy is loaded by the night run only
    import numpy as np

    from loyalty.estimators.base import History

NETWORK = "network"
AGAIN = "again"  # what is asked: an order within the horizon
FEWEST = 100  # customers one horizon ago
FEWEST_OF_EACH = 10  # who bought again, and who did not
MOST_CUSTOMERS = 50_000  # drawn for learning; everybody is counted
MOST_STATES = 4
MOST_NAMED = 3  # categories, products or channels; the rest are "other"
OTHER, NOT_KNOWN = -1, -2  # no product's id, and no text
CONSENTS = tuple(Contact.ConsentState.values)
RESPONSES = ("not_written", "silent", "clicked", "ordered")


@dataclass
class _Column:
    """One thing known of customers: its states, and who was in which, one horizon ago and today."""

    kind: str  # how the states are told: "upto" edges, "code", "text", or "product" ids
    states: list
    then: "np.ndarray"  # int64 [b then], index into states
    today: "np.ndarray"  # int64 [b today]

    def tidied(self) -> "_Column":
        """Return the column without the states nobody was or is in."""
        import numpy as np

        if self.kind == "upto":
            return self
        used = np.union1d(self.then, self.today)
        return _Column(
            self.kind, [self.states[place] for place in used], np.searchsorted(used, self.then),
            np.searchsorted(used, self.today),
        )  # fmt: skip


def what_if(past: "History", horizon: int, *, as_of: dt.date) -> dict[str, dict]:
    """Return the network of a shop known up to `as_of`, learned from the last whole horizon; raise NotEnoughData.

    Nothing is returned where everybody was in the same state of everything.
    """
    import numpy as np

    from loyalty.estimators import evaluate
    from loyalty.estimators.base import NotEnoughData, counts_between, summarise
    from loyalty.estimators.network import model

    cut = past.as_of - horizon
    then, today = past.upto(cut), past.upto(past.as_of)
    known = len(np.unique(then.order_customer))
    if known < FEWEST:
        raise NotEnoughData("customers_then", have=known, need=FEWEST)
    before, now = summarise(then), summarise(today)
    orders, _spend = counts_between(today, cut + 1, today.as_of)
    bought = orders[before.customer] > 0
    of_each = min(int(bought.sum()), int((~bought).sum()))
    if of_each < FEWEST_OF_EACH:
        raise NotEnoughData("of_each", have=of_each, need=FEWEST_OF_EACH)

    books = _Books(past, before.customer, now.customer, as_of - dt.timedelta(days=horizon), as_of)
    columns = _habits(before, now) | {
        "category": books.category(then, today), "channel": books.channel(), "consent": books.consent(),
        "response": books.response(),
    }  # fmt: skip
    columns = {name: column.tidied() for name, column in columns.items()}
    columns = {name: column for name, column in columns.items() if len(np.unique(column.then)) > 1}
    if not columns:  # everybody was like everybody
        return {}

    names, sizes = tuple(columns), tuple(len(column.states) for column in columns.values())
    codes = np.column_stack([column.then for column in columns.values()])
    drawn = np.sort(np.random.default_rng(0).permutation(known)[:MOST_CUSTOMERS])
    label = bought[drawn]
    found = model.choose((*names, AGAIN), (*sizes, 2), np.column_stack([codes[drawn], label]), AGAIN)
    chosen = next(trial for trial in found.trials if trial.way == found.way)
    caught, picked = evaluate.caught(label, chosen.chance)
    return {
        NETWORK: {
            "horizon": horizon,
            "then": (as_of - dt.timedelta(days=horizon)).isoformat(),
            "customers": known,
            "bought": int(bought.sum()),
            "network": found.network.as_json(),
            "states": [  # a list: PostgreSQL keeps no order of names, and the cells count by it
                {"name": name, "kind": column.kind, "values": column.states} for name, column in columns.items()
            ],
            "worth": model.worth(found.network, found.counted, AGAIN),
            "links": _links(found),
            "alone": _alone(found.network, columns, bought),
            "cells": _cells(sizes, codes, bought, np.column_stack([column.today for column in columns.values()])),
            "way": found.way,
            "trials": [
                {"way": trial.way, "arrows": trial.arrows, "log_loss": round(trial.log_loss, 4)}
                for trial in found.trials
            ],
            "check": {
                "caught": caught, "picked": picked, "expected": round(picked * float(label.mean())),
                "baseline": round(float(evaluate.log_losses(label, np.full(len(label), label.mean())).mean()), 4),
            },
        }
    }  # fmt: skip


def _habits(before, now) -> dict[str, _Column]:
    """Return life cycle, recency, frequency and spend, cut where this shop's customers lay one horizon ago."""
    import numpy as np

    from loyalty.estimators import lifecycle
    from loyalty.estimators.network.states import Cuts

    def cut(then: "np.ndarray", today: "np.ndarray", digits: int | None = None) -> _Column:
        cuts = Cuts(MOST_STATES, digits=digits).fit(then)
        return _Column("upto", [*(round(edge) for edge in cuts.edges_), None], cuts.of(then), cuts.of(today))

    stages = [lifecycle.stages(summary).astype(np.int64) for summary in (before, now)]
    return {
        "stage": _Column("code", list(lifecycle.STAGES), *stages),
        "recency": cut(before.quiet, now.quiet, 2),
        "frequency": cut(before.visits, now.visits),
        "spend": cut(np.maximum(before.spend, 0), np.maximum(now.spend, 0), 2),
    }


class _Books:
    """What the shop's books say of customers beside their orders, as known at the end of two days."""

    def __init__(self, past: "History", then: "np.ndarray", today: "np.ndarray", cut: dt.date, as_of: dt.date):
        self.shop = Shop.current()
        self.ids = past.customer_ids
        self.product_ids = past.product_ids
        self.then, self.today = then, today
        _, self.cut = clock.day_bounds(cut, self.shop.timezone)
        _, self.end = clock.day_bounds(as_of, self.shop.timezone)

    def category(self, then: "History", today: "History") -> _Column:
        """Return what most of each customer's money went to: a category, or a product where there are no categories."""
        import numpy as np

        of = dict(Product.objects.exclude(category="").values_list("id", "category"))
        names = sorted(set(of.values()))
        kind, values = "text", names
        if len(names) < 2:
            kind, values = "product", self.product_ids.tolist()
            code = np.arange(len(values))
        else:
            place = {name: at for at, name in enumerate(names)}
            code = np.array([place[of[pk]] if pk in of else -1 for pk in self.product_ids.tolist()], np.int64)
        return self._named(kind, values, *(self._mostly(history, code, len(values)) for history in (then, today)))

    def channel(self) -> _Column:
        """Return where each customer orders most."""
        import numpy as np

        rows = (
            Order.objects.counting()
            .filter(kind=Order.Kind.SALE, currency=self.shop.currency, contact__isnull=False, placed_at__lt=self.end)
            .order_by()
            .values("contact_id", "channel")
            .annotate(before=Count("id", filter=Q(placed_at__lt=self.cut)), every=Count("id"))
            .values_list("contact_id", "channel", "before", "every")
        )
        rows = list(rows.iterator(chunk_size=5_000))
        values = sorted({channel for _pk, channel, _before, _every in rows} - {""})
        place = {name: at for at, name in enumerate(values)} | {"": -1}
        owner = self._places([row[0] for row in rows])
        code = np.array([place[row[1]] for row in rows], np.int64)
        weights = (np.array([row[column] for row in rows], np.float64) for column in (2, 3))
        return self._named("text", values, *(self._most(owner, code, weight, len(values)) for weight in weights))

    def consent(self) -> _Column:
        """Return what each customer had said to messages; nothing noted is "not asked"."""
        import numpy as np

        log = Consent.objects.filter(at__lt=self.end).order_by("at", "id")
        rows = list(log.values_list("contact_id", "state", "at"))
        owner = self._places([row[0] for row in rows])
        said = np.array([CONSENTS.index(row[1]) for row in rows], np.int64)
        early = np.array([row[2] < self.cut for row in rows], bool)
        columns = []
        for who, told in ((self.then, early), (self.today, np.ones(len(rows), bool))):
            told = told & (owner >= 0)
            state = np.full(len(self.ids), CONSENTS.index(Contact.ConsentState.UNKNOWN))
            state[owner[told]] = said[told]  # the newest comes last, and stays
            columns.append(state[who])
        return _Column("code", list(CONSENTS), *columns)

    def response(self) -> _Column:
        """Return the most that came of messages so far: nothing was written, silence, a click, an order."""
        import numpy as np

        sent = Q(message__state=Message.State.SENT)
        firsts = (
            Message.objects.filter(state=Message.State.SENT, sent_at__lt=self.end).order_by()
            .values_list("contact_id").annotate(Min("sent_at")),
            Click.objects.filter(sent, at__lt=self.end).order_by()
            .values_list("message__contact_id").annotate(Min("at")),
            Attribution.objects.filter(sent, order__placed_at__lt=self.end).order_by()
            .values_list("message__contact_id").annotate(Min("order__placed_at")),
        )  # fmt: skip
        states = np.zeros((2, len(self.ids)), np.int64)
        for state, rows in enumerate(map(list, firsts), start=1):
            owner = self._places([row[0] for row in rows])
            early = np.array([row[1] < self.cut for row in rows], bool)
            states[0, owner[early & (owner >= 0)]] = state
            states[1, owner[owner >= 0]] = state
        return _Column("code", list(RESPONSES), states[0][self.then], states[1][self.today])

    def _places(self, contact_ids: list[int]) -> "np.ndarray":
        """Return where each contact stands in the history, -1 for one without an order."""
        import numpy as np

        wanted = np.array(contact_ids, np.int64)
        spot = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return np.where(self.ids[spot] == wanted, spot, -1)

    def _mostly(self, history: "History", code: "np.ndarray", size: int) -> "np.ndarray":
        return self._most(
            history.order_customer[history.line_order], code[history.line_product], history.line_amount, size
        )

    def _most(self, owner, code, weight, size: int) -> "np.ndarray":
        """Return the code with the most weight of each customer of the history, -1 where there is none."""
        import numpy as np

        kept = (owner >= 0) & (code >= 0) & (weight > 0)
        pair, inverse = np.unique(owner[kept].astype(np.int64) * max(size, 1) + code[kept], return_inverse=True)
        total = np.bincount(inverse, weight[kept], len(pair))
        who, what = pair // max(size, 1), pair % max(size, 1)
        order = np.lexsort((-what, total, who))  # the last of each customer has the most; ties to the first code
        found = np.full(len(self.ids), -1, np.int64)
        found[who[order]] = what[order]
        return found

    def _named(self, kind: str, values: list, then: "np.ndarray", today: "np.ndarray") -> _Column:
        """Return a column of the most common values, the rest together, and those of whom nothing is known."""
        import numpy as np

        then, today = then[self.then], today[self.today]
        count = np.bincount(then[then >= 0], minlength=len(values))
        common = [place for place in np.argsort(-count, kind="stable")[:MOST_NAMED].tolist() if count[place]]
        state = np.full(len(values) + 1, len(common))
        state[common] = np.arange(len(common))
        state[-1] = len(common) + 1  # code -1
        return _Column(kind, [*(values[place] for place in common), OTHER, NOT_KNOWN], state[then], state[today])


def _links(found) -> list[dict]:
    """Return the arrows that earn their place, the strongest first, with what the two ends tell of each other."""
    import numpy as np

    def entropy(name: str) -> float:
        share = found.counted.table(name) / found.counted.total
        return float(-(share[share > 0] * np.log(share[share > 0])).sum())

    links = []
    for end, above in found.network.parents.items():
        for start in above:
            others = tuple(one for one in above if one != start)
            if found.counted.bic(end, above) > found.counted.bic(end, others):
                shared = found.counted.information(start, end)
                share = 2 * shared / (entropy(start) + entropy(end))  # symmetric uncertainty, 0 to 1
                links.append({"from": start, "to": end, "share": round(share, 4)})
    return sorted(links, key=lambda link: -link["share"])


def _alone(network, columns: dict[str, _Column], bought: "np.ndarray") -> dict[str, list[list]]:
    """Return of each state by itself [the network's chance, customers then, of them bought, customers today]."""
    import numpy as np

    found = {}
    for name, column in columns.items():
        size = len(column.states)
        counts = (
            np.bincount(column.then, minlength=size), np.bincount(column.then, bought, size).astype(np.int64),
            np.bincount(column.today, minlength=size),
        )  # fmt: skip
        found[name] = [
            [round(network.posterior(AGAIN, {name: state})[1], 6), *counted]
            for state, counted in enumerate(np.column_stack(counts).tolist())
        ]
    return found


def _cells(sizes: tuple[int, ...], then: "np.ndarray", bought: "np.ndarray", today: "np.ndarray") -> list[list[int]]:
    """Return [combination of states, customers then, of them bought, customers today], the last name fastest."""
    import numpy as np

    before, now = np.ravel_multi_index(then.T, sizes), np.ravel_multi_index(today.T, sizes)
    kinds = np.union1d(before, now)
    places = np.searchsorted(kinds, before)
    columns = (
        kinds, np.bincount(places, minlength=len(kinds)), np.bincount(places, bought, len(kinds)),
        np.bincount(np.searchsorted(kinds, now), minlength=len(kinds)),
    )  # fmt: skip
    return np.column_stack(columns).astype(np.int64).tolist()
