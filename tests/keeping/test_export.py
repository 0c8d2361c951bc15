"""Everything goes out as tables, and comes back through our own import."""

import csv
import datetime as dt
import io
import zipfile

import pytest
from django.db.models import Sum

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.home import demo
from crm.imports import reading
from crm.imports.models import Import
from crm.keeping import exporting, jobs, tables
from crm.keeping.models import Job
from crm.orders.models import Order, OrderLine, Product, Refund
from tests.keeping.conftest import fill


def export(now) -> dict[str, str]:
    jobs.ask(Job.Kind.EXPORT, now=now)
    assert jobs.do_waiting(now=now) == 1
    job = jobs.latest(Job.Kind.EXPORT)
    assert (job.ok, job.problem) == (True, "")
    with zipfile.ZipFile(exporting.newest()) as archive:
        return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


def state() -> dict[str, list]:
    """Return what an export must bring back, without the numbers of rows."""
    return {
        "customers": sorted(
            map(
                repr,
                Contact.objects.values_list(
                    "name", "email", "consent", "birthday", "tags", "extra", "joined_at", "order_count", "spent_minor",
                    "first_order_at", "last_order_at",
                ),
            )
        ),
        "orders": sorted(
            Order.objects.values_list(
                "source", "number", "kind", "placed_at", "currency", "total_minor", "refunded_minor", "net_minor",
                "payment", "counts", "channel", "note", "contact__email", "original__number",
            )
        ),
        "lines": sorted(
            OrderLine.objects.values_list(
                "order__number", "position", "name", "sku", "quantity", "unit_price_minor", "total_minor", "product__key",
                "product__category",
            )
        ),
        "refunds": sorted(Refund.objects.values_list("order__number", "amount_minor", "at")),
        "products": sorted(Product.objects.values_list("key", "name", "sku", "category", "is_active", "stock", "stock_at")),
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_customers_products_and_orders_come_back_as_they_were(places, shop, now, tmp_path):
    fill(now)
    Product.objects.filter(sku="R-1").update(stock=4, stock_at=dt.date(2026, 11, 1))
    before, files = state(), export(now)
    assert len(before["orders"]) == 7 and sum(row[7] for row in before["orders"]) == 7200
    Shop.objects.update(is_demo=True)
    demo.remove(now=now)  # empties everything but owner and settings
    for name in ("customers.csv", "products.csv", "orders.csv"):
        path = tmp_path / name
        path.write_text(files[name], encoding="utf-8")
        made = reading.create(path, name=name, options={}, now=now)
        assert reading.take_up(made.pk, now=now) == Import.State.DONE
        assert made.format == f"regulars_{name[:-4]}"
        assert Import.objects.get(pk=made.pk).result["rejected"] == 0
    assert state() == before
    path.write_text(files["orders.csv"], encoding="utf-8")
    again = reading.create(path, name="orders.csv", options={}, now=now)
    reading.take_up(again.pk, now=now)
    assert state() == before  # the same file twice changes nothing


@pytest.mark.django_db(transaction=True)
def test_tables_are_whole_and_no_formula_runs(places, shop, now):
    fill(now)
    files = export(now)
    rows = {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items() if name.endswith(".csv")}
    assert set(rows) == {f"{table.name}.csv" for table in tables.TABLES}
    assert len(rows["customers.csv"]) == Contact.objects.count()
    assert sum(int(row["points"]) for row in rows["points.csv"]) == Contact.objects.aggregate(n=Sum("points_balance"))["n"] == 40
    assert {row["line_name"] for row in rows["orders.csv"]} == {"'=Rye loaf", "Cheese"}
    assert {row["channel"] for row in rows["orders.csv"] if row["number"].isdecimal()} == {"'+counter"}
    assert not any(text.startswith("=") for table in rows.values() for row in table for text in row.values())
    assert all(name in files["README.txt"] for name in rows)


@pytest.mark.django_db(transaction=True)
def test_export_is_forgotten_after_a_week_and_when_asked(places, shop, now, owner, client):
    client.force_login(owner)
    assert client.get("/settings/backups/export/").status_code == 404
    client.post("/settings/backups/start/export/")
    assert b"".join(client.get("/settings/backups/export/").streaming_content)[:2] == b"PK"
    made = dt.datetime.fromtimestamp(exporting.newest().stat().st_mtime, dt.UTC)
    assert exporting.forget_old(now=made + dt.timedelta(days=6)) == 0
    assert exporting.forget_old(now=made + dt.timedelta(days=8)) == 1
    client.post("/settings/backups/start/export/")
    client.post("/settings/backups/export/delete/")
    assert exporting.newest() is None
