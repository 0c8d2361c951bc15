"""BigCommerce: items packed in a cell, templates the shop edits, abandoned checkouts."""

import datetime as dt

import pytest

from .sheets import sheet

ORDERS = (
    "Order ID,Customer ID,Customer Name,Customer Email,Customer Phone,Order Date,Order Status,Subtotal (inc tax),"
    "Subtotal (ex tax),Tax Total,Shipping Cost (inc tax),Shipping Cost (ex tax),Ship Method,Coupon Details,"
    "Order Total (inc tax),Order Total (ex tax),Payment Method,Total Quantity,Total Shipped,Date Shipped,"
    "Order Currency Code,Exchange Rate,Order Notes,Customer Message,Billing First Name,Billing Last Name,"
    "Billing Company,Billing Street 1,Billing Street 2,Billing Suburb,Billing State,Billing Zip,Billing Country,"
    "Billing Phone,Billing Email,Product Details,Refund Amount,Channel ID,Channel Name,Fee Details"
)
PACKED = (
    "Product ID: 86, Product Qty: 2, Product SKU: TEA-1, Product Name: Tea, black: 100g | tin, Product Weight: 0.1000, "
    "Product Variation Details: , Product Unit Price: 7.50, Product Total Price: 15.00 | "
    "Product ID: 90, Product Qty: 1, Product SKU: , Product Name: Pot, Product Weight: 1.0, "
    "Product Variation Details: Colour: Red, Product Unit Price: 10.00, Product Total Price: 10.00"
)
ORDER = {
    "Order ID": "118", "Customer ID": "14", "Customer Name": "Ann Example", "Customer Email": "ann@example.com",
    "Order Date": "24/12/2025", "Order Status": "Completed", "Tax Total": "4.00", "Shipping Cost (inc tax)": "5.00",
    "Coupon Details": "Coupon Code: HI, Coupon Value: 2.00", "Order Total (inc tax)": "28.00",
    "Order Total (ex tax)": "24.00", "Order Currency Code": "AUD", "Billing First Name": "Ann",
    "Billing Last Name": "Example", "Billing Suburb": "Perth", "Billing Zip": "6000", "Billing Country": "Australia",
    "Billing Phone": "0400 555 123", "Product Details": PACKED, "Refund Amount": "0.00", "Channel Name": "Web",
}  # fmt: skip


class TestOrders:
    def test_an_order_with_packed_items(self, parse):
        (order,) = parse(sheet(ORDERS, ORDER))
        assert parse.looked.format == "bigcommerce_orders"
        assert (order.source, order.number, order.currency, order.placed_at) == (
            "bigcommerce", "118", "AUD", dt.datetime(2025, 12, 24, tzinfo=dt.UTC),
        )  # fmt: skip
        assert (order.total_minor, order.tax_minor, order.shipping_minor, order.coupon_code) == (2800, 400, 500, "HI")
        assert [(ln.name, ln.sku, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in order.lines] == [
            ("Tea, black: 100g | tin", "TEA-1", 2, 750, 1500),
            ("Pot", "", 1, 1000, 1000),
        ]
        person = order.person
        assert (person.key, person.name, person.email, person.phone, person.city) == (
            "14", "Ann Example", "ann@example.com", "0400 555 123", "Perth",
        )  # fmt: skip

    def test_a_template_with_a_row_per_item(self, parse):
        header = "Order ID,Order Date,Order Status,Customer Email,Order Total (inc tax),Order Currency Code,"
        header += "Product ID,Product Name,Product SKU,Product Qty,Product Unit Price,Product Total Price"
        row = {**ORDER, "Product ID": 1, "Product Name": "Tea", "Product SKU": "T", "Product Qty": 2}
        first = {**row, "Product Unit Price": "7.50", "Product Total Price": "15.00"}
        second = {**row, "Product ID": 2, "Product Name": "Pot", "Product Qty": 1, "Product Unit Price": "10.00"}
        (order,) = parse(sheet(header, first, second))
        assert (parse.looked.format, order.total_minor) == ("bigcommerce_orders", 2800)
        assert [(ln.name, ln.quantity, ln.total_minor) for ln in order.lines] == [("Tea", 2, 1500), ("Pot", 1, 1000)]

    def test_a_guest_has_no_number(self, parse):
        (order,) = parse(
            sheet(ORDERS, {**ORDER, "Customer ID": "0", "Customer Email": "", "Billing Email": "b@example.com"})
        )
        assert (order.person.key, order.person.email) == ("", "b@example.com")

    @pytest.mark.parametrize(
        ("status", "payment", "is_cancelled"),
        [
            ("Awaiting Fulfillment", "paid", False),
            ("Partially Shipped", "paid", False),
            ("Awaiting Payment", "unpaid", False),
            ("Cancelled", "unpaid", True),
            ("Refunded", "refunded", False),
            ("Partially Refunded", "partly_refunded", False),
            ("Disputed", "unknown", False),
        ],
    )
    def test_status(self, parse, status, payment, is_cancelled):
        (order,) = parse(sheet(ORDERS, {**ORDER, "Order Status": status}))
        assert (order.payment, order.cancelled_at is not None) == (payment, is_cancelled)

    def test_an_abandoned_checkout_is_no_order(self, parse):
        assert parse(sheet(ORDERS, {**ORDER, "Order Status": "Incomplete"})) == []
        assert parse.warned == [("skipped_abandoned", 2)]


class TestCustomers:
    HEADER = (
        "Customer ID,First Name,Last Name,Company,Email,Phone,Notes,Store Credit,Customer Group,Date Joined,Addresses,"
        "Receive ACS/Review Emails?"
    )

    def test_a_customer(self, parse):
        place = (
            "Address ID: 3, Address First Name: Ann, Address Line 1: 1 Way, Flat 2, City/Suburb: Perth, "
            "State/Province: WA, Zip/Postcode: 6000, Country: Australia|Address ID: 4, City/Suburb: Sydney"
        )
        ann = {
            "Customer ID": 14, "First Name": "Ann", "Last Name": "Example", "Email": "ann@example.com",
            "Notes": "Likes tea", "Customer Group": "Wholesale", "Date Joined": "2024-05-01", "Addresses": place,
            "Receive ACS/Review Emails?": "Yes",
        }  # fmt: skip
        (person,) = parse(sheet(self.HEADER, ann))
        assert parse.looked.format == "bigcommerce_customers"
        assert (person.key, person.name, person.email, list(person.tags), person.extra, person.consent) == (
            "14", "Ann Example", "ann@example.com", ["Wholesale"], {"note": "Likes tea"}, "",
        )  # fmt: skip
        assert (person.street, person.city, person.region, person.postcode, person.country) == (
            "1 Way, Flat 2", "Perth", "WA", "6000", "Australia",
        )  # fmt: skip
        assert (person.joined_at, person.authoritative) == (dt.datetime(2024, 5, 1, tzinfo=dt.UTC), True)

    def test_addresses_in_columns(self, parse):
        header = self.HEADER.replace("Addresses", "Address Line 1 - 1,City/Suburb - 1,Zip/Postcode - 1,Country - 1")
        row = {"Customer ID": 1, "Email": "a@example.com", "City/Suburb - 1": "Perth", "Address Line 1 - 1": "1 Way"}
        assert [(p.city, p.street) for p in parse(sheet(header, row))] == [("Perth", "1 Way")]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (
            "Item Type,Product ID,Product Name,Product Type,Product Code/SKU,Brand Name,Price,Cost Price,Retail Price,"
            "Sale Price,Allow Purchases?,Product Visible?,Category",
            [
                {"Item Type": "Product", "Product Name": "Tee", "Product Code/SKU": "TEE", "Price": "20.00",
                 "Cost Price": "8.00", "Product Visible?": "Y", "Category": "Clothing;Sale"},
                {"Item Type": "SKU", "Product Name": "[RT]Size=S", "Product Code/SKU": "TEE-S"},
                {"Item Type": "Rule", "Price": "1.00"},
            ],
        ),
        (
            "Item,ID,Name,Type,SKU,Options,Inventory Tracking,Current Stock,Price,Cost Price,Retail Price,Sale Price,"
            "Channels,Categories,Is Visible",
            [
                {"Item": "Product", "Name": "Tee", "SKU": "TEE", "Price": "20.00", "Cost Price": "8.00",
                 "Is Visible": "TRUE", "Categories": "Clothing;Sale"},
                {"Item": "Variant", "SKU": "TEE-S", "Options": "Type=Size|Value=S"},
                {"Item": "Image"},
            ],
        ),
    ],
)  # fmt: skip
def test_products(parse, header, rows):
    product, variant = parse(sheet(header, *rows))
    assert parse.looked.format == "bigcommerce_products"
    assert (product.sku, product.name, product.category, product.price_minor, product.cost_minor) == (
        "TEE", "Tee", "Clothing", 2000, 800,
    )  # fmt: skip
    assert (product.is_active, variant.sku, variant.name, variant.price_minor) == (True, "TEE-S", "Tee", None)
