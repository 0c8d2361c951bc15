"""A file becomes points: upload, reading, customers, points, refund, undo; told through the pages and commands."""

import datetime as dt
import json
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from crm.contacts.models import Contact
from crm.imports.models import Import
from crm.orders.models import Order
from crm.rewards import rule_changing
from crm.rewards.models import Account, Entry

NOW = dt.datetime(2026, 11, 1, 9, 0, tzinfo=dt.UTC)

HEADER = (
    "Name,Email,Financial Status,Paid at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Cancelled at,Refunded Amount,Id\n"
)
ORDERS = [
    "#1001,ava@example.com,paid,2026-11-02 10:00:00 +0100,yes,EUR,30.00,4.90,0.00,34.90,2026-11-02 10:00:00 +0100,"
    "2,Rye loaf,10.00,RYE,Ava Brandt,,0.00,5001\n",
    "#1001,ava@example.com,,,,,,,,,2026-11-02 10:00:00 +0100,1,Honey,10.00,HON,,,,\n",
    "#1002,theo@example.com,paid,2026-11-03 11:00:00 +0100,no,EUR,12.00,0.00,0.00,12.00,2026-11-03 11:00:00 +0100,"
    "1,Apple cake,12.00,CAKE,Theo Weber,,0.00,5002\n",
]
REFUNDED = [
    line.replace(",Ava Brandt,,0.00,", ",Ava Brandt,,10.00,").replace("ava@example.com,paid", "ava@example.com,partially_refunded")
    for line in ORDERS
]


def command(name: str, *args) -> dict:
    out = StringIO()
    call_command(name, *args, "--json", stdout=out)
    return json.loads(out.getvalue())


def upload(client, lines: list[str], name="orders_export_1.csv") -> Import:
    content = (HEADER + "".join(lines)).encode()
    response = client.post("/import/new/", {"files": SimpleUploadedFile(name, content, content_type="text/csv")})
    assert response.status_code == 302
    command("run_due")
    checked = Import.objects.latest("id")
    assert checked.state == "checked"
    client.post(f"/import/{checked.pk}/start/")
    command("run_due")
    return Import.objects.latest("id")


@pytest.fixture
def rule(shop):
    return rule_changing.start(
        kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on=NOW.date(), now=NOW
    )


def balances() -> dict[str, int]:
    return dict(Account.objects.values_list("contact__email", "balance"))


def test_a_shop_file_becomes_customers_orders_and_points(owner_client, rule):
    done = upload(owner_client, ORDERS)
    assert (done.state, done.rows_read, done.result["gross_total"]) == ("done", 3, {"EUR": "46.90"})
    assert sorted(Contact.objects.values_list("email", "consent")) == [
        ("ava@example.com", "yes"), ("theo@example.com", "unknown"),
    ]
    assert balances() == {"ava@example.com": 30, "theo@example.com": 12}
    page = owner_client.get(f"/import/{done.pk}/")
    assert page.status_code == 200
    assert "46.90" in page.content.decode()
    assert command("check_books")["ok"] is True

    again = upload(owner_client, ORDERS, name="orders_export_2.csv")
    assert again.result["orders"] == {"created": 0, "updated": 0, "unchanged": 2}
    assert Entry.objects.count() == 2

    refunded = upload(owner_client, REFUNDED, name="orders_export_3.csv")
    assert refunded.result["orders"] == {"created": 0, "updated": 1, "unchanged": 1}
    assert balances() == {"ava@example.com": 20, "theo@example.com": 12}
    assert list(Entry.objects.order_by("id").values_list("points", flat=True)) == [30, 12, -10]

    command("undo_import", str(refunded.pk))
    assert Order.objects.get(number="#1001").refunded_minor == 0
    assert balances() == {"ava@example.com": 30, "theo@example.com": 12}

    command("undo_import", str(done.pk))
    assert Order.objects.count() == 0
    assert sum(Account.objects.values_list("balance", flat=True)) == 0
    assert command("check_books")["ok"] is True


def test_a_row_nobody_can_read_is_kept_and_comes_back_corrected(owner_client, rule):
    broken = ORDERS[2].replace("2026-11-03 11:00:00 +0100,1,Apple", "yesterday,1,Apple")
    done = upload(owner_client, [*ORDERS[:2], broken])
    assert (done.state, done.result["orders"]["created"], done.result["rejected"]) == ("done", 1, 1)
    download = owner_client.get(f"/import/{done.pk}/rejected.csv")
    text = b"".join(download.streaming_content).decode("utf-8-sig")
    assert text.splitlines()[0].startswith("Name,Email,")
    corrected = text.replace("yesterday", "2026-11-03 11:00:00 +0100").encode()
    owner_client.post("/import/new/", {"files": SimpleUploadedFile("corrected.csv", corrected), "unasked": "on"})
    command("run_due")
    assert Order.objects.count() == 2
    assert balances() == {"ava@example.com": 30, "theo@example.com": 12}
