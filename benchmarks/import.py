"""Measure an import from CSV to settled points, beside the floor: reading the CSV and inserting the same rows raw.

    python benchmarks/import.py [--lines 10000 100000 1000000] [--shapes shopify plain] [--json]

Every measurement runs in a process of its own, on a temporary SQLite database with the pragmas of the
embedded default and one earning rule in force, so that the peak memory is its own. Times are wall time; the
processor's time stands beside them, because a busy machine stretches the first and not the second.
"""

import argparse
import csv
import datetime as dt
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,"
    "Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,"
    "Shipping Company,Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,"
    "Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,"
    "Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,"
    "Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone,Receipt Number,Duties,Billing Province Name,"
    "Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,Payment References"
).split(",")
PLAIN = ["order_id", "date", "customer_id", "amount"]
PRODUCTS = 500
LINES_PER_ORDER = (1, 2, 3, 4, 5)  # three in the mean
ORDERS_PER_CUSTOMER = 5
START = dt.datetime(2023, 1, 1, 9, tzinfo=dt.UTC)


def write_shopify(path: Path, lines: int) -> None:
    """Write a full Shopify export, newest order first as Shopify does."""
    draw = random.Random(7)
    columns = {name: index for index, name in enumerate(SHOPIFY)}
    orders = lines // 3
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(SHOPIFY)
        written, number = 0, orders + 1000
        while written < lines:
            count = min(draw.choice(LINES_PER_ORDER), lines - written)
            items = [(draw.randrange(PRODUCTS), draw.randint(1, 3)) for _ in range(count)]
            total = sum(quantity * _price(product) for product, quantity in items)
            customer = draw.randrange(max(orders // ORDERS_PER_CUSTOMER, 1))
            placed = START + dt.timedelta(minutes=7 * number)
            for position, (product, quantity) in enumerate(items):
                row = [""] * len(SHOPIFY)
                said = {
                    "Name": f"#{number}", "Lineitem quantity": quantity, "Lineitem name": f"Product {product} - Red / S",
                    "Lineitem price": _money(_price(product)), "Lineitem sku": f"SKU-{product:04}", "Vendor": "Acme",
                    "Lineitem requires shipping": "true", "Lineitem taxable": "true", "Lineitem discount": "0.00",
                    "Lineitem fulfillment status": "fulfilled", "Email": f"customer{customer}@example.com",
                    "Created at": f"{placed:%Y-%m-%d %H:%M:%S} +0000",
                }  # fmt: skip
                if position == 0:
                    said |= _first_row(customer, placed, total, number, draw)
                for name, value in said.items():
                    row[columns[name]] = value
                writer.writerow(row)
            written += count
            number -= 1


def _first_row(customer: int, placed: dt.datetime, total: int, number: int, draw: random.Random) -> dict:
    is_refunded = draw.random() < 0.03
    person = f"Customer {customer} Example"
    address = {
        "Street": f"{customer} Main Street", "Address1": f"{customer} Main Street", "City": "Springfield", "Zip": "12345",
        "Province": "IL", "Country": "US", "Phone": f"+1217{customer:07}"[:12], "Name": person,
    }  # fmt: skip
    return {
        "Financial Status": "partially_refunded" if is_refunded else "paid", "Paid at": f"{placed:%Y-%m-%d %H:%M:%S} +0000",
        "Fulfillment Status": "fulfilled", "Accepts Marketing": "yes" if customer % 3 else "no", "Currency": "EUR",
        "Subtotal": _money(total), "Shipping": "4.90", "Taxes": "0.00", "Total": _money(total + 490),
        "Discount Amount": "0.00", "Shipping Method": "Standard", "Payment Method": "Shopify Payments",
        "Payment Reference": f"c{number}.1", "Refunded Amount": _money(total // 2) if is_refunded else "0.00",
        "Outstanding Balance": "0.00", "Id": 5_000_000_000_000 + number, "Risk Level": "Low", "Source": "web",
        "Tax 1 Name": "VAT 19%", "Tax 1 Value": "0.00", "Payment ID": f"c{number}.1", "Payment References": f"c{number}.1",
        **{f"Billing {name}": value for name, value in address.items()},
        **{f"Shipping {name}": value for name, value in address.items()},
    }  # fmt: skip


def write_plain(path: Path, lines: int) -> None:
    """Write one line per order: number, moment, customer, amount."""
    draw = random.Random(7)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(PLAIN)
        for number in range(lines):
            placed = START + dt.timedelta(minutes=3 * number)
            customer = draw.randrange(max(lines // ORDERS_PER_CUSTOMER, 1))
            writer.writerow(
                [number + 1, f"{placed:%Y-%m-%d %H:%M:%S}", customer + 1, _money(draw.randint(200, 20_000))]
            )


def _price(product: int) -> int:
    return 500 + product * 13


def _money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


WRITERS = {"shopify": write_shopify, "plain": write_plain}


def measure_floor(path: Path, shape: str) -> int:
    """Read the CSV and insert what an order needs of every row, raw, in one transaction."""
    from crm.lib import sqlite

    sqlite.use_safe_build()
    import sqlite3

    header = SHOPIFY if shape == "shopify" else PLAIN
    wanted = ("Name", "Email", "Currency", "Total", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price",
              "Lineitem sku", "Billing Name", "Billing City", "Billing Phone")  # fmt: skip
    picked = [header.index(name) for name in wanted] if shape == "shopify" else range(len(PLAIN))
    database = sqlite3.connect(path.with_suffix(".floor"), isolation_level=None)
    database.executescript(sqlite.journal_pragmas())
    database.execute(f"CREATE TABLE rows ({', '.join(f'c{index} TEXT' for index in range(len(picked)))})")
    database.execute("BEGIN")
    count = 0

    def rows():
        nonlocal count
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            next(reader)
            for cells in reader:
                count += 1
                yield [cells[index] for index in picked]

    database.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * len(picked))})", rows())
    database.execute("COMMIT")
    return count


def measure_import(path: Path, *, again: bool) -> int:
    """Import the file through the same functions as the page and the command; with `again`, time the second time."""
    import django

    django.setup()
    from django.core.management import call_command

    from crm.accounts import setup
    from crm.imports import reading
    from crm.lib import clock
    from crm.rewards.models import Rule

    if not again:
        call_command("migrate", verbosity=0)
        setup.ensure_shop(currency="EUR", timezone="Europe/Berlin")
        Rule.objects.create(
            kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on=dt.date(2020, 1, 1)
        )
    now = clock.now()
    with _Stopwatch():
        importing = reading.create(path, name=path.name, options={}, now=now, state="reading")
        importing = reading.read(importing.pk, now=now)
    if importing.state != "done":
        raise SystemExit(importing.error)
    if importing.result["orders"]["created" if again else "unchanged"]:
        raise SystemExit(f"not what was expected: {importing.result}")
    return importing.rows_read


class _Stopwatch:
    """Wall and processor seconds of a block; the last one measured is kept."""

    wall = cpu = 0.0

    def __enter__(self):
        self.started = time.perf_counter(), time.process_time()

    def __exit__(self, *_error):
        _Stopwatch.wall = time.perf_counter() - self.started[0]
        _Stopwatch.cpu = time.process_time() - self.started[1]


def child(what: str, path: Path, shape: str) -> None:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    if what == "floor":
        with _Stopwatch():
            rows = measure_floor(path, shape)
    else:
        rows = measure_import(path, again=what == "again")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    print(json.dumps({"rows": rows, "wall": _Stopwatch.wall, "cpu": _Stopwatch.cpu, "peak_mb": round(peak)}))


def run(what: str, path: Path, shape: str, folder: str) -> dict:
    environment = {**os.environ, "DATA_DIR": folder, "DATABASE_URL": os.environ.get("BENCH_DATABASE_URL", "")}
    answer = subprocess.run(
        [sys.executable, __file__, "--child", what, str(path), shape], env=environment, capture_output=True, text=True
    )
    if answer.returncode:
        raise SystemExit(answer.stderr or answer.stdout)
    return json.loads(answer.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--shapes", nargs="+", choices=list(WRITERS), default=list(WRITERS))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        what, path, shape = asked.child
        child(what, Path(path), shape)
        return
    table = []
    if not asked.json:
        print(
            f"{'file':>9} {'lines':>9}  {'what':<7} {'seconds':>8} {'lines/s':>9} {'cpu s':>7} {'lines/cpu s':>11} {'peak MB':>8}"
        )
    for shape in asked.shapes:
        for lines in asked.lines:
            with tempfile.TemporaryDirectory(prefix="regulars-bench-") as folder:
                path = Path(folder) / f"{shape}.csv"
                WRITERS[shape](path, lines)
                for what in ("floor", "import", "again"):
                    found = {"file": shape, "lines": lines, "what": what, **run(what, path, shape, folder)}
                    table.append(found)
                    if not asked.json:
                        print(
                            f"{shape:>9} {lines:>9,}  {what:<7} {found['wall']:>8.2f} {lines / found['wall']:>9,.0f}"
                            f" {found['cpu']:>7.2f} {lines / found['cpu']:>11,.0f} {found['peak_mb']:>8}",
                            flush=True,
                        )
    if asked.json:
        print(json.dumps(table))


if __name__ == "__main__":
    main()
