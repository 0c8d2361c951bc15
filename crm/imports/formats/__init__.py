"""The shop formats, one file each (docs/howto/add-a-format.md). Where two are equally sure, the first is taken."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from crm.imports.formats.base import Format

_SLUGS = dict.fromkeys(
    (
        "regulars_customers",
        "regulars_orders",
        "regulars_products",
        "shopify_orders",
        "shopify_customers",
        "shopify_products",
        "woocommerce_webtoffee",
        "woocommerce_advanced",
        "woocommerce_skyverge",
        "woocommerce_products",
        "woocommerce_customers",
        "woocommerce_analytics",
        "etsy_orders",
        "etsy_items",
        "etsy_listings",
        "squarespace_orders",
        "wix_orders",
        "wix_contacts",
        "wix_products",
        "bigcommerce_orders",
        "bigcommerce_customers",
        "bigcommerce_products",
        "magento_orders",
        "magento_customers",
        "prestashop_orders",
        "prestashop_customers",
        "prestashop_addresses",
        "bigcartel_orders",
        "opencart_orders",
        "amazon_orders",
        "ebay_buyers",
        "ebay_orders",
        "ebay_transactions",
        "ecwid_orders",
        "gumroad_sales",
        "ledgers",
        "paypal_activity",
        "square_customers",
        "square_items",
        "square_products",
        "square_transactions",
        "stripe_customers",
        "stripe_payments",
        "tiktok_orders",
        "taobao_orders",
        "taobao_items",
        "youzan_orders",
        "youzan_customers",
        "jd_orders",
        "pinduoduo_orders",
        "douyin_orders",
        "shopee_orders",
        "lazada_orders",
        "mailchimp",
        "klaviyo",
        "google_contacts",
        "outlook",
        "vcard",
        "plain_contacts",
        "plain_products",
        "plain",
    )
)


class _Formats(Mapping[str, Format]):
    """The modules by slug, which is their name; each is loaded when it is asked for, since most files need one."""

    def __getitem__(self, slug: str) -> Format:
        if slug not in _SLUGS:
            raise KeyError(slug)
        return import_module(f"{__name__}.{slug}")

    def __contains__(self, slug: object) -> bool:
        return slug in _SLUGS

    def __iter__(self) -> Iterator[str]:
        return iter(_SLUGS)

    def __len__(self) -> int:
        return len(_SLUGS)


FORMATS = _Formats()


def labels() -> dict[str, str]:
    """Return the label of each format that a file can be read as."""
    return {slug: member.LABEL for slug, member in FORMATS.items() if slug != "ledgers"}
