"""Units on hand, as each platform's product file tells them; a word or a shop that does not count is no number."""

import pytest

from .sheets import sheet

SHOPIFY = (
    "Handle,Title,Vendor,Type,Tags,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,"
    "Variant Inventory Qty,Variant Price"
)
SHOPIFY_NEW = "Title,URL handle,Vendor,Type,Tags,SKU,Option1 name,Option1 value,Price,Inventory quantity"
WOO = "ID,Type,SKU,Name,Published,Is featured?,Visibility in catalog,In stock?,Stock,Regular price,Categories,Parent"
SQUARE = (
    "Token,Item Name,Variation Name,SKU,Price,Current Quantity Bakery,New Quantity Bakery,Current Quantity Market stall,"
    "Square Online Item Visibility"
)
WIX = "handle,fieldType,name,visible,price,inventory,sku"
BIGCOMMERCE = (
    "Item,ID,Name,Type,SKU,Options,Inventory Tracking,Current Stock,Price,Cost Price,Retail Price,Channels,Is Visible"
)
BIGCOMMERCE_OLD = (
    "Item Type,Product ID,Product Name,Product Code/SKU,Brand Name,Price,Cost Price,Retail Price,Allow Purchases?,"
    "Product Visible?,Track Inventory,Current Stock Level"
)
ETSY = "TITLE,PRICE,CURRENCY_CODE,QUANTITY,TAGS,MATERIALS,IMAGE1,SKU"


@pytest.mark.parametrize(
    ("header", "rows", "format", "stock"),
    [
        (
            SHOPIFY,
            [
                {"Handle": "tee", "Title": "Tee", "Option1 Value": "S", "Variant SKU": "S", "Variant Price": "9.00",
                 "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": 12},
                {"Handle": "tee", "Option1 Value": "M", "Variant SKU": "M", "Variant Price": "9.00",
                 "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": -3},
                {"Handle": "tee", "Option1 Value": "L", "Variant SKU": "L", "Variant Price": "9.00",
                 "Variant Inventory Qty": 0},
            ],
            "shopify_products", {"S": 12, "M": 0, "L": None},
        ),
        (SHOPIFY_NEW, [{"Title": "Tee", "URL handle": "tee", "SKU": "T", "Price": "9.00", "Inventory quantity": 4}],
         "shopify_products", {"T": 4}),
        (
            WOO,
            [
                {"ID": 1, "Type": "variable", "SKU": "P", "Name": "Tee", "Stock": 9, "Regular price": "9"},
                {"ID": 2, "Type": "variation", "SKU": "V", "Name": "Tee, S", "Stock": "parent", "Regular price": "9"},
                {"ID": 3, "Type": "simple", "SKU": "X", "Name": "Mug", "In stock?": 1, "Regular price": "9"},
            ],
            "woocommerce_products", {"P": 9, "V": None, "X": None},
        ),
        (
            SQUARE,
            [
                {"Item Name": "Mug", "Variation Name": "Regular", "SKU": "M", "Price": "9.00",
                 "Current Quantity Bakery": 5, "New Quantity Bakery": 99, "Current Quantity Market stall": 2},
                {"Item Name": "Tea", "Variation Name": "Regular", "SKU": "T", "Price": "9.00"},
            ],
            "square_products", {"M": 7, "T": None},
        ),
        (
            WIX,
            [
                {"handle": "a", "fieldType": "Product", "name": "A", "price": "9", "inventory": "InStock", "sku": "A"},
                {"handle": "b", "fieldType": "Product", "name": "B", "price": "9", "inventory": "OutOfStock", "sku": "B"},
                {"handle": "c", "fieldType": "Product", "name": "C", "price": "9", "inventory": "14", "sku": "C"},
            ],
            "wix_products", {"A": None, "B": 0, "C": 14},
        ),
        (
            BIGCOMMERCE,
            [
                {"Item": "Product", "Name": "Tee", "SKU": "P", "Inventory Tracking": "variant", "Current Stock": 0},
                {"Item": "Variant", "SKU": "V", "Options": "Type=Size|Value=S", "Current Stock": 6},
                {"Item": "Product", "Name": "Mug", "SKU": "M", "Inventory Tracking": "product", "Current Stock": 3},
                {"Item": "Product", "Name": "Tea", "SKU": "T", "Inventory Tracking": "none", "Current Stock": 0},
            ],
            "bigcommerce_products", {"P": None, "V": 6, "M": 3, "T": None},
        ),
        (
            BIGCOMMERCE_OLD,
            [{"Item Type": "Product", "Product Name": "Tee", "Product Code/SKU": "P", "Track Inventory": "by product",
              "Current Stock Level": 8},
             {"Item Type": "SKU", "Product Name": "[RT]Size=S", "Product Code/SKU": "V", "Current Stock Level": 0}],
            "bigcommerce_products", {"P": 8, "V": None},
        ),
        (
            ETSY,
            [{"TITLE": "Mug", "PRICE": "9", "CURRENCY_CODE": "EUR", "QUANTITY": 3, "SKU": "M"},
             {"TITLE": "Pot", "PRICE": "9", "CURRENCY_CODE": "EUR", "QUANTITY": 5, "SKU": "P-S,P-L"}],
            "etsy_listings", {"M": 3, "P-S": None, "P-L": None},
        ),
    ],
)  # fmt: skip
def test_units_on_hand(parse, header, rows, format, stock):
    items = parse(sheet(header, *rows))
    assert parse.looked.format == format
    assert {item.sku: item.stock for item in items} == stock
