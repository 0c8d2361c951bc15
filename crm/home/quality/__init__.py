"""The shop's own data, looked at each night: what is missing, impossible, unusual or there twice.

Nothing is changed here and no row is dropped: each finding has a count, examples and what to do. Missing values stay
missing everywhere (docs/reference/data-quality.md says how each model treats them).
"""

from crm.home.quality import customers, orders, products

CHECKS = {check.slug: check for check in (*customers.CHECKS, *orders.CHECKS, *products.CHECKS)}
