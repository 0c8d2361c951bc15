"""Which format each file is taken for: every public sample, and the headers of our own fixtures. No format steals."""

import pytest

from crm.imports import surveying
from crm.imports.formats import FORMATS, base
from crm.imports.formats.base import Header

from ..conftest import SAMPLES
from ..test_formats import ADVANCED, SHOPIFY, WEBTOFFEE
from . import (
    markets,
    test_bigcartel,
    test_bigcommerce,
    test_douyin_orders,
    test_etsy,
    test_google_contacts,
    test_jd_orders,
    test_klaviyo,
    test_lazada_orders,
    test_magento,
    test_mailchimp,
    test_opencart,
    test_outlook,
    test_pinduoduo_orders,
    test_prestashop,
    test_shopee_orders,
    test_shopify_headers,
    test_shopify_products,
    test_squarespace,
    test_taobao,
    test_wix,
    test_woocommerce,
    test_youzan,
)

ANYBODYS = {slug for slug in FORMATS if slug.startswith("plain")}  # read what no platform claims

HEADERS = [
    (SHOPIFY, "shopify_orders"),
    (WEBTOFFEE, "woocommerce_webtoffee"),
    (ADVANCED, "woocommerce_advanced"),
    (test_woocommerce.PHP, "woocommerce_analytics"),
    (test_woocommerce.BROWSER, "woocommerce_analytics"),
    (test_woocommerce.SKYVERGE + "line_items,order_notes", "woocommerce_skyverge"),
    (test_woocommerce.SKYVERGE + "item_name,item_sku,item_quantity,item_total,order_notes", "woocommerce_skyverge"),
    (test_woocommerce.TestProducts.HEADER.replace('"GTIN, UPC, EAN, or ISBN"', "GTIN").replace('"', ""), "woocommerce_products"),
    (test_shopify_products.CLASSIC, "shopify_products"),
    (test_shopify_products.NEW, "shopify_products"),
    *((header, "shopify_customers") for header in test_shopify_headers.CUSTOMERS.values()),
    (test_etsy.ORDERS, "etsy_orders"),
    (test_etsy.ITEMS, "etsy_items"),
    (test_etsy.TestListings.HEADER, "etsy_listings"),
    (test_squarespace.HEADER, "squarespace_orders"),
    (test_wix.OLD, "wix_orders"),
    (test_wix.ORDERS, "wix_orders"),
    (test_wix.ITEMS, "wix_orders"),
    (test_wix.TestContacts.HEADER, "wix_contacts"),
    ("handle,fieldType,name,visible,price,sku", "wix_products"),
    (test_bigcommerce.ORDERS, "bigcommerce_orders"),
    (test_bigcommerce.TestCustomers.HEADER, "bigcommerce_customers"),
    ("Item Type,Product ID,Product Name,Product Code/SKU,Price,Cost Price,Retail Price", "bigcommerce_products"),
    (test_magento.GRID, "magento_orders"),
    (test_magento.MAIN, "magento_customers"),
    (test_magento.MAIN + test_magento.ADDRESS, "magento_customers"),
    (test_prestashop.ENGLISH, "prestashop_orders"),
    (test_prestashop.FRENCH.replace(";", ","), "prestashop_orders"),
    (test_prestashop.GERMAN.replace(";", ","), "prestashop_orders"),
    (test_prestashop.TestCustomers.GRID.replace(";", ","), "prestashop_customers"),
    (test_bigcartel.HEADER, "bigcartel_orders"),
    (test_opencart.HEADER, "opencart_orders"),
    (test_opencart.LINES, "opencart_orders"),
    *markets.HEADERS,
    (test_taobao.ORDERS, "taobao_orders"),
    (test_taobao.ITEMS, "taobao_items"),
    (test_taobao.OLD_ITEMS, "taobao_items"),
    (test_youzan.ORDERS, "youzan_orders"),
    (test_youzan.CUSTOMERS, "youzan_customers"),
    (test_jd_orders.HEADER, "jd_orders"),
    (test_pinduoduo_orders.HEADER, "pinduoduo_orders"),
    (test_douyin_orders.HEADER, "douyin_orders"),
    (test_shopee_orders.ENGLISH, "shopee_orders"),
    (test_shopee_orders.INDONESIAN, "shopee_orders"),
    (test_lazada_orders.HEADER, "lazada_orders"),
    (test_mailchimp.SUBSCRIBED, "mailchimp"),
    (test_mailchimp.UNSUBSCRIBED, "mailchimp"),
    (test_klaviyo.HEADER, "klaviyo"),
    (test_google_contacts.NEW, "google_contacts"),
    (test_google_contacts.OLD, "google_contacts"),
    (test_outlook.DESKTOP, "outlook"),
    ("Email,First name,Last name", "plain_contacts"),
    ("姓名,手机号,生日", "plain_contacts"),
    ("SKU,Name,Price,Cost", "plain_products"),
]

FILES = {
    "amazon/unshipped_orders.txt": "amazon_orders",
    "douyin/orders_tab_prefixed_ids_bom.csv": "douyin_orders",
    "ebay/transaction_report_preamble.csv": "ebay_transactions",
    "ebay/uk_orders_semicolon.csv": "ebay_buyers",
    "etsy/EtsySoldOrderItems2026-9.csv": "etsy_items",
    "etsy/EtsySoldOrders2026-9.csv": "etsy_orders",
    "etsy/etsy_statement_2026_9_cad.csv": "ledgers",
    "generic-contacts/excel_bom_semicolon.csv": "plain_contacts",
    "generic-contacts/malformed_spaces_before_quotes.csv": "plain_contacts",
    "generic-contacts/spree_customers_consent.csv": "shopify_customers",
    "google-contacts/google_new_header_japanese.csv": "google_contacts",
    "google-contacts/google_old_header.csv": "google_contacts",
    "gumroad/sales_subset.csv": "gumroad_sales",
    "jd/orders_amount_with_footnote.csv": "jd_orders",
    "magento/customers_main_file.csv": "magento_customers",
    "magento/sample_customer_profile.csv": "magento_customers",
    "mailchimp/cleaned.csv": "mailchimp",
    "mailchimp/subscribed.csv": "mailchimp",
    "outlook/outlook_desktop.csv": "outlook",
    "outlook/windows_live_all_columns_bom.csv": "outlook",
    "paypal/activity_few_columns_eur.csv": "paypal_activity",
    "paypal/activity_subset_usd.csv": "paypal_activity",
    "pinduoduo/orders_bom_chinese_comma_status.csv": "pinduoduo_orders",
    "prestashop/addresses_template.csv": "prestashop_addresses",
    "prestashop/customers_template.csv": "prestashop_customers",
    "shopify/customers_italian_shouting_names.csv": "shopify_customers",
    "shopify/customers_new_header.csv": "shopify_customers",
    "shopify/customers_old_header_metafields.csv": "shopify_customers",
    "shopify/orders_full_79_columns.csv": "shopify_orders",
    "shopify/orders_reduced_columns.csv": "shopify_orders",
    "shopify/products_apparel.csv": "shopify_products",
    "shopify/products_jewelery.csv": "shopify_products",
    "shopify/products_messy_classic_tee.csv": "shopify_products",
    "shopify/products_new_header_template.csv": "shopify_products",
    "shopify/products_synthetic.csv": "shopify_products",
    "shopify/transporter_orders_repeat_all_fields.csv": "shopify_orders",
    "square/items_detail_unnamed_columns.csv": "square_items",
    "square/transactions.csv": "square_transactions",
    "squarespace/orders_2018_redacted.csv": "squarespace_orders",
    "stripe/balance_report.csv": "ledgers",
    "taobao-tmall/tmall_orders_composite_address_gbk.csv": "taobao_orders",
    "vcard/John_Doe_GMAIL.vcf": "vcard",
    "vcard/John_Doe_IPHONE.vcf": "vcard",
    "vcard/John_Doe_MS_OUTLOOK.vcf": "vcard",
    "vcard/outlook-2003.vcf": "vcard",
    "vcard/rfc6350-example.vcf": "vcard",
    "wix/orders_bom_multi_item.csv": "wix_orders",
    "wix/orders_bom_one_order.csv": "wix_orders",
    "woocommerce/core_sample_products.csv": "woocommerce_products",
    "woocommerce/products_synthetic.csv": "woocommerce_products",
    "woocommerce/webtoffee_orders_sample.csv": "woocommerce_webtoffee",
    "xlsx/bagisto_customers.xlsx": "plain_contacts",
    "xlsx/bagisto_products.xlsx": "plain_products",
    "youzan/customers.csv": "youzan_customers",
    "youzan/orders_subset.csv": "youzan_orders",
}

@pytest.mark.parametrize(("header", "format"), HEADERS, ids=[format for _header, format in HEADERS])
def test_a_header_is_one_formats_own(header, format):
    names = Header(header.replace('"', "").split(","))
    sure = {slug for slug, member in FORMATS.items() if member.sniff(names) >= base.SURE}
    assert sure - ANYBODYS == {format} - ANYBODYS
    assert format == max(FORMATS.values(), key=lambda member: member.sniff(names)).SLUG


@pytest.mark.parametrize(
    "header",
    [
        "ID,Reference,Customer,Total,Payment,Status,Date",
        "Order ID,Order Date,Order Status,Customer Email,Order Total,Order Currency Code",
        "Order ID,Date,Customer,Email,Total,Status",
        "ID,First name,Last name,Email,Phone,Newsletter",
        "Title,Price,SKU",
    ],
)
def test_a_table_of_the_owners_own_is_no_platforms(header):
    names = Header(header.split(","))
    assert {slug for slug, member in FORMATS.items() if member.sniff(names) >= base.SURE} <= ANYBODYS


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLES.exists(), reason="../shared/samples is not here")
@pytest.mark.parametrize("name", FILES)
def test_a_sample_is_one_formats_own(name):
    looked = surveying.look(SAMPLES / name)
    sure = {slug for slug, share in looked.evidence if share >= base.SURE}
    assert (looked.format, sure - ANYBODYS) == (FILES[name], {FILES[name]} - ANYBODYS)


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLES.exists(), reason="../shared/samples is not here")
def test_no_sample_is_forgotten():
    found = {str(path.relative_to(SAMPLES)) for path in SAMPLES.glob("*/*")}
    assert found == FILES.keys()
