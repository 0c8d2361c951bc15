"""What the shop sells, as a product file tells it.

A product is known by its SKU, else its name (purchases.product_key), so that a file of products and the lines of
orders speak of the same rows. Only what an item says changes; a blank erases nothing. What a changed product held
before is handed back for undo. Units on hand are a count with its day: those of several items of one product (its
variants, where orders do not tell them apart) add up, and a count does not give way to an older one.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from crm.accounts.models import Shop
from crm.lib import bulk, clock
from crm.orders.models import Product
from crm.orders.purchases import Item
from crm.orders.recording import NAME_LIMIT, SKU_LIMIT

CATEGORY_LIMIT = 150
_COLUMNS = ("sku", "name", "category", "price_minor", "cost_minor", "is_active", "stock", "stock_at")


@dataclass(slots=True)
class Catalogued:
    """What became of a list: ids of products, each once, and what the changed ones held before."""

    created: list[int]
    updated: list[int]
    unchanged: list[int]
    changes: list[tuple[str, int, dict, dict, int]]  # table, id, before, after, version after (products have none)


def catalogue(items: Iterable[Item], *, now: dt.datetime, import_id: int | None = None) -> Catalogued:
    """Write new and changed products; of several items of one product the last word on each column counts.

    Prices and costs in another currency than the shop's are left out. Inside a transaction.
    """
    currency, zone = Shop.objects.values_list("currency", "timezone").first() or (None, "UTC")
    today = clock.local_date(now, zone)
    said: dict[str, dict] = {}
    for item in items:
        if item.key:
            known = said.setdefault(item.key, {})
            known.update(_told(item, currency) | _counted(item, known, today))
    done = Catalogued([], [], [], [])
    rows = []
    known = Product.objects.filter(key__in=bulk.among(said))
    for key, product_id, made_by, *held in bulk.rows(known.values_list("key", "id", "created_by_import", *_COLUMNS)):
        told = said.pop(key)
        _leave_older_count(told, held)
        before = {name: value for name, value in zip(_COLUMNS, held) if name in told and told[name] != value}
        if not before:
            done.unchanged.append(product_id)
            continue
        rows.append([*(told.get(name, value) for name, value in zip(_COLUMNS, held)), product_id])
        done.updated.append(product_id)
        if import_id is None or made_by != import_id:
            after = {name: told[name] for name in before}
            done.changes.append(("product", product_id, _plain(before), _plain(after), 0))
    bulk.update(Product, _COLUMNS, rows)

    done.created = bulk.reserve_ids(Product, len(said))
    bulk.insert(
        Product,
        ("id", "key", *_COLUMNS, "created_at", "created_by_import"),
        [
            (
                product_id, key, told.get("sku", ""), told.get("name") or told["sku"], told.get("category", ""),
                told.get("price_minor"), told.get("cost_minor"), told.get("is_active", True), told.get("stock"),
                told.get("stock_at"), now, import_id,
            )
            for product_id, (key, told) in zip(done.created, said.items())
        ],
    )  # fmt: skip
    return done


def _told(item: Item, currency: str | None) -> dict:
    """Return the columns an item says something about."""
    is_ours = item.currency in ("", currency)
    told = {
        "sku": item.sku[:SKU_LIMIT], "name": item.name[:NAME_LIMIT], "category": item.category[:CATEGORY_LIMIT],
        "price_minor": item.price_minor if is_ours else None, "cost_minor": item.cost_minor if is_ours else None,
        "is_active": item.is_active,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in ("", None)}


def _counted(item: Item, known: dict, today: dt.date) -> dict:
    """Return how many are on hand and since when, together with what items above said of the same product."""
    if item.stock is None:
        return {}
    day = min(item.stock_on or today, today)
    if known.get("stock_at") == day:
        return {"stock": known["stock"] + item.stock}
    return {"stock": item.stock, "stock_at": day}


def _leave_older_count(told: dict, held: list) -> None:
    """Leave out a count older than the one the books hold."""
    counted_on = held[_COLUMNS.index("stock_at")]
    if counted_on is not None and "stock" in told and told["stock_at"] < counted_on:
        del told["stock"], told["stock_at"]


def _plain(columns: dict) -> dict:
    """Return columns as JSON keeps them."""
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in columns.items()}
