"""Time points on an invented shop: settle historic orders, mature and expire lots, redeem.

    python benchmarks/settle.py [--orders 1000000] [--hold] [--redemptions 2000]

Everything runs in a process of its own on a fresh SQLite file, or where DATABASE_URL says (which must be empty).
`--hold` gives every order a hold period and an expiry, so that each lot has to mature and expire once.
"""

import argparse
import datetime as dt
import os
import resource
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
PER_CUSTOMER = 10
AT_ONCE = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--redemptions", type=int, default=2_000)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="regulars-settle-")
    os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "crm.settings", "ENV_FILE": ""}
    try:
        measure(options)
    finally:
        shutil.rmtree(folder)


def measure(options) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from crm.accounts import setup
    from crm.rewards.models import Rule

    call_command("migrate", verbosity=0)
    setup.ensure_shop(currency="EUR", timezone="Europe/Berlin")
    params = {"points": 1, "step_minor": 100, "currency": "EUR"}
    if options.hold:
        params |= {"hold_days": 14, "expiry": {"months": 12, "round": "month"}}
    Rule.objects.create(kind="per_amount", params=params, starts_on=dt.date(2020, 1, 1))
    with timed(f"write {options.orders:,} orders (not ours)"):
        write_orders(options.orders)
    with timed(f"settle {options.orders:,} orders") as told:
        told["entries"] = settle(options.orders)
    with timed("settle them again"):
        settle(options.orders)
    if options.hold:
        from crm.rewards import falling_due

        with timed("mature what is pending") as told:
            told["accounts"] = falling_due.mature(now=NOW + dt.timedelta(days=14))
        with timed("mature again, nothing due"):
            falling_due.mature(now=NOW + dt.timedelta(days=14))
        with timed("expire everything") as told:
            told["accounts"] = falling_due.expire(now=NOW + dt.timedelta(days=5_000))
        return
    people = max(1, options.orders // PER_CUSTOMER)
    with timed(f"{options.redemptions:,} redemptions, one transaction each") as told:
        told["per second"] = redeem(options.redemptions, people)


def write_orders(count: int) -> None:
    from django.db import transaction

    from crm.contacts.models import Contact
    from crm.lib import bulk
    from crm.orders.models import Order

    customers = max(1, count // PER_CUSTOMER)
    with transaction.atomic():
        people = (Contact(name="Mia Fuchs", joined_at=NOW - dt.timedelta(days=900)) for _ in range(customers))
        Contact.objects.bulk_create(people, batch_size=1_000)
    columns = ("source", "number", "kind", "contact_id", "placed_at", "currency", "total_minor", "discount_minor",
               "shipping_minor", "tax_minor", "refunded_minor", "net_minor", "payment", "payment_word", "counts",
               "channel", "coupon_code", "note", "content_hash", "created_at", "updated_at", "version")  # fmt: skip
    for start in range(0, count, AT_ONCE):
        with transaction.atomic():
            rows = []
            for number in range(start, min(start + AT_ONCE, count)):
                at = NOW - dt.timedelta(minutes=1 + number % 1_000_000)
                minor = 500 + number * 7919 % 15_000
                rows.append(
                    ("bench", str(number), "sale", 1 + number * 104_729 % customers, at, "EUR", minor, 0, 0, 0, 0, minor,
                     "paid", "", True, "", "", "", "", NOW, NOW, 1)
                )  # fmt: skip
            bulk.insert(Order, columns, rows)


def settle(count: int) -> int:
    from django.db import transaction

    from crm.rewards import settling

    written = 0
    for start in range(1, count + 1, settling.CHUNK):
        with transaction.atomic():
            written += settling.settle(range(start, min(start + settling.CHUNK, count + 1)), now=NOW)
    return written


def redeem(count: int, people: int) -> int:
    """Reserve and commit one by one, each in a transaction of its own; return how many a second."""
    from crm.rewards import redeeming

    started = time.perf_counter()
    for number in range(count):
        redeeming.redeem(1 + number * 7 % people, points=1 + number % 20, key=f"bench:{number}", now=NOW)
    return round(count / (time.perf_counter() - started))


@contextmanager
def timed(what: str):
    told = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield told
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    more = "".join(f", {name} {value:,}" for name, value in told.items())
    print(f"{what:<45}{wall:>8.1f} s wall {cpu:>8.1f} s CPU, peak {peak:.0f} MB{more}", flush=True)


if __name__ == "__main__":
    main()
