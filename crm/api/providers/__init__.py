"""The platforms that may report to us, one file each."""

from crm.api.providers import generic, shopify, woocommerce

PROVIDERS = {member.SLUG: member for member in (shopify, woocommerce, generic)}
