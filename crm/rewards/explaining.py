"""Say why points moved: one sentence per entry, in the language of whoever reads."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from crm.lib import bulk
from crm.lib.templatetags import say
from crm.orders.models import Order
from crm.rewards.lots import CARRIED
from crm.rewards.models import Entry, Rule
from crm.rewards.rules import RULES
from crm.rewards.settling import Why

ICONS = {
    Entry.Kind.ORDER: "shopping-bag",
    Entry.Kind.WELCOME: "gift",
    Entry.Kind.ADJUST: "coins",
    Entry.Kind.CAMPAIGN: "megaphone",
    Entry.Kind.OCCASION: "sparkles",
    Entry.Kind.REDEEM: "shopping-bag",
    Entry.Kind.EXPIRE: "hourglass",
    Entry.Kind.WAIVE: "gift",
    Entry.Kind.MERGE: "users",
    Entry.Kind.PART: "users",
}


@dataclass(frozen=True)
class Explained:
    entry: Entry
    sentence: str
    order: Order | None  # None where the entry is of none, or the order was removed

    @property
    def icon(self) -> str:
        return "undo-2" if self.entry.kind == Entry.Kind.ORDER and self.entry.points < 0 else ICONS[self.entry.kind]

    @property
    def signed(self) -> str:
        return ("+" if self.entry.points > 0 else "") + say.number(self.entry.points)


def explain(entries: Iterable[Entry]) -> list[Explained]:
    """Return each entry with its sentence, in the order given; two queries however many."""
    entries = list(entries)
    refs = {entry.order_ref for entry in entries if entry.order_ref is not None}
    columns = ("source", "number", "currency", "total_minor", "refunded_minor", "shipping_minor")
    orders = {order.pk: order for order in Order.objects.filter(pk__in=bulk.among(refs)).only(*columns)}
    rules = Rule.objects.in_bulk({entry.rule_id for entry in entries} - {None})
    said = {pk: _Said.of(rule) for pk, rule in rules.items()}
    explained = []
    for entry in entries:
        order = orders.get(entry.order_ref)
        explained.append(Explained(entry, _sentence(entry, order, said.get(entry.rule_id)), order))
    return explained


@dataclass(frozen=True)
class _Said:
    """A rule in words, worked out once for all its entries."""

    says: str
    counts_shipping: bool

    @classmethod
    def of(cls, rule: Rule) -> "_Said":
        kind = RULES[rule.kind]
        params = kind.read(rule.params)
        return cls(says=kind.says(params), counts_shipping=kind.counts_shipping(params))


# Babel takes a tenth of a millisecond for each amount, and exports write a million of them.
@functools.lru_cache(maxsize=20_000)
def _number(value: int, language: str) -> str:
    return say.number(value)


@functools.lru_cache(maxsize=20_000)
def _money(minor: int, currency: str, language: str) -> str:
    return say.money(minor, currency)


def _sentence(entry: Entry, order: Order | None, rule: _Said | None) -> str:
    points = _number(abs(entry.points), get_language())
    if entry.kind == Entry.Kind.ORDER:
        if order is None:
            return _removed(entry, points=points)
        if entry.reason:
            return _corrected(entry, order, points=points)
        return _earned(entry, order, rule, points=points)
    if entry.kind == Entry.Kind.WELCOME:
        return ngettext(
            "%(points)s point as a welcome gift.", "%(points)s points as a welcome gift.", abs(entry.points)
        ) % {"points": points}
    values = {"points": points, "reason": entry.reason}
    if entry.kind == Entry.Kind.CAMPAIGN:
        return ngettext(
            "%(points)s point from the campaign “%(reason)s”.",
            "%(points)s points from the campaign “%(reason)s”.",
            abs(entry.points),
        ) % values
    if entry.kind == Entry.Kind.EXPIRE:
        return ngettext("%(points)s point expired.", "%(points)s points expired.", -entry.points) % values
    if entry.kind == Entry.Kind.WAIVE:
        return ngettext(
            "%(points)s point forgiven: refunded after it was spent.",
            "%(points)s points forgiven: refunded after they were spent.",
            entry.points,
        ) % values
    if entry.kind == Entry.Kind.REDEEM:
        return _redeemed(entry, values)
    if entry.kind in CARRIED:
        return _carried(entry, values)
    if entry.kind == Entry.Kind.OCCASION:
        return _given(entry, rule, values)
    if entry.points > 0:
        return ngettext(
            "%(points)s point given by hand: %(reason)s", "%(points)s points given by hand: %(reason)s", entry.points
        ) % values
    return ngettext(
        "%(points)s point taken by hand: %(reason)s", "%(points)s points taken by hand: %(reason)s", -entry.points
    ) % values


def _redeemed(entry: Entry, values: dict) -> str:
    if entry.points > 0:
        return ngettext(
            "%(points)s point given back: not redeemed in the end.",
            "%(points)s points given back: not redeemed in the end.",
            entry.points,
        ) % values
    if entry.reason:
        return ngettext(
            "%(points)s point redeemed: %(reason)s", "%(points)s points redeemed: %(reason)s", -entry.points
        ) % values
    return ngettext("%(points)s point redeemed.", "%(points)s points redeemed.", -entry.points) % values


def _carried(entry: Entry, values: dict) -> str:
    if entry.kind == Entry.Kind.PART and entry.points > 0:
        return ngettext(
            "%(points)s point given back: it belonged to another customer when it was used.",
            "%(points)s points given back: they belonged to another customer when they were used.",
            entry.points,
        ) % values
    if entry.kind == Entry.Kind.PART:
        return ngettext(
            "%(points)s point used or expired while this was one customer with another.",
            "%(points)s points used or expired while this was one customer with another.",
            -entry.points,
        ) % values
    if entry.points > 0:
        return ngettext(
            "%(points)s point carried over by a merge.", "%(points)s points carried over by a merge.", entry.points
        ) % values
    return ngettext(
        "%(points)s point carried to another customer by a merge.",
        "%(points)s points carried to another customer by a merge.",
        -entry.points,
    ) % values


def _given(entry: Entry, rule: _Said | None, values: dict) -> str:
    if entry.points < 0:
        return ngettext(
            "%(points)s point of a gift taken back.", "%(points)s points of a gift taken back.", -entry.points
        ) % values
    if rule is None:
        return ngettext("%(points)s point given.", "%(points)s points given.", entry.points) % values
    return _("%(rule)s.") % {"rule": rule.says}  # which says how many


def _removed(entry: Entry, *, points: str) -> str:
    if entry.points > 0:
        return ngettext(
            "%(points)s point for an order that was removed later.",
            "%(points)s points for an order that was removed later.",
            entry.points,
        ) % {"points": points}
    return ngettext(
        "%(points)s point taken back: the order was removed.",
        "%(points)s points taken back: the order was removed.",
        -entry.points,
    ) % {"points": points}


def _earned(entry: Entry, order: Order, rule: _Said, *, points: str) -> str:
    shipping = 0 if rule.counts_shipping else order.shipping_minor
    refund = order.total_minor - shipping - entry.basis_minor  # what had gone back when this was written
    values = {
        "points": points,
        "number": order.shown_number,
        "rule": rule.says,
        "amount": _money(entry.basis_minor, order.currency, get_language()),
    }
    if 0 < refund <= order.refunded_minor:
        values["refund"] = _money(refund, order.currency, get_language())
        return ngettext(
            "%(points)s point for order %(number)s: %(rule)s, on %(amount)s, net of %(refund)s refunded.",
            "%(points)s points for order %(number)s: %(rule)s, on %(amount)s, net of %(refund)s refunded.",
            entry.points,
        ) % values
    if shipping:
        return ngettext(
            "%(points)s point for order %(number)s: %(rule)s, on %(amount)s without shipping.",
            "%(points)s points for order %(number)s: %(rule)s, on %(amount)s without shipping.",
            entry.points,
        ) % values
    return ngettext(
        "%(points)s point for order %(number)s: %(rule)s, on %(amount)s.",
        "%(points)s points for order %(number)s: %(rule)s, on %(amount)s.",
        entry.points,
    ) % values


def _corrected(entry: Entry, order: Order, *, points: str) -> str:
    amount = _money(entry.basis_minor, order.currency, get_language())
    values = {"points": points, "number": order.shown_number, "amount": amount}
    if entry.points > 0:
        if entry.reason == Why.AGAIN:
            return ngettext(
                "%(points)s point given again: order %(number)s counts once more, with %(amount)s.",
                "%(points)s points given again: order %(number)s counts once more, with %(amount)s.",
                entry.points,
            ) % values
        return ngettext(
            "%(points)s point more: order %(number)s now counts with %(amount)s.",
            "%(points)s points more: order %(number)s now counts with %(amount)s.",
            entry.points,
        ) % values
    count = -entry.points
    if entry.reason == Why.REFUND and entry.basis_minor:
        return ngettext(
            "%(points)s point taken back: part of order %(number)s was refunded, %(amount)s still count.",
            "%(points)s points taken back: part of order %(number)s was refunded, %(amount)s still count.",
            count,
        ) % values
    if entry.reason == Why.REFUND:
        return ngettext(
            "%(points)s point taken back: order %(number)s was refunded.",
            "%(points)s points taken back: order %(number)s was refunded.",
            count,
        ) % values
    if entry.reason == Why.CANCELLED:
        return ngettext(
            "%(points)s point taken back: order %(number)s was cancelled.",
            "%(points)s points taken back: order %(number)s was cancelled.",
            count,
        ) % values
    if entry.reason == Why.UNPAID:
        return ngettext(
            "%(points)s point taken back: order %(number)s is not paid.",
            "%(points)s points taken back: order %(number)s is not paid.",
            count,
        ) % values
    if entry.reason == Why.MOVED:
        return ngettext(
            "%(points)s point taken back: order %(number)s belongs to somebody else.",
            "%(points)s points taken back: order %(number)s belongs to somebody else.",
            count,
        ) % values
    if entry.reason == Why.RULE:
        return ngettext(
            "%(points)s point taken back: the rules of its day give nothing for order %(number)s.",
            "%(points)s points taken back: the rules of its day give nothing for order %(number)s.",
            count,
        ) % values
    return ngettext(
        "%(points)s point taken back: order %(number)s now counts with %(amount)s.",
        "%(points)s points taken back: order %(number)s now counts with %(amount)s.",
        count,
    ) % values
