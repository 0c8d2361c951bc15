"""The shop formats, one file each (docs/howto/add-a-format.md). Where two are equally sure, the first is taken."""

from crm.imports.formats import plain, shopify_customers, shopify_orders, woocommerce_advanced, woocommerce_webtoffee

FORMATS = {
    member.SLUG: member
    for member in (
        shopify_orders,
        shopify_customers,
        woocommerce_webtoffee,
        woocommerce_advanced,
        plain,
    )
}
