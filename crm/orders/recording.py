"""Write purchases into the books: orders with their lines, products and refunds.

An order is known by (source, number). One that says what it said before is not touched; one that
changed is updated, and what it held before is handed back for undo. Lists in, lists out, a number
of queries that does not grow with the list.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from crm.accounts.models import Shop
from crm.contacts import forgotten
from crm.lib import bulk
from crm.orders import returning
from crm.orders.models import Order, OrderLine, Product, Refund
from crm.orders.numbering import nameless
from crm.orders.purchases import (
    HEAD,
    LINES,
    Purchase,
    PurchaseLine,
    Purchases,
    Told,
    knows_better,
    product_key,
)

NAME_LIMIT, SKU_LIMIT = 300, 120

__all__ = [
    "HEAD", "LINES", "Known", "Purchase", "PurchaseLine", "Purchases", "Recorded", "look_up", "product_key",
    "record", "unchanged",
]  # fmt: skip


@dataclass(slots=True)
class Known:
    """An order that is in the books already."""

    order_id: int
    content_hash: str
    contact_id: int | None
    created_by_import: int | None


@dataclass(slots=True)
class Recorded:
    """What became of a list: `order_ids` stands beside it, the rest are ids without repeats."""

    order_ids: list[int]
    created: list[int]
    updated: list[int]
    unchanged: list[int]
    originals: list[int]  # sales that a return slip of this list gave money back for
    contact_ids: list[int]  # people whose orders changed
    products_created: list[int]
    changes: list[tuple[str, int, dict, dict, int]]  # table, id, before, after, version after


def look_up(purchases: Purchases) -> list[Known | None]:
    """Return, beside each purchase, what the books have under its number."""
    found, any_erased = {}, forgotten.any_yet()
    identities = list(zip(*purchases.columns("source", "number")))
    for source in set(purchases.column("source")):
        numbers = {number for owner, number in identities if owner == source}
        columns = ("number", "id", "content_hash", "contact_id", "created_by_import")
        orders = Order.objects.filter(source=source).values_list(*columns)
        for number, *known in bulk.rows(orders.filter(number__in=bulk.among(numbers))):
            found[source, number] = Known(*known)
        if any_erased and source.startswith("file-"):  # orders of people who were erased have lost the name in it
            named = {nameless(number): number for number in numbers if (source, number) not in found}
            for number, *known in bulk.rows(orders.filter(number__in=bulk.among(list(named)))):
                found[source, named[number]] = Known(*known)
    return [found.get(identity) for identity in identities]


def unchanged(purchases: Purchases, known: Sequence[Known | None]) -> list[bool]:
    """Tell of each whether it says what it said before and its buyer, if it names one, is known."""
    told = zip(purchases.people.column("source"), *purchases.columns("content_hash", "tells", "refunds", "contact_id"))
    return [row is not None and _is_unchanged(row, *said) for row, said in zip(known, told)]


def _is_unchanged(
    row: Known, named: str | None, content_hash: str, tells: str, refunds: tuple, contact_id: int | None
) -> bool:
    if knows_better(row.content_hash, tells):
        return not refunds
    if row.content_hash != content_hash:
        return False
    if contact_id is not None:
        return row.contact_id == contact_id
    return named is None or row.contact_id is not None


def record(
    purchases: Sequence[Purchase],
    *,
    now: dt.datetime,
    import_id: int | None = None,
    known: Sequence[Known | None] | None = None,
    buyers: Sequence[int | None] | None = None,
) -> Recorded:
    """Write what is new or changed; the last of several purchases with one number counts. Inside a transaction.

    A purchase of only refunds must be of an order in the books.
    `known` is what look_up returned for this list and `buyers` who each purchase belongs to, where the caller
    found out; else the purchases' own contact_id.
    """
    purchases = Purchases.of(purchases)
    if known is None:
        known = look_up(purchases)
    if buyers is None:
        buyers = purchases.column("contact_id")
    identities = list(zip(*purchases.columns("source", "number")))
    newest = dict(zip(identities, range(len(purchases))))
    new = [position for position in newest.values() if known[position] is None]
    hashes = purchases.column("content_hash")
    changed = [
        (row, purchase, buyers[position])
        for position in (newest.values() if any(known) else ())
        if (row := known[position])
        and (row.content_hash != hashes[position] or buyers[position] not in (None, row.contact_id))
        and ((purchase := purchases[position]).refunds or not knows_better(row.content_hash, purchase.tells))
    ]
    done = Recorded([], [], [], [], [], [], [], [])
    fresh = purchases.pick(new)
    lines = [*filter(itemgetter(0), zip(*fresh.columns("lines", "currency")))]
    lines += ((p.lines, p.currency) for _row, p, _buyer in changed)
    products = _find_products(lines, now, import_id, done)
    buyers_of_new = [buyers[position] for position in new]
    people = set(buyers_of_new)

    done.created = _insert(fresh, buyers_of_new, products, now, import_id)
    are_all_new = len(new) == len(purchases)
    order_ids = [*done.created] if are_all_new else [row and row.order_id for row in known]
    for position, order_id in () if are_all_new else zip(new, done.created):
        order_ids[position] = order_id
    if changed:
        people |= _update(changed, products, now, import_id, done)

    written = {*done.created, *done.updated}
    kinds = purchases.column("kind")
    slips = [order_ids[position] for position in newest.values() if kinds[position] == _RETURN]
    if slips := [slip_id for slip_id in slips if slip_id in written]:
        originals, changes = returning.match(slips, now=now, import_id=import_id)
        done.originals = sorted({*done.originals, *originals})
        done.changes += changes

    done.order_ids = order_ids if are_all_new else [order_ids[newest[identity]] for identity in identities]
    done.unchanged = [order_id for order_id in dict.fromkeys(done.order_ids) if order_id not in written]
    done.contact_ids = sorted(people - {None})
    return done


# ---- products

_FILLED = ("name", "category", "price_minor")  # from orders, where they are blank

def _find_products(
    lines: Iterable[tuple[list[PurchaseLine], str]], now: dt.datetime, import_id: int | None, done: Recorded
) -> dict[str, int]:
    """Return each product's id by its key; make the new ones and fill what was blank in the others."""
    said: dict[str, tuple[PurchaseLine, str]] = {}
    for of_order, currency in lines:
        for line in of_order:
            key = line.key
            if key and key not in said:
                said[key] = line, currency
    if not said:
        return {}
    currency = Shop.objects.values_list("currency", flat=True).first()
    found, filled = {}, []
    known = Product.objects.filter(key__in=bulk.among(said))
    for key, product_id, made_by, *held in bulk.rows(known.values_list("key", "id", "created_by_import", *_FILLED)):
        found[key] = product_id
        line, line_currency = said[key]
        told = [line.name[:NAME_LIMIT], line.category[:150], _price(line, line_currency, currency)]
        after = [new if kept in ("", None) else kept for kept, new in zip(held, told)]
        if after == held:
            continue
        filled.append([*after, product_id])
        if import_id is None or made_by != import_id:
            differing = [index for index in range(len(_FILLED)) if after[index] != held[index]]
            before_after = ({_FILLED[index]: values[index] for index in differing} for values in (held, after))
            done.changes.append(("product", product_id, *before_after, 0))
    bulk.update(Product, _FILLED, filled)

    missing = [key for key in said if key not in found]
    done.products_created = bulk.reserve_ids(Product, len(missing))
    found |= zip(missing, done.products_created)
    bulk.insert(
        Product,
        ("id", "key", "sku", "name", "category", "price_minor", "is_active", "created_at", "created_by_import"),
        [
            (
                found[key], key, line.sku[:SKU_LIMIT], (line.name or line.sku)[:NAME_LIMIT], line.category[:150],
                _price(line, line_currency, currency), True, now, import_id,
            )
            for key, (line, line_currency) in ((key, said[key]) for key in missing)
        ],
    )  # fmt: skip
    return found


def _price(line: PurchaseLine, line_currency: str, currency: str | None) -> int | None:
    return line.unit_price_minor if line.unit_price_minor > 0 and line_currency == currency else None


# ---- orders

_PLAIN = (
    "kind", "placed_at", "currency", "total_minor", "discount_minor", "shipping_minor", "tax_minor", "payment_word",
    "cancelled_at", "channel", "coupon_code", "note", "content_hash",
)  # fmt: skip
_SETTLED = ("refunded_minor", "payment", "counts", "net_minor")
_SALE, _RETURN, _PAID = Order.Kind.SALE.value, Order.Kind.RETURN.value, Order.Payment.PAID.value
_REFUNDED = -len(_SETTLED)  # its place in _COLUMNS
_LIMITS = {name: Order._meta.get_field(name).max_length for name in ("payment_word", "channel", "coupon_code")}
_COLUMNS = ("contact_id", *_PLAIN, *_SETTLED)
_SAID = ("source", "number", *_PLAIN, "payment")
_LINE = ("order_id", "position", "product_id", "name", "sku", "quantity", "unit_price_minor", "total_minor")
_REFUND = ("order_id", "key", "amount_minor", "at", "reason", "quantities")


def _columns(p: Purchase, contact_id: int | None, others_minor: int, covered_minor: int) -> list:
    """Return _COLUMNS of a purchase whose refunds come to `others_minor`; its sum includes `covered_minor` of them."""
    return [
        contact_id, p.kind, p.placed_at, p.currency, p.total_minor, p.discount_minor, p.shipping_minor, p.tax_minor,
        p.payment_word[: _LIMITS["payment_word"]], p.cancelled_at, p.channel[: _LIMITS["channel"]],
        p.coupon_code[: _LIMITS["coupon_code"]], p.note, p.content_hash, *_settled(p, others_minor, covered_minor),
    ]  # fmt: skip


def _settled(p: Purchase, others_minor: int, covered_minor: int = 0) -> tuple[int, str, bool, int]:
    """Return _SETTLED of a purchase whose refunds of keys of their own come to `others_minor`.

    The platform's sum includes those of them it told one by one in another file, which come to `covered_minor`.
    """
    refunded = p.refunded_minor - sum(amount for _key, amount, _at in p.refunds) if p.refunds else p.refunded_minor
    if p.payment == Order.Payment.REFUNDED and not refunded and not p.refunds:
        refunded = p.total_minor  # the platform says so without a sum
    return returning.settled(
        kind=p.kind, total_minor=p.total_minor, refunded_minor=max(refunded - covered_minor, 0) + others_minor,
        payment=p.payment, cancelled=p.cancelled_at is not None,
    )  # fmt: skip


def _lines(order_id: int, lines: list[PurchaseLine], products: dict[str, int]) -> list[tuple]:
    return [
        (
            order_id, position, products.get(line.key), line.name[:NAME_LIMIT],
            line.sku[:SKU_LIMIT], line.quantity, line.unit_price_minor, line.total_minor,
        )
        for position, line in enumerate(lines, start=1)
    ]  # fmt: skip


def _total_refund(order_id: int, p: Purchase, refunded_minor: int, others_minor: int = 0) -> list[tuple]:
    """Return the refund that stands for the platform's sum, never more than was paid."""
    amount = refunded_minor - others_minor
    if p.kind != Order.Kind.SALE or amount <= 0:
        return []
    return [(order_id, returning.TOTAL, amount, p.refunded_at or p.cancelled_at or p.placed_at, "", {})]


def _settled_anew(row: dict, refunded_minor: int) -> tuple[int, str, bool, int]:
    """Return _SETTLED of an order in the books of which so much was given back."""
    return returning.settled(
        kind=row["kind"], total_minor=row["total_minor"], refunded_minor=refunded_minor, payment=row["payment"],
        cancelled=row["cancelled_at"] is not None,
    )  # fmt: skip


def _told_refunds(order_id: int, refunds: Iterable[Told], room_minor: int) -> list[tuple]:
    """Return the refunds a file tells one by one, together never more than is left to give back."""
    rows = []
    for key, amount, at in refunds:
        amount = min(amount, room_minor)
        if amount > 0:
            rows.append((order_id, key, amount, at, "", {}))
            room_minor -= amount
    return rows


def _sum(refunds: Iterable[tuple]) -> int:
    return sum(refund[2] for refund in refunds)


def _other_refunds(order_id: int, held: list[tuple], p: Purchase) -> tuple[list[tuple], int]:
    """Return the refunds beside the platform's sum, and what of those that stood in other files it includes."""
    told = p.told_refunds({refund[1] for refund in held})
    replaced = {returning.TOTAL, *(key for key, _amount, _at in told)}
    others = [refund for refund in held if refund[1] not in replaced]
    covered_minor = _sum(refund for refund in others if refund[1].startswith(f"{p.source}:"))
    return others + _told_refunds(order_id, told, p.total_minor - _sum(others)), covered_minor


def _refunds_added(row: dict, held: list[tuple], p: Purchase) -> list[tuple]:
    """Return an order's refunds with those a file tells; a sum the platform told includes them."""
    told = p.told_refunds({refund[1] for refund in held}) if p.currency == row["currency"] else ()
    replaced = {key for key, _amount, _at in told}
    others = [refund for refund in held if refund[1] not in {returning.TOTAL, *replaced}]
    added = _told_refunds(row["id"], told, row["total_minor"] - _sum(others))
    news_minor = max(_sum(added) - _sum(refund for refund in held if refund[1] in replaced), 0)
    total = [
        (*refund[:2], refund[2] - news_minor, *refund[3:])
        for refund in held
        if refund[1] == returning.TOTAL and refund[2] > news_minor
    ]
    return sorted([*others, *added, *total], key=lambda refund: refund[1])


def _insert(
    new: Purchases, buyers: list[int | None], products: dict[str, int], now: dt.datetime, import_id: int | None
) -> list[int]:
    """Write new orders; return their ids."""
    if not new:
        return []
    count = len(new)
    order_ids = bulk.reserve_ids(Order, count)
    columns = dict(zip(_SAID, new.columns(*_SAID)))
    for name, limit in _LIMITS.items():
        if max(map(len, columns[name])) > limit:
            columns[name] = [text[:limit] for text in columns[name]]
    lines, refunds = [], []
    kinds, payments, totals, *given_back = told = new.columns(
        "kind", "payment", "total_minor", "refunded_minor", "refunds", "cancelled_at"
    )
    if {*kinds} == {_SALE} and {*payments} == {_PAID} and not any(map(any, given_back)):  # nearly always
        columns |= zip(_SETTLED, ([0] * count, payments, [True] * count, totals))
    else:
        settled = []
        for position, (kind, payment, total, refunded, told_one_by_one, cancelled_at) in enumerate(zip(*told)):
            if kind == _SALE and payment == _PAID and not (refunded or told_one_by_one or cancelled_at):
                settled.append((0, _PAID, True, total))
                continue
            p, order_id = new[position], order_ids[position]
            told_refunds = _told_refunds(order_id, told_one_by_one, total)
            told_minor = _sum(told_refunds)
            settled.append(_settled(p, told_minor))
            if refunded := settled[-1][0]:
                refunds += told_refunds
                refunds += _total_refund(order_id, p, refunded, told_minor)
        columns |= zip(_SETTLED, zip(*settled))
    for order_id, of_order in zip(order_ids, new.column("lines")):
        if of_order:
            lines += _lines(order_id, of_order, products)
    columns |= {"id": order_ids, "contact_id": buyers, "created_at": [now] * count, "updated_at": [now] * count}
    columns |= {"version": [1] * count, "created_by_import": [import_id] * count}
    bulk.insert_columns(Order, columns)
    bulk.insert(OrderLine, _LINE, lines)
    bulk.insert(Refund, _REFUND, refunds)
    return order_ids


def _update(
    changed: list[tuple[Known, Purchase, int | None]],
    products: dict[str, int],
    now: dt.datetime,
    import_id: int | None,
    done: Recorded,
) -> set[int | None]:
    """Write what differs; return the people before and after. A return slip is taken apart, to be matched anew."""
    order_ids = [known.order_id for known, _purchase, _buyer in changed]
    held = {row["id"]: row for row in Order.objects.filter(id__in=bulk.among(order_ids)).values()}
    held_lines: dict[int, list[tuple]] = {order_id: [] for order_id in order_ids}
    rows = OrderLine.objects.filter(order__in=bulk.among(order_ids)).order_by("order_id", "position")
    for row in rows.values_list(*_LINE):
        held_lines[row[0]].append(row)
    held_refunds: dict[int, list[tuple]] = {order_id: [] for order_id in order_ids}
    rows = Refund.objects.filter(order__in=bulk.among(order_ids)).values_list(*_REFUND)
    for row in sorted(rows, key=lambda refund: refund[1]):
        held_refunds[row[0]].append(row)

    orders, hashes, lines, refunds, relined, rerefunded, people, slips = [], [], [], [], [], [], set(), []
    for known, p, buyer in changed:
        order_id = known.order_id
        row = held[order_id]
        contact_id = buyer if buyer is not None else row["contact_id"]
        only_refunds = p.only_refunds or knows_better(known.content_hash, p.tells)
        # another file told the rest
        stays = only_refunds or (p.tells == LINES and not row["content_hash"].startswith(f"{LINES}:"))
        new_lines = held_lines[order_id] if only_refunds or p.tells == HEAD else _lines(order_id, p.lines, products)
        if stays:
            new_refunds = _refunds_added(row, held_refunds[order_id], p)
            columns = [contact_id, *(row[name] for name in _COLUMNS[1:])]
            if new_refunds != held_refunds[order_id]:
                columns[_REFUNDED:] = _settled_anew(row, _sum(new_refunds))
        else:
            others, covered_minor = _other_refunds(order_id, held_refunds[order_id], p)
            others_minor = _sum(others)
            columns = _columns(p, contact_id, others_minor, covered_minor)
            new_refunds = [*others, *_total_refund(order_id, p, columns[_REFUNDED], others_minor)]
            new_refunds.sort(key=lambda refund: refund[1])
        before = {name: row[name] for name, value in zip(_COLUMNS, columns) if row[name] != value}
        if p.kind == Order.Kind.RETURN and row["original_id"] and before.keys() <= {"content_hash", *_SETTLED}:
            before = {name: value for name, value in before.items() if name == "content_hash"}
        if new_lines != held_lines[order_id]:
            before["lines"] = held_lines[order_id]
            relined.append(order_id)
            lines += new_lines
        if new_refunds != held_refunds[order_id]:
            before["refunds"] = held_refunds[order_id]
            rerefunded.append(order_id)
            refunds += new_refunds
        if not before:
            continue
        if before.keys() <= {"content_hash"}:  # only what the file says about the buyer changed
            hashes.append([p.content_hash, now, order_id])
            continue
        if row["kind"] == Order.Kind.RETURN:
            slips.append(order_id)
            before |= {name: row[name] for name in ("original_id", "net_minor", "counts")}
        own = import_id is not None and row["created_by_import"] == import_id
        version = row["version"] + (0 if own else 1)
        orders.append([*columns, now, version, order_id])
        if not own:
            done.changes.append(("order", order_id, returning.as_json(before), {}, version))
        done.updated.append(order_id)
        people |= {row["contact_id"], contact_id}

    if slips:
        originals, changes = returning.unmatch(slips, now=now, import_id=import_id)
        done.originals += originals
        done.changes += changes
    bulk.update(Order, ("content_hash", "updated_at"), hashes)
    bulk.update(Order, (*_COLUMNS, "updated_at", "version"), orders)
    OrderLine.objects.filter(order__in=bulk.among(relined)).delete()
    bulk.insert(OrderLine, _LINE, lines)
    Refund.objects.filter(order__in=bulk.among(rerefunded)).delete()
    bulk.insert(Refund, _REFUND, refunds)
    return people
