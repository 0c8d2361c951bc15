"""A refund whose sale came with an earlier file goes to that sale, once, whatever order the files come in."""

from decimal import Decimal

import pytest
from django.db.models import Sum

from crm.imports import intake, typed, undoing
from crm.orders.models import Order, Refund
from crm.rewards.models import Account, Rule

from .formats import test_ebay as ebay
from .formats.test_paypal_activity import ROW, table

pytestmark = pytest.mark.django_db

SALE = {**ROW, "Gross": "149.00"}
REFUND = {**ROW, "Date": "10/25/2026", "Type": "Payment Refund", "Gross": "-49.00", "Transaction ID": "R1",
          "Reference Txn ID": ROW["Transaction ID"]}  # fmt: skip
REST = {**REFUND, "Date": "11/02/2026", "Gross": "-100.00", "Transaction ID": "R2"}


def state() -> list[tuple]:
    return list(Order.objects.order_by("number").values_list("total_minor", "refunded_minor", "net_minor", "payment"))


def test_a_refund_of_another_month_goes_to_its_sale(take):
    take(table(SALE), "september.csv", currency="USD")
    second = take(table(REFUND), "october.csv", currency="USD").result
    assert state() == [(14900, 4900, 10000, "partly_refunded")]
    assert (second["orders"], second["rejected"], second["gross_total"], second["stored_total"]) == (
        {"created": 0, "updated": 1, "unchanged": 0}, 0, {"USD": "0.00"}, {},
    )  # fmt: skip
    assert second["refunded_total"] == {"USD": "49.00"}
    take(table(REST), "november.csv", currency="USD")
    assert state() == [(14900, 14900, 0, "refunded")]


@pytest.mark.parametrize(
    "files", [[[SALE], [REFUND], [REFUND, REST], [SALE]], [[SALE, REFUND], [REST]], [[SALE, REFUND, REST]],
              [[SALE, REST], [SALE, REFUND]]],
)  # fmt: skip
def test_whatever_files_tell_a_refund_it_counts_once(take, files):
    for number, rows in enumerate(files):
        take(table(*rows), f"{number}.csv", currency="USD")
    assert state() == [(14900, 14900, 0, "refunded")]
    assert Refund.objects.aggregate(Sum("amount_minor"))["amount_minor__sum"] == 14900


def test_a_refund_that_came_before_its_sale_waits_among_the_rejected_rows(take):
    other = {**SALE, "Transaction ID": "T9", "Gross": "5.00"}
    first = take(table(other, REFUND), "october.csv", currency="USD").result
    assert (first["rejected"], first["without_sale"]) == (1, 1)
    take(table(SALE), "september.csv", currency="USD")
    again = take(table(other, REFUND), "october.csv", currency="USD").result
    assert (again["rejected"], again["orders"]["updated"]) == (0, 1)
    assert (14900, 4900, 10000, "partly_refunded") in state()


def test_a_refund_in_another_currency_is_rejected_with_the_reason(take):
    take(table(SALE), "september.csv", currency="USD")
    importing = take(table({**REFUND, "Currency": "CAD"}), "october.csv", currency="USD")
    assert importing.rejected_rows.get().reason == "The sale that was refunded is in another currency"
    assert state() == [(14900, 0, 14900, "paid")]


def test_points_go_with_the_refund_and_come_back_with_an_undo(take, now):
    Rule.objects.create(
        kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on="2020-01-01"
    )
    euros = {"Currency": "EUR"}
    take(table(SALE | euros), "september.csv", currency="EUR")
    earned = Account.objects.get().balance
    second = take(table(REFUND | euros), "october.csv", currency="EUR")
    assert (earned, Account.objects.get().balance) == (100, 51)  # shipping earns nothing
    undoing.undo(second.pk, now=now)
    assert (state(), Account.objects.get().balance) == ([(14900, 0, 14900, "paid")], 100)


def test_ebay_tells_its_refunds_by_their_own_numbers(take, parse):
    orders = [item for item in parse(ebay.LEDGER) if getattr(item, "refunds", ())]
    assert orders
    assert all(sum(amount for _key, amount, _at in order.refunds) == order.refunded_minor for order in orders)


def test_two_equal_refunds_of_one_day_are_two(take):
    refund = next(line for line in ebay.LEDGER.splitlines() if '"Refund","12-1"' in line)
    take(ebay.LEDGER.replace(refund, f"{refund}\n{refund.replace('Ann Example', 'Ann  Example')}"), currency="USD")
    assert state() == [(2660, 2000, 660, "partly_refunded")]


# ---- two reports of one shop

SQUARE_SALES = (
    "Date,Time,Time Zone,Net Sales,Tax,Tip,Total Collected,Net Total,Transaction ID,Payment ID,Event Type,Customer ID,"
    "Customer Name\n"
)
SQUARE_ITEMS = (
    "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,"
    "Payment ID,Event Type,Customer ID,Customer Name\n"
)
PAID = "2026-09-13,10:02:11,Eastern Time (US & Canada),$29.00,$2.00,$2.00,$33.00,$32.00,SQ1,P1,Payment,C1,Dee Example\n"
BACK = "2026-10-20,09:00:00,Eastern Time (US & Canada),-$10.00,-$1.00,-$2.00,-$13.00,-$13.00,SQ1,P1R,Refund,,\n"
MUG = "2026-09-13,10:02:11,Eastern Time (US & Canada),Cups,{},1,Regular,{},{},$0.00,{},$1.00,SQ1,P1,Payment,C1,Dee Example\n"
SOLD = MUG.format("Mug", "M1", "$19.00", "$19.00") + MUG.format("Cup", "C1", "$10.00", "$10.00")
RETURNED = (
    "2026-10-20,09:00:00,Eastern Time (US & Canada),Cups,Cup,-1,Regular,C1,-$10.00,$0.00,-$10.00,-$1.00,SQ1,P1R,Refund,,\n"
)
SQUARE = {
    "sales-9": SQUARE_SALES + PAID, "sales-10": SQUARE_SALES + BACK, "sales": SQUARE_SALES + PAID + BACK,
    "items-9": SQUARE_ITEMS + SOLD, "items-10": SQUARE_ITEMS + RETURNED, "items": SQUARE_ITEMS + SOLD + RETURNED,
}  # fmt: skip


@pytest.mark.parametrize(
    "order",
    [
        "sales-9 sales-10", "sales-9 items-9 sales-10 items-10", "items-9 sales-9 items-10 sales-10",
        "sales-9 items-10 sales-10 items", "items-9 items-10 sales", "items sales", "sales items", "items-9 sales-10 sales",
        "sales items-10 sales-10 items-9 sales-10", "items-9 sales items sales-9", "sales sales-9 items sales-10",
    ],
)  # fmt: skip
def test_squares_two_reports_tell_one_refund(take, order):
    for name in order.split():
        take(SQUARE[name], f"{name}.csv", currency="USD")
    assert state() == [(3300, 1300, 2000, "partly_refunded")]
    assert list(Refund.objects.values_list("amount_minor", flat=True)) == [1300]  # with the tip


@pytest.mark.parametrize("order", ["items-9 items-10", "items items-10", "items-9 items", "items-9 items-10 items-9 items"])
def test_squares_items_alone_tell_of_the_refund(take, order):
    for name in order.split():
        take(SQUARE[name], f"{name}.csv", currency="USD")
    assert state() == [(3100, 1100, 2000, "partly_refunded")]
    assert [line.name for line in Order.objects.get().lines.order_by("position")] == ["Mug", "Cup"]


@pytest.mark.parametrize("name", ["sales-10", "items-10"])
def test_squares_refund_of_a_sale_nobody_knows_waits(take, name):
    importing = take(SQUARE[name], currency="USD")
    assert (importing.result["rejected"], importing.result["without_sale"], Order.objects.count()) == (1, 1, 0)
    assert importing.rejected_rows.get().reason == (
        "The sale that was refunded is neither in this file nor among your orders: import the file with the sale first,"
        " then this file again"
    )


def test_points_go_once_with_squares_refund_and_come_back_with_an_undo(take, now):
    Rule.objects.create(
        kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "USD"}, starts_on="2020-01-01"
    )
    imports = [take(SQUARE[name], f"{name}.csv", currency="USD") for name in ("sales-9", "items-9", "items-10", "sales-10")]
    account = Account.objects.get()
    assert account.balance == 20
    for importing, (refunded, balance) in zip(reversed(imports[2:]), [(1100, 22), (0, 33)]):
        undoing.undo(importing.pk, now=now)
        account.refresh_from_db()
        assert (Order.objects.get().refunded_minor, account.balance) == (refunded, balance)


WOO = "Date,Order #,Status,Customer,Customer type,Product(s),Items sold,Coupon(s),Net sales\n"
WOO_SALE = "2026-09-01 09:00:00,1001,completed,Ann,new,2× Cap,2,,100.00\n"
WOO_BACK = "2026-10-09 10:00:00,1001,completed,Ann,new,1× Cap,-1,,-10.00\n"
WOO_REST = "2026-10-12 11:00:00,1001,completed,Ann,new,1× Cap,-1,,-10.00\n"
TOFFEE = (
    "order_id,order_number,order_date,status,order_total,order_currency,billing_email,refund_items,line_item_1\n"
    "1001,1001,2026-09-01 09:00:00,completed,119.00,EUR,ann@example.com,{},name:Cap|sku:CAP|quantity:2|total:100.00\n"
)
SHOP = {
    "report-9": WOO + WOO_SALE, "report-10": WOO + WOO_BACK, "report": WOO + WOO_SALE + WOO_BACK,
    "export-9": TOFFEE.format(""), "export-10": TOFFEE.format("amount:11.90|reason:|date:2026-10-09 10:00:00"),
}  # fmt: skip


@pytest.mark.parametrize("order", ["report-9 report-10", "report report-10", "report-9 report-10 report-9", "report report-9"])
def test_woocommerces_report_tells_later_refunds(take, order):
    for name in order.split():
        take(SHOP[name], f"{name}.csv")
    assert state() == [(10000, 1000, 9000, "partly_refunded")]


@pytest.mark.parametrize(
    "order",
    [
        "report-9 report-10 export-10", "export-10 report-10", "export-10 report report-10", "report-9 export-10 report-10",
        "export-9 report-10 export-10", "export-9 report export-10 report-10", "report export-9 export-10",
        "export-10 report-10 export-9 export-10",
    ],
)  # fmt: skip
def test_woocommerces_report_and_an_export_tell_one_refund(take, order):
    for name in order.split():
        take(SHOP[name], f"{name}.csv")
    assert state() == [(11900, 1190, 10710, "partly_refunded")]


def test_woocommerces_report_tells_what_an_older_export_could_not_know(take, now):
    take(SHOP["export-9"], "export.csv")
    importing = take(SHOP["report"], "report.csv")
    assert (importing.result["orders"]["updated"], state()) == (1, [(11900, 1000, 10900, "partly_refunded")])
    assert take(SHOP["report"] + WOO_REST, "more.csv").result["orders"]["updated"] == 1
    assert state() == [(11900, 2000, 9900, "partly_refunded")]
    take(SHOP["export-10"], "older.csv")  # it knew of the first one only
    assert state() == [(11900, 2000, 9900, "partly_refunded")]


def test_a_sum_told_by_a_program_includes_what_files_told_one_by_one(take, now):
    take(SHOP["report-9"], "september.csv")
    order = Order.objects.get()
    told = [intake.take_refund_sum(order.pk, amount_minor=1_000, at=now, now=now)]
    take(SHOP["report-10"], "october.csv")  # the same 10.00
    told += [intake.take_refund_sum(order.pk, amount_minor=minor, at=now, now=now) for minor in (1_000, 1_300, 1_300)]
    assert (told, state()) == ([True, False, True, False], [(10000, 1300, 8700, "partly_refunded")])


def test_a_refund_of_shipping_alone_is_no_second_order(take):
    shipping = WOO_BACK.replace("-10.00", "0.00")
    assert take(WOO + WOO_SALE + shipping, "report.csv").result["rejected"] == 0
    assert state() == [(10000, 0, 10000, "paid")]


def test_a_correction_by_hand_leaves_the_refunds_as_they_are(take, now):
    """The platform's sum, less what the report told one by one, stands beside that."""
    take(SHOP["export-10"], "export.csv")
    take(SHOP["report-10"], "report.csv")
    order = Order.objects.get()
    correction = typed.Correction(
        placed_at=order.placed_at, payment=order.payment, lines=[typed.line(name="Cap", quantity=Decimal(2), unit_price_minor=5500)],
        discount_minor=0, shipping_minor=0, note="two, not one", contact_id=order.contact_id, person=None,
    )  # fmt: skip
    typed.correct_order(order.pk, version=order.version, correction=correction, now=now)
    assert state() == [(12900, 1190, 11710, "partly_refunded")]
    assert sorted(Refund.objects.values_list("key", "amount_minor")) == [
        ("total", 190), ("woocommerce:20261009080000:1000", 1000),
    ]  # fmt: skip
