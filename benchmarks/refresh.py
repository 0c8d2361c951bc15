"""Time the night run on invented shops of growing size, stage by stage, beside the recency rule alone.

    python benchmarks/refresh.py [--sizes 50000 100000 200000] [--orders-per-customer 5]

Each size runs in a process of its own on a fresh SQLite file, so that the peak of memory is its own. The baseline is
what a shop does without any of this: one query for each customer's last order and "no order for 90 days". CPU seconds
of the command are printed beside wall seconds, because a shared machine stretches the latter.
"""

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PRODUCTS = 2_000
AS_OF = dt.date(2026, 11, 19)
DAYS = 900


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[50_000, 100_000, 200_000])
    parser.add_argument("--orders-per-customer", type=float, default=5.0)
    parser.add_argument("--fill", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill(options.fill, options.orders_per_customer)
        return
    heads = ("customers", "orders", "wall s", "CPU s", "peak MB", "CPU us/order", "rule s")
    print("".join(f"{head:>{width}}" for head, width in zip(heads, (10, 10, 8, 8, 9, 14, 8))), " stages, wall s")
    for size in options.sizes:
        folder = tempfile.mkdtemp(prefix="regulars-refresh-")
        env = os.environ | {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "crm.settings"}
        try:
            manage = [sys.executable, str(ROOT / "manage.py")]
            subprocess.run([*manage, "migrate", "-v", "0"], env=env, check=True)
            command = [sys.executable, __file__, "--fill", str(size)]
            command += ["--orders-per-customer", str(options.orders_per_customer)]
            rule = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [*manage, "refresh_loyalty", "--as-of", AS_OF.isoformat(), "--json"]
            run = json.loads(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        finally:
            shutil.rmtree(folder)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        stages = " ".join(f"{name} {stage['seconds']:.1f}" for name, stage in run["stages"].items())
        print(
            f"{run['customers']:>10,}{run['orders']:>10,}{run['seconds']:>8.1f}{cpu:>8.1f}{run['peak_rss_mb']:>9.0f}"
            f"{cpu / run['orders'] * 1e6:>14.1f}{rule:>8}  {stages}  {run['champions']}",
            flush=True,
        )


def fill(customers: int, per_customer: float) -> None:
    """Write the shop into the database of DATA_DIR; print the seconds the recency rule takes on it."""
    import django

    django.setup()
    import numpy as np
    from django.db import connection, transaction

    from crm.accounts.models import Shop
    from crm.contacts.models import Contact
    from crm.lib import bulk
    from crm.orders.models import Order, OrderLine, Product
    from loyalty.estimators import simulate

    history, _ = simulate.bgnbd(
        customers=customers, days=DAYS, r=0.6, alpha=5.5 * (5.0 / per_customer), a=0.7, b=3.0, joined_within=700, seed=1
    )
    rng = np.random.default_rng(2)
    wanted = int(customers * per_customer)
    rows = np.arange(len(history.order_day))
    if len(rows) > wanted:
        first = np.r_[True, history.order_customer[1:] != history.order_customer[:-1]]
        extra = rng.choice(rows[~first], max(wanted - int(first.sum()), 0), replace=False)
        rows = np.sort(np.r_[rows[first], extra])
    base = dt.datetime.combine(AS_OF, dt.time(12), dt.UTC) - dt.timedelta(days=DAYS)
    with transaction.atomic():
        Shop.objects.create(name="Bench", currency="EUR", timezone="Europe/Berlin", language="en")
        Product.objects.bulk_create(Product(key=f"p{i}", name=f"Product {i}") for i in range(PRODUCTS))
        products = np.array(list(Product.objects.order_by("id").values_list("id", flat=True)))
        ids = bulk.reserve_ids(Contact, customers)
        columns = ("id", "name", "greeting", "email", "phone", "company", "street", "postcode", "city", "region",
                   "country", "language", "tags", "extra", "consent", "typed_fields", "joined_at", "created_at",
                   "updated_at", "version", "order_count", "spent_minor", "points_balance", "group",
                   "stage")  # fmt: skip
        texts = ("",) * 10
        bulk.insert(Contact, columns, [
            (pk, f"Customer {pk}", *texts, [], {}, "unknown", [], base, base, base, 1, 1, 0, 0, "", "") for pk in ids
        ])  # fmt: skip
        order_ids = bulk.reserve_ids(Order, len(rows))
        day, who = history.order_day[rows].tolist(), history.order_customer[rows].tolist()
        amount = history.order_amount[rows].tolist()
        columns = ("id", "source", "number", "kind", "contact_id", "placed_at", "currency", "total_minor",
                   "discount_minor", "shipping_minor", "tax_minor", "refunded_minor", "net_minor", "payment",
                   "payment_word", "counts", "channel", "coupon_code", "note", "content_hash", "created_at",
                   "updated_at", "version")  # fmt: skip
        bulk.insert(Order, columns, [
            (pk, "bench", str(pk), "sale", ids[c], base + dt.timedelta(days=d), "EUR", m, 0, 0, 0, 0, m, "paid", "",
             True, "", "", "", "", base, base, 1) for pk, c, d, m in zip(order_ids, who, day, amount)
        ])  # fmt: skip
        favourite = rng.zipf(1.3, (customers, 4)) % PRODUCTS
        count = 1 + rng.poisson(1.5, len(rows))
        line_order = np.repeat(np.arange(len(rows)), count)
        taste = favourite[np.array(who)[line_order], rng.integers(0, 4, len(line_order))]
        item = np.where(rng.random(len(line_order)) < 0.6, taste, rng.zipf(1.3, len(line_order)) % PRODUCTS)
        position = np.arange(len(line_order)) - np.repeat(np.cumsum(count) - count, count) + 1
        columns = ("order_id", "position", "product_id", "name", "sku", "quantity", "unit_price_minor", "total_minor")
        bulk.insert(OrderLine, columns, [
            (order_ids[o], p, i, "", "", 1.0, 500, 500)
            for o, p, i in zip(line_order.tolist(), position.tolist(), products[item].tolist())
        ])  # fmt: skip
    began = time.perf_counter()
    limit = base + dt.timedelta(days=DAYS - 90)
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact_id, MAX(placed_at) FROM orders_order WHERE counts GROUP BY contact_id")
        sum(1 for _, last in cursor.fetchall() if last < limit.isoformat(" "))
    print(f"{time.perf_counter() - began:.2f}")


if __name__ == "__main__":
    main()
