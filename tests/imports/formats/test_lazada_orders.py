import datetime as dt

import pytest

from crm.imports import surveying

from .sheets import sheet

HEADER = (
    "orderItemId,orderType,lazadaId,sellerSku,lazadaSku,createTime,updateTime,orderNumber,customerName,customerEmail,"
    "nationalRegistrationNumber,shippingName,shippingAddress,shippingAddress3,shippingAddress4,shippingPhone,shippingCity,"
    "shippingPostCode,shippingCountry,billingName,payMethod,paidPrice,unitPrice,sellerDiscountTotal,shippingFee,itemName,"
    "variation,status,refundAmount"
)
ROW = {
    "orderItemId": "1", "orderNumber": "700123456789", "sellerSku": "VC", "createTime": "31 Jan 2023 23:59",
    "customerName": "L***a", "customerEmail": "l***a@example.com", "nationalRegistrationNumber": "123456789",
    "shippingName": "Liza Mendoza", "shippingPhone": "639281112222", "shippingAddress": "12 Katipunan Ave",
    "shippingCity": "Quezon City", "shippingCountry": "Philippines", "paidPrice": "500.00", "unitPrice": "520.00",
    "sellerDiscountTotal": "-20.00", "shippingFee": "19.00", "itemName": "Vitamin C", "status": "delivered",
}  # fmt: skip
SECOND = {**ROW, "orderItemId": "2"}
OTHER = {**ROW, "orderItemId": "3", "sellerSku": "SO", "itemName": "Soap", "paidPrice": "100.00", "unitPrice": "100.00"}


def test_pieces_become_lines(parse):
    (order,) = parse(sheet(HEADER, ROW, SECOND, OTHER), currency="PHP")
    assert (order.number, order.total_minor, order.shipping_minor) == ("700123456789", 115_700, 5_700)
    assert (order.discount_minor, order.payment) == (6000, "paid")
    assert order.placed_at == dt.datetime(2023, 1, 31, 23, 59, tzinfo=dt.UTC)
    assert [(line.name, line.sku, line.quantity, line.unit_price_minor, line.total_minor) for line in order.lines] == [
        ("Vitamin C", "VC", 2, 52000, 100_000),
        ("Soap", "SO", 1, 10000, 10_000),
    ]
    assert (order.person.name, order.person.email, order.person.phone) == ("Liza Mendoza", "", "639281112222")


def test_the_same_piece_twice_is_one(parse):
    (order,) = parse(sheet(HEADER, ROW, ROW))
    assert order.lines[0].quantity == 1


def test_without_numbers_of_pieces_equal_rows_are_two_pieces(parse):
    (order,) = parse(sheet(HEADER.replace("orderItemId,", ""), ROW, ROW))
    assert (order.lines[0].quantity, order.person.email) == (2, "")


@pytest.mark.parametrize(
    ("first", "second", "payment", "refunded", "is_cancelled"),
    [
        ("delivered", "delivered", "paid", 0, False),
        ("ready_to_ship", "shipped", "paid", 0, False),
        ("unpaid", "unpaid", "unpaid", 0, False),
        ("canceled", "canceled", "unpaid", 0, True),
        ("delivered", "canceled", "partly_refunded", 50000, False),
        ("delivered", "returned", "partly_refunded", 50000, False),
        ("returned", "returned", "refunded", 100000, False),
        ("somewhere", "somewhere", "unknown", 0, False),
    ],
)
def test_words_of_a_status(parse, first, second, payment, refunded, is_cancelled):
    (order,) = parse(sheet(HEADER, {**ROW, "status": first}, {**SECOND, "status": second}))
    assert (order.payment, order.refunded_minor, order.cancelled_at is not None) == (payment, refunded, is_cancelled)


def test_a_masked_buyer_is_nobody(parse):
    (order,) = parse(sheet(HEADER, {**ROW, "shippingPhone": "63********22"}))
    assert order.person is None


def test_numbers_of_identity_cards_are_secret(write):
    header = surveying.look(write(sheet(HEADER, ROW))).header
    assert [header.names[index] for index in header.secret()] == ["nationalRegistrationNumber"]
