"""Shopify's headers through the years: the same order and the same customer come out of each."""

import datetime as dt

import pytest

NOW = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,"
    "Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,"
    "Shipping Company,Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,"
    "Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,"
    "Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Phone,Receipt Number,Duties,Billing Province Name,"
    "Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,Payment References"
).split(",")
OLDER = [name for name in NOW[:64] if name not in ("Duties", "Billing Province Name")]
OLDEST = [name for name in OLDER if name not in ("Lineitem discount", "Phone", "Receipt Number")]
CUT = [  # by an owner: no e-mail, no totals, dates as a spreadsheet writes them
    "Name", "Financial Status", "Currency", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price",
    "Lineitem sku", "Billing Name", "Billing City", "Billing Zip", "Billing Country", "Shipping Phone", "Shipping",
]  # fmt: skip
FIRST = {
    "Name": "#1001", "Email": "ann@example.com", "Financial Status": "paid", "Currency": "EUR", "Subtotal": "20.00",
    "Shipping": "4.90", "Taxes": "3.98", "Total": "24.90", "Created at": "2026-04-05 21:06:21 +0200",
    "Lineitem quantity": "2", "Lineitem name": "Tee - Red / M", "Lineitem price": "9.00", "Lineitem sku": "TEE",
    "Billing Name": "Ann Example", "Billing City": "Bonn", "Billing Zip": "'00123", "Billing Country": "DE",
    "Shipping Phone": "'+49 30 5551234", "Notes": "two\r\nlines",
}  # fmt: skip
NEXT = {
    "Name": "#1001", "Email": "ann@example.com", "Created at": "2026-04-05 21:06:21 +0200", "Lineitem quantity": "1",
    "Lineitem name": "Mug", "Lineitem price": "2.00", "Lineitem sku": "MUG",
}  # fmt: skip


def table(header, *rows):
    quoted = (",".join('"' + row.get(name, "").replace('"', '""') + '"' for name in header) for row in rows)
    return "\n".join([",".join(header), *quoted]) + "\n"


@pytest.mark.parametrize("header", [NOW, OLDER, OLDEST, list(reversed(NOW)), [name.upper() + " " for name in NOW]])
def test_an_order_of_two_rows(parse, header):
    names = {name.strip().casefold(): name for name in header}
    rows = [{names[key.casefold()]: value for key, value in row.items() if key.casefold() in names} for row in (FIRST, NEXT)]
    (order,) = parse(table(header, *rows))
    assert parse.looked.format == "shopify_orders"
    assert (order.number, order.total_minor, order.shipping_minor, order.tax_minor, order.payment) == (
        "#1001", 2490, 490, 398, "paid",
    )  # fmt: skip
    assert [(line.name, line.sku, line.quantity, line.total_minor) for line in order.lines] == [
        ("Tee - Red / M", "TEE", 2, 1800),
        ("Mug", "MUG", 1, 200),
    ]
    person = order.person
    assert (person.name, person.email, person.phone, person.postcode) == (
        "Ann Example", "ann@example.com", "+49 30 5551234", "00123",
    )  # fmt: skip
    assert order.placed_at == dt.datetime(2026, 4, 5, 19, 6, 21, tzinfo=dt.UTC)


def test_a_cut_down_copy_without_addresses_and_totals(parse):
    first = {**FIRST, "Created at": "31/12/2025 22:36"}
    (order,) = parse(table(CUT, first, {**NEXT, "Created at": "31/12/2025 22:36"}))
    assert (order.total_minor, order.person.email, order.person.phone) == (2490, "", "+49 30 5551234")
    assert order.placed_at == dt.datetime(2025, 12, 31, 22, 36, tzinfo=dt.UTC)
    assert [code for code, _line in parse.warned] == ["no_total_column"]


CUSTOMERS = {
    "now": "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,"
    "Default Address Address2,Default Address City,Default Address Province Code,Default Address Country Code,"
    "Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags",
    "2022": "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Company,Address1,Address2,City,Province,"
    "Province Code,Country,Country Code,Zip,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt",
    "before": "First Name,Last Name,Email,Accepts Marketing,Company,Address1,Address2,City,Province,Province Code,Country,"
    "Country Code,Zip,Phone,Total Spent,Total Orders,Tags,Note,Tax Exempt",
}
PERSON = {
    "Customer ID": "'7210448301122", "First Name": "Ann", "Last Name": "Example", "Email": "ann@example.com",
    "Accepts Email Marketing": "yes", "Accepts Marketing": "yes", "Default Address City": "Bonn", "City": "Bonn",
    "Default Address Zip": "'00123", "Zip": "'00123", "Default Address Country Code": "DE", "Country Code": "DE",
    "Phone": "'+49305551234", "Tags": "vip, newsletter", "Total Spent": "12.00",
}  # fmt: skip


@pytest.mark.parametrize("year", CUSTOMERS)
def test_a_customer(parse, year):
    header = CUSTOMERS[year].split(",")
    (person,) = parse(table(header, PERSON))
    assert parse.looked.format == "shopify_customers"
    assert (person.key, person.name, person.email, person.consent, person.city, person.postcode, person.country) == (
        "7210448301122" if "Customer ID" in header else "", "Ann Example", "ann@example.com", "yes", "Bonn", "00123", "DE",
    )  # fmt: skip
    assert (person.phone, person.tags) == ("+49305551234", ["vip", "newsletter"])


def test_a_yes_without_an_address_is_no_consent(parse):
    (person,) = parse(table(CUSTOMERS["now"].split(","), {**PERSON, "Email": ""}))
    assert person.consent == ""
