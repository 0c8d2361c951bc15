import datetime as dt
import gzip

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crm import __version__
from crm.contacts.models import Contact
from crm.imports import parsing, reading, running, tasks
from crm.imports.framing import NotReadable
from crm.imports.models import Change, Import, RejectedRow
from crm.imports.surveying import FormatUnknown
from crm.orders.models import Order, OrderLine, Product
from crm.rewards.models import Entry, Rule

from .test_formats import LINE, ORDER, WEBTOFFEE, TestWebToffee, shopify, table

pytestmark = pytest.mark.django_db

SHOPIFY = shopify(
    ORDER,
    LINE,
    {**ORDER, "Name": "#1002", "Email": "bob@example.com", "Billing Phone": "", "Refunded Amount": "4.90"},
    {**ORDER, "Name": "#1003", "Total": "lots"},
)


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def state():
    """Return all that must not change."""
    return [list(model.objects.order_by("id").values()) for model in (Contact, Order, OrderLine, Product, Entry)]


def test_a_file_from_beginning_to_end(take):
    importing = take(SHOPIFY)
    result = dict(importing.result)
    assert result.pop("seconds") >= 0
    assert result == {
        "file": "file.csv", "format": "shopify_orders", "kind": "orders", "rows": 4,
        "orders": {"created": 2, "updated": 0, "unchanged": 0}, "contacts": {"created": 2, "updated": 0, "unchanged": 0},
        "products": {"created": 2, "updated": 0, "unchanged": 0}, "gross_total": {"EUR": "49.80"}, "stored_total": {"EUR": "49.80"},
        "refunded_total": {"EUR": "4.90"}, "rejected": 1, "skipped": 0, "warnings": [],
        "without_buyer": 0, "without_sale": 0, "read_as": {"currency": "EUR", "timezone": "Europe/Berlin", "version": __version__},
    }  # fmt: skip
    assert (importing.state, importing.rows_read, importing.rows_total) == ("done", 4, 4)
    assert list(Order.objects.order_by("number").values_list("number", "net_minor")) == [
        ("#1001", 2490),
        ("#1002", 2000),
    ]


def test_the_same_file_twice_changes_nothing(take, now):
    take(SHOPIFY)
    before = state()
    again = take(SHOPIFY, now=now + dt.timedelta(days=1))
    assert state() == before
    assert again.result["orders"] == {"created": 0, "updated": 0, "unchanged": 2}
    assert again.result["contacts"] == {"created": 0, "updated": 0, "unchanged": 2}
    assert again.result["products"] == {"created": 0, "updated": 0, "unchanged": 2}
    assert not Change.objects.filter(importing=again).exists()


def test_what_changed_is_updated(take):
    take(SHOPIFY)
    again = take(SHOPIFY.replace("4.90,Acme", "9.80,Acme"))
    assert again.result["orders"] == {"created": 0, "updated": 1, "unchanged": 1}
    assert Order.objects.get(number="#1002").refunded_minor == 980


def test_rejected_rows_come_back_as_a_file_that_can_be_corrected(take):
    first = take(SHOPIFY)
    header, rows = reading.rejected_csv(first)
    rows = list(rows)
    assert (header[0], header[-1], len(rows), rows[0][0]) == ("Name", "reason", 1, "#1003")
    rows[0][header.index("Total")] = "24.90"
    corrected = take("\n".join(",".join(row) for row in [header, *rows]))
    assert (corrected.result["orders"]["created"], corrected.result["rejected"]) == (1, 0)
    assert Order.objects.count() == 3


def test_every_row_is_applied_or_rejected(take):
    text = "customer,date,amount\nc1,2024-01-13,5.00\nc2,soon,6.00\n,2024-01-13,7.00\nc3,2024-01-14,\nc4,2024-01-15,1,2,3\n"
    importing = take(text)
    assert importing.result["rows"] == 5
    assert list(RejectedRow.objects.order_by("line_number").values_list("line_number", flat=True)) == [3, 5, 6]
    assert Order.objects.count() == 2
    assert importing.result["warnings"] == ["1 order names no buyer; it is kept without a customer."]


@pytest.mark.parametrize("number", ["0012345678901234567", "576460000000000001", "'00042", '"""00042"""', '="00042"', "#1001"])
def test_numbers_are_text_with_all_their_digits(take, number):
    take(shopify({**ORDER, "Name": number}))
    assert Order.objects.get().number == number.strip("'\"=")


def test_a_wide_file_with_large_cells_is_read_in_good_time(take):
    header = f"{shopify().strip()},Body," + ",".join(f"Property {number}" for number in range(100))
    row = shopify(ORDER).splitlines()[1] + f',"{"<p>" * 20_000}"' + ",x" * 100
    importing = take("\n".join([header, *(row.replace("#1001", f"#{number}", 1) for number in range(50))]))
    assert (importing.result["orders"]["created"], importing.result["rejected"]) == (50, 0)
    assert importing.result["seconds"] < 20


def test_secrets_are_dropped_before_anything_is_kept(take):
    importing = take(table(WEBTOFFEE, {**TestWebToffee.ROW, "order_total": "oops", "customer_ip_address": "192.0.2.7"}))
    assert b"192.0.2.7" not in reading.file_of(importing).read_bytes()
    (row,) = importing.rejected_rows.all()
    assert "192.0.2.7" not in str(row.cells)
    assert "16-05-2018 07:32:06" in row.cells


def test_a_dry_run_counts_and_saves_nothing(take, write, now, shop):
    take(SHOPIFY)
    before = state()
    path = write(
        shopify(
            {**ORDER, "Note": "x", "Total": "30.00"},
            LINE,
            {**ORDER, "Name": "#2001", "Email": "new@example.com", "Lineitem sku": "NEW", "Billing Phone": ""},
            {**ORDER, "Name": "#2002", "Email": "NEW@example.com", "Billing Phone": ""},
            {**ORDER, "Name": "#2003", "Total": "x"},
        )
    )
    result, rejected = reading.check(path, name="x.csv", options={}, now=now)
    assert state() == before
    assert Import.objects.count() == 1
    assert result["orders"] == {"created": 2, "updated": 1, "unchanged": 0}
    assert result["contacts"] == {"created": 1, "updated": 0, "unchanged": 1}
    assert result["products"] == {"created": 1, "updated": 0, "unchanged": 2}
    assert (result["gross_total"], [row.line_number for row in rejected]) == ({"EUR": "79.80"}, [6])


def test_a_dry_run_counts_people_of_several_chunks_once(write, now, shop, monkeypatch):
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", 2)
    path = write("customer,date,amount\n" + "".join(f"c{n % 3},2024-01-{n:02},5.00\n" for n in range(1, 13)))
    result, _rejected = reading.check(path, name="x.csv", options={}, now=now)
    assert (result["orders"]["created"], result["contacts"]["created"]) == (12, 3)


def test_one_number_written_in_two_ways_is_one_order_though_the_books_were_empty(take, monkeypatch):
    rows = 'order,date,customer,amount\n7,2024-01-01,c1,5.00\n8,2024-01-01,c2,6.00\n"=""7""",2024-01-02,c1,9.00\n'
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", 2)
    importing = take(rows)
    assert (importing.state, importing.error) == ("done", "")
    assert list(Order.objects.order_by("number").values_list("number", "total_minor")) == [("7", 900), ("8", 600)]
    assert importing.result["orders"]["created"] == 2


def test_an_interrupted_import_ends_as_an_undisturbed_one(take, write, now, shop, monkeypatch):
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", 2)
    path = write(
        "customer,date,amount\n" + "".join(f"c{n % 3},2024-01-{n:02},5.00\n" for n in range(1, 10)) + "c,x,1\n"
    )
    importing = reading.create(path, name="a.csv", options={}, now=now, state="reading")
    take_orders, calls = running.intake.take_orders, []

    def dying(batch, **said):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return take_orders(batch, **said)

    monkeypatch.setattr(running.intake, "take_orders", dying)
    with pytest.raises(KeyboardInterrupt):
        reading.read(importing.pk, now=now)
    assert Order.objects.count() == 4
    later = now + dt.timedelta(minutes=6)
    assert reading.claim(importing.pk, now=now + dt.timedelta(minutes=4)) == ""
    assert reading.sweep(now=later) == 1
    importing.refresh_from_db()
    assert (importing.state, Order.objects.count(), importing.rejected_rows.count()) == ("done", 9, 1)
    assert importing.result["orders"] == {"created": 9, "updated": 0, "unchanged": 0}
    assert importing.result["contacts"] == {"created": 3, "updated": 0, "unchanged": 0}


def test_an_import_can_be_stopped(write, now, shop, monkeypatch):
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", 2)
    path = write("customer,date,amount\n" + "".join(f"c{n},2024-01-{n:02},5.00\n" for n in range(1, 10)))
    importing = reading.create(path, name="a.csv", options={}, now=now, state="reading")
    take_orders, calls = running.intake.take_orders, []

    def stopping(batch, **said):
        calls.append(batch)
        if len(calls) == 2:
            reading.stop(importing.pk)
        return take_orders(batch, **said)

    monkeypatch.setattr(running.intake, "take_orders", stopping)
    importing = reading.read(importing.pk, now=now)
    assert (importing.state, Order.objects.count(), importing.result["orders"]["created"]) == ("stopped", 2, 2)


def test_a_waiting_import_is_read_by_the_task_once(write, now, shop):
    path = write("customer,date,amount\nc1,2024-01-13,5.00\n")
    importing = reading.create(path, name="a.csv", options={}, now=now)
    assert importing.state == "waiting"
    assert tasks.read_import(import_id=importing.pk) == "done"
    assert tasks.read_import(import_id=importing.pk) == ""
    assert reading.sweep(now=now) == 0


def test_a_file_we_cannot_place_waits_for_its_columns(write, now, shop):
    path = write("wann,wieviel,wer\n2024-01-13,5.00,Ann\n2024-01-14,7.50,Bob\n")
    importing = reading.create(path, name="a.csv", options={}, now=now)
    assert (importing.state, importing.mapping) == ("mapping", {"date": 0, "amount": 1, "customer": 2})
    assert reading.sweep(now=now) == 0
    assert reading.answer(
        importing.pk, format="plain", mapping={"date": 0, "amount": 1, "name": 2}, options={"currency": "CHF"}, now=now,
    )
    assert reading.sweep(now=now) == 1
    assert sorted(Order.objects.values_list("currency", "contact__name")) == [("CHF", "Ann"), ("CHF", "Bob")]


def test_uploads_are_kept_with_their_hash(now, shop):
    content = gzip.compress(b"customer,date,amount\nc1,2024-01-13,5.00\n")
    importing = reading.create(
        SimpleUploadedFile("Öl & Tee.csv.gz", content), name="Öl & Tee.csv.gz", options={}, now=now
    )
    kept = reading.file_of(importing)
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777, importing.size_bytes) == (content, 0o600, len(content))
    assert kept.name.endswith(".csv.gz")


@pytest.mark.parametrize(("content", "error"), [(b"PK\x03\x04", NotReadable), (b"", NotReadable)])
def test_what_cannot_be_read_is_refused_and_not_kept(write, now, shop, settings, content, error):
    with pytest.raises(error):
        reading.create(write(content), name="x.csv", options={}, now=now)
    assert [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()] == []


def test_an_unknown_format_is_refused(write, now, shop):
    with pytest.raises(FormatUnknown):
        reading.create(write("a,b\n1,2\n"), name="x.csv", options={}, now=now, format="lotus")


def test_amounts_in_another_currency_are_kept_and_said(take):
    importing = take("customer,date,amount,currency\nc1,2024-01-13,5.00,USD\nc1,2024-01-14,6.00,EUR\n")
    assert importing.result["gross_total"] == {"EUR": "6.00", "USD": "5.00"}
    assert Contact.objects.get().spent_minor == 600
    assert len(importing.result["warnings"]) == 1


def test_times_without_a_zone_are_the_shops_or_the_ones_said(take):
    take("customer,date,amount\nc1,2024-07-13 12:00,5.00\n")
    assert Order.objects.get().placed_at == dt.datetime(2024, 7, 13, 10, tzinfo=dt.UTC)
    take("customer,date,amount\nc9,2024-07-13 12:00,5.00\n", timezone="America/New_York")
    assert Order.objects.latest("id").placed_at == dt.datetime(2024, 7, 13, 16, tzinfo=dt.UTC)


def test_a_refund_larger_than_its_order_is_said_and_capped(take):
    importing = take(shopify({**ORDER, "Refunded Amount": "46.00"}))
    assert importing.result["refunded_total"] == {"EUR": "46.00"}
    assert Order.objects.get().refunded_minor == 2490
    assert [warning[:19] for warning in importing.result["warnings"]] == ["1 refund was larger"]


def test_customers_then_orders_are_the_same_people(take):
    take("Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Phone,Tags\n721,Ann,X,ann@example.com,no,,\n")
    importing = take(shopify(ORDER))
    assert importing.result["contacts"] == {"created": 0, "updated": 1, "unchanged": 0}
    contact = Contact.objects.get()
    assert (contact.name, contact.consent, contact.city) == ("Ann X", "no", "Bonn")


def test_old_customers_get_no_welcome_gift_though_their_newest_order_comes_first(take, monkeypatch):
    Rule.objects.create(kind="welcome", params={"points": 50}, starts_on=dt.date(2026, 1, 1))
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", 1)
    take("customer,date,amount\nold,2026-03-01,5.00\nnew,2026-02-01,5.00\nold,2025-02-01,5.00\n")
    assert sorted(Contact.objects.values_list("keys__value", "points_balance", "order_count")) == [
        ("new", 50, 1),
        ("old", 0, 2),
    ]


def test_an_order_that_is_somebody_elses_now_leaves_its_former_buyer(take):
    take("order_id,customer,date,amount\n1,c1,2024-01-13,5.00\n2,c1,2024-01-14,6.00\n")
    take("order_id,customer,date,amount\n2,c2,2024-01-14,6.00\n")
    assert sorted(Contact.objects.values_list("keys__value", "order_count", "spent_minor")) == [
        ("c1", 1, 500),
        ("c2", 1, 600),
    ]
