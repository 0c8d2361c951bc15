"""Measure an import from CSV to settled points, beside the floor: reading the CSV and inserting the same rows raw.

    python benchmarks/import.py [--lines 10000 100000 1000000] [--shapes shopify plain] [--postgres URL] [--json]

floor          csv.reader and executemany of the same rows, in one transaction, on the embedded default
check          what everybody does first, in the same worker: the file read and held beside the books, nothing saved
import         the file into an empty shop whose points programme begins on the day of the import, the default: orders
               from before it earn nothing, and whoever orders next day earns
with points    the same, with an earning rule in force since before the first order, so that nearly every order is settled
again          the same file once more
again, edited  the same file once more with another amount on its last line, so that every order has to be looked at
postgresql     as import, into a database made for it on the server of --postgres
import-export  django-import-export, with its bulk mode, on the rows of the one-line file: a customer and an order a row.
               Rows as they stand, no matching, no points; on a smaller slice, because it is slow.

Every measurement runs in a process of its own, on a temporary database. Times are wall time; the processors' time, of
the process that reads beside it too, stands next to it: a busy machine stretches the first and not the second. Peak
memory is that of both processes together.
"""

import argparse
import csv
import datetime as dt
import json
import os
import random
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil

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
IMPORT_EXPORT_LINES = 10_000
START = dt.datetime(2018, 1, 1, 9, tzinfo=dt.UTC)  # a million lines end before the programme of today begins


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


def measure_import(path: Path, *, what: str) -> int:
    """Import the file through the same functions as the page and the command; `again` counts on an earlier one."""
    import django

    django.setup()
    again = what.startswith("again")
    from django.core.management import call_command

    from crm.accounts import setup
    from crm.imports import reading
    from crm.imports.formats import FORMATS
    from crm.lib import clock
    from crm.rewards.models import Rule

    if not again:
        call_command("migrate", verbosity=0)
        setup.ensure_shop(currency="EUR", timezone="Europe/Berlin")
        Rule.objects.create(
            kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"},
            starts_on=START.date() if what == "with points" else clock.now().date(),
        )  # fmt: skip
    if what == "again, edited":
        _edit(path)
    now = clock.now()
    list(FORMATS.values())  # loaded, as in a worker that has seen a file before
    if not again:
        with _Stopwatch():
            reading.check(path, name=path.name, options={}, now=now)
        _Stopwatch.check = _Stopwatch.wall, _Stopwatch.cpu
    with _Stopwatch():
        importing = reading.create(path, name=path.name, options={}, now=now, state="reading")
        importing = reading.read(importing.pk, now=now)
    if importing.state != "done":
        raise SystemExit(importing.error)
    counts = importing.result["orders"]
    if counts["created" if again else "unchanged"] or counts["updated"] != (what == "again, edited"):
        raise SystemExit(f"not what was expected: {importing.result}")
    return importing.rows_read


def _edit(path: Path) -> None:
    """Give the last line another amount: its last digit but one."""
    with open(path, "r+b") as file:
        file.seek(-400, os.SEEK_END)
        tail = file.read()
        *before, last = tail.rstrip(b"\r\n").split(b"\n")
        cells = last.split(b",")
        place = PLAIN.index("amount") if len(cells) == len(PLAIN) else SHOPIFY.index("Lineitem price") - len(SHOPIFY)
        cells[place] = cells[place][:-1] + (b"1" if cells[place][-1:] != b"1" else b"2")
        file.seek(-400, os.SEEK_END)
        file.write(b"\n".join([*before, b",".join(cells)]) + b"\r\n")


def measure_import_export(path: Path) -> int:
    """Import the rows of a one-line file with django-import-export: people first, then orders, each in bulk."""
    import django

    django.setup()
    import tablib
    from django.core.management import call_command
    from import_export import fields, resources, widgets

    from crm.accounts import setup
    from crm.contacts.models import Contact
    from crm.orders.models import Order

    class People(resources.ModelResource):
        class Meta:
            model = Contact
            fields = ("name", "joined_at")
            import_id_fields = ("name",)
            use_bulk, batch_size, skip_diff, use_transactions = True, 4_000, True, True

    class Orders(resources.ModelResource):
        contact = fields.Field("contact", "contact", widgets.ForeignKeyWidget(Contact, "name"))

        class Meta:
            model = Order
            fields = ("source", "number", "placed_at", "currency", "total_minor", "net_minor", "contact")
            import_id_fields = ("source", "number")
            use_bulk, batch_size, skip_diff, use_transactions = True, 4_000, True, True

    call_command("migrate", verbosity=0)
    setup.ensure_shop(currency="EUR", timezone="UTC")
    with _Stopwatch():
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        first = {row["customer_id"]: row["date"] for row in reversed(rows)}
        people = tablib.Dataset(*first.items(), headers=["name", "joined_at"])
        People().import_data(people, raise_errors=True)
        orders = tablib.Dataset(headers=list(Orders.Meta.fields))
        for row in rows:
            minor = round(float(row["amount"]) * 100)
            orders.append(["file", row["order_id"], row["date"], "EUR", minor, minor, row["customer_id"]])
        Orders().import_data(orders, raise_errors=True)
    if Order.objects.count() != len(rows):
        raise SystemExit("not every order came in")
    return len(rows)


class _Stopwatch:
    """Wall and processor seconds of a block; the last one measured is kept."""

    wall = cpu = 0.0
    check: tuple[float, float] | None = None  # those of the check before an import

    def __enter__(self):
        self.started = time.perf_counter(), self.processors()

    def __exit__(self, *_error):
        _Stopwatch.wall = time.perf_counter() - self.started[0]
        _Stopwatch.cpu = self.processors() - self.started[1]

    @staticmethod
    def processors() -> float:
        return sum(os.times()[:4])  # our own and that of processes that ended


def child(what: str, path: Path, shape: str) -> None:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    if what == "floor":
        with _Stopwatch():
            rows = measure_floor(path, shape)
    elif what == "import-export":
        rows = measure_import_export(path)
    else:
        rows = measure_import(path, what=what)
    told = {"rows": rows, "wall": _Stopwatch.wall, "cpu": _Stopwatch.cpu, "check": _Stopwatch.check}
    print(json.dumps(told))


def run(what: str, path: Path, shape: str, folder: Path, database: str = "") -> dict:
    folder.mkdir(exist_ok=True)
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode")}  # kept, as on a box
    environment = {**os.environ, **bytecode, "DATA_DIR": str(folder), "DATABASE_URL": database}
    with tempfile.TemporaryFile("w+") as output:
        process = psutil.Popen(
            [sys.executable, __file__, "--child", what, str(path), shape], env=environment, stdout=output, stderr=output
        )
        peak = 0
        while process.poll() is None:
            with suppress(psutil.Error):
                peak = max(peak, sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]))
            time.sleep(0.05)
        output.seek(0)
        told = output.read()
    if process.returncode:
        raise SystemExit(told)
    return {**json.loads(told.splitlines()[-1]), "peak_mb": round(peak / 1024**2)}


@contextmanager
def made_for_it(server: str):
    """Give the address of a new database on a PostgreSQL server, and drop it afterwards."""
    import psycopg

    name = f"regulars_bench_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def measure(shape: str, lines: int, postgres: str):
    """Yield (what, lines, figures) of everything that is measured on one file."""
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as name:
        folder = Path(name)
        path = folder / f"{shape}.csv"
        WRITERS[shape](path, lines)
        yield "floor", lines, run("floor", path, shape, folder / "floor")
        yield "with points", lines, run("with points", path, shape, folder / "points")
        if postgres:
            with made_for_it(postgres) as database:
                yield "postgresql", lines, run("import", path, shape, folder / "postgresql", database)
        found = run("import", path, shape, folder / "import")
        wall, cpu = found["check"]
        yield "check", lines, {**found, "wall": wall, "cpu": cpu}
        yield "import", lines, found
        for what in ("again", "again, edited"):
            yield what, lines, run(what, path, shape, folder / "import")
        if shape == "plain":
            few = min(lines, IMPORT_EXPORT_LINES)
            WRITERS[shape](path, few)
            yield "import-export", few, run("import-export", path, shape, folder / "import-export")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--shapes", nargs="+", choices=list(WRITERS), default=list(WRITERS))
    parser.add_argument("--postgres", default="", help="postgres://… of a server where a database may be made")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        what, path, shape = asked.child
        child(what, Path(path), shape)
        return
    table = []
    if not asked.json:
        print(f"{'file':>8} {'lines':>9}  {'what':<14} {'seconds':>8} {'lines/s':>9} {'cpu s':>7} {'peak MB':>8}")
    for shape in asked.shapes:
        for size in asked.lines:
            for what, lines, found in measure(shape, size, asked.postgres):
                table.append({"file": shape, "lines": lines, "what": what, **found})
                if not asked.json:
                    print(
                        f"{shape:>8} {lines:>9,}  {what:<14} {found['wall']:>8.2f} {lines / found['wall']:>9,.0f}"
                        f" {found['cpu']:>7.2f} {found['peak_mb']:>8}",
                        flush=True,
                    )
    if asked.json:
        print(json.dumps(table))


if __name__ == "__main__":
    main()
