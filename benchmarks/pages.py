"""Time every main page with 100,000 customers and 300,000 orders beside the same page of an empty shop.

    python benchmarks/pages.py [--customers 100000] [--orders 300000] [--repeat 7] [--only customers]

Prints median server time (view, template and middleware; no network), how much of it this process worked (on a
busy machine the rest is waiting for its turn), and the number of queries.
"""

# ruff: noqa: E402 -- Django is told its settings before anything of ours is imported
import argparse
import datetime as dt
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="regulars-pages-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from crm.accounts.models import Shop, User
from crm.contacts.groups import GROUPS, STAGES
from crm.contacts.models import Contact, Segment, SegmentMember, SegmentSize
from crm.lib import bulk
from crm.orders import counting
from crm.orders.models import Order, OrderLine, Product

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
TARGET_MS = 100
FIRST = ["Lena", "Theo", "Ava", "Elif", "Jonas", "Maya", "Nadia", "Ethan", "Marco", "Ines", "Lukas", "Clara", "Özlem", "陈若兰"]
LAST = [
    "Hartmann", "Patel", "Okafor", "Haddad", "Weber", "Larsen", "Moreau", "Rossi", "Novak", "Yılmaz", "Müller", "Dubois",
]  # fmt: skip
CITIES = ["Berlin", "Hamburg", "München", "Köln", "Leipzig", "Potsdam", "Dresden", "Bremen", "Wien", "Zürich"]


def build(*, customers: int, orders: int, products: int = 500, seed: int = 1) -> None:
    """Fill the database with invented people and orders by plain inserts."""
    draw = random.Random(seed)
    groups, stages = list(GROUPS), list(STAGES)
    counts, spent, last = [0] * customers, [0] * customers, [None] * customers
    bulk_orders, lines = [], []
    prices = [draw.randint(150, 9000) for _ in range(products)]
    for number in range(1, orders + 1):
        who = int(customers * draw.random() ** 1.5)
        at = NOW - dt.timedelta(minutes=draw.randint(10, 3 * 365 * 24 * 60))
        bought = [draw.randrange(products) for _ in range(draw.choice((1, 1, 2, 3)))]
        total = sum(prices[product] for product in bought)
        counts[who] += 1
        spent[who] += total
        last[who] = max(last[who] or at, at)
        bulk_orders.append(
            (
                number, "shopify", f"#{1000 + number}", "sale", who + 1, at, "EUR", total, total, "paid", True, NOW, NOW,
                0, 0, 0, 0, "", "", "", "", "", 1,
            )
        )  # fmt: skip
        lines += [
            (number, product + 1, place, f"Product {product}", 1.0, prices[product], prices[product], "")
            for place, product in enumerate(bought)
        ]
    people = []
    for index in range(customers):
        name = f"{draw.choice(FIRST)} {draw.choice(LAST)}"
        email = f"customer{index}@example.com"
        phone = f"+4930{draw.randint(1_000_000, 9_999_999)}"
        people.append(
            (
                index + 1, name, email, email, phone, phone[1:], "" if index % 10 else "Café & Co", "Lindenstraße 1",
                "10969", draw.choice(CITIES), "DE",
                ["vip"] if index % 20 == 0 else ["newsletter", "shop"] if index % 3 == 0 else [],
                draw.choice(("yes", "no", "unknown")), NOW - dt.timedelta(minutes=draw.randint(1, 1600000)), NOW, NOW,
                counts[index], spent[index], last[index], draw.randint(0, 2000), draw.choice(groups), draw.choice(stages),
                draw.random() if counts[index] else None, spent[index] // 3, NOW.date(), "", "", "", {}, [], 1,
            )
        )  # fmt: skip
    with transaction.atomic():
        bulk.insert(
            Product,
            ("id", "key", "sku", "name", "category", "price_minor", "is_active", "created_at"),
            (
                (n + 1, f"product {n}", f"P-{n}", f"Product {n}", f"Category {n % 12}", prices[n], True, NOW)
                for n in range(products)
            ),
        )
        bulk.insert(
            Contact,
            (
                "id", "name", "email", "email_key", "phone", "phone_key", "company", "street", "postcode", "city",
                "country", "tags", "consent", "joined_at", "created_at", "updated_at", "order_count", "spent_minor",
                "last_order_at", "points_balance", "group", "stage", "churn_risk", "at_stake_minor", "scored_on",
                "greeting", "region", "language", "extra", "typed_fields", "version",
            ),
            people,
        )  # fmt: skip
        bulk.insert(
            Order,
            (
                "id", "source", "number", "kind", "contact_id", "placed_at", "currency", "total_minor", "net_minor",
                "payment", "counts", "created_at", "updated_at", "discount_minor", "shipping_minor", "tax_minor",
                "refunded_minor", "payment_word", "channel", "coupon_code", "note", "content_hash", "version",
            ),
            bulk_orders,
        )  # fmt: skip
        bulk.insert(
            OrderLine,
            ("order_id", "product_id", "position", "name", "quantity", "unit_price_minor", "total_minor", "sku"),
            lines,
        )
        for rank, (slug, group) in enumerate(GROUPS.items()):
            members = [person[0] for person in people if person[20] == slug]
            segment = Segment.objects.create(
                slug=slug, name=str(group.label), member_count=len(members), as_of=NOW.date(), rank=rank
            )
            bulk.insert(SegmentMember, ("segment_id", "contact_id"), ((segment.pk, member) for member in members))
            SegmentSize.objects.bulk_create(
                SegmentSize(
                    segment=segment,
                    date=NOW.date() - dt.timedelta(days=day),
                    member_count=len(members) * (60 - day) // 60,
                )
                for day in range(30)
            )
    start = time.perf_counter()
    counting.count(currency="EUR", now=NOW)
    print(f"counting what {products} products sold took {time.perf_counter() - start:.1f} s, outside of any page")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def pages() -> list[tuple[str, str]]:
    """Return (name, address) of the pages that are timed; the filled and the empty shop get the same ones."""
    customers, orders = reverse("contacts:list"), reverse("orders:list")
    listed = [
        ("customers", customers),
        ("customers, sorted by risk", f"{customers}?sort=-risk"),
        ("customers, last page", f"{customers}?page=999999"),
        ("customers, a group", f"{customers}?group=at_risk&sort=-stake"),
        ("customers, filtered", f"{customers}?min_spent=200&quiet_days=90&consent=yes"),
        ("customers, a tag", f"{customers}?tag=vip"),
        ("customers, a segment", f"{customers}?segment=loyal"),
        ("customers, common name", f"{customers}?q=lena"),
        ("customers, rare e-mail", f"{customers}?q=customer77123"),
        ("customers, no match", f"{customers}?q=zzzq"),
        ("customers, not in ASCII", f"{customers}?q=%C3%B6zlem+y%C4%B1lmaz"),
        ("segments", reverse("contacts:segments")),
        ("orders", orders),
        ("orders, by total", f"{orders}?sort=-total"),
        ("orders, last page", f"{orders}?page=999999"),
        ("orders, a number", f"{orders}?q=12345"),
        ("orders, a customer", f"{orders}?q=hartmann"),
        ("orders, a product", f"{orders}?product=77"),
        ("orders, filtered", f"{orders}?payment=paid&since=2026-01-01"),
        ("products", reverse("orders:products")),
        ("typed order", reverse("typed:order_new")),
    ]
    for name in ("home:today", "campaigns:list", "rewards:home", "imports:list", "loyalty:insights"):
        try:
            listed.append((name, reverse(name)))
        except NoReverseMatch:
            continue
    return listed


def single_pages() -> list[tuple[str, str]]:
    """Return the pages of one row, which an empty shop does not have."""
    regular = Contact.objects.order_by("-order_count", "-pk").values_list("pk", flat=True).first()
    return [
        ("one customer", reverse("contacts:detail", args=[regular])),
        ("one order", reverse("orders:detail", args=[5])),
        ("edit an order", reverse("typed:order_edit", args=[5])),
    ]


def measure(client: Client, url: str, repeat: int) -> tuple[float, float, int]:
    """Return a page's median milliseconds, those of this process alone, and its queries; the first visit warms up."""
    with CaptureQueriesContext(connection) as log:
        response = client.get(url)
    queries = len(log)  # now: the next request empties the log
    if response.status_code != 200:
        raise SystemExit(f"{url} answered {response.status_code}")
    walls, works = [], []
    for _visit in range(repeat):
        wall, work = time.perf_counter(), time.process_time()
        client.get(url)
        walls.append((time.perf_counter() - wall) * 1000)
        works.append((time.process_time() - work) * 1000)
    return statistics.median(walls), statistics.median(works), queries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=300_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--only", default="", help="a part of the pages' names")
    options = parser.parse_args()

    settings.ALLOWED_HOSTS = ["*"]
    if connection.vendor == "postgresql":
        connection.creation.create_test_db(verbosity=0, autoclobber=True)  # never the database of a real shop
    else:
        call_command("migrate", verbosity=0)
        if Shop.objects.exists():
            raise SystemExit("This database has a shop in it already; say DATA_DIR=/tmp/an-empty-folder")
    Shop.objects.create(name="Linden & Loaf", currency="EUR", timezone="Europe/Berlin")
    owner = User.objects.create_user(email="bench@example.com", name="Bench", password="not a secret here")
    client = Client()
    client.force_login(owner)

    wanted = [(name, url) for name, url in pages() if options.only in name]
    empty = {name: measure(client, url, options.repeat) for name, url in wanted}
    start = time.perf_counter()
    build(customers=options.customers, orders=options.orders)
    print(
        f"{options.customers:,} customers, {options.orders:,} orders on {connection.vendor}, "
        f"built in {time.perf_counter() - start:.0f} s; medians of {options.repeat} visits"
    )
    print(f"{'page':28} {'empty shop':>12} {'filled shop':>12} {'of it CPU':>10} {'queries':>8}")
    slow = []
    for name, url in wanted + [(name, url) for name, url in single_pages() if options.only in name]:
        milliseconds, work, queries = measure(client, url, options.repeat)
        before = f"{empty[name][0]:.0f} ms" if name in empty else "-"
        print(f"{name:28} {before:>12} {milliseconds:>9.0f} ms {work:>7.0f} ms {queries:>8}", flush=True)
        if milliseconds >= TARGET_MS:
            slow.append(name)
    print(f"target {TARGET_MS} ms: " + (f"missed by {', '.join(slow)}" if slow else "met by every page"))


if __name__ == "__main__":
    main()
