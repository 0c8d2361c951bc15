"""Every address. Pages are private by accounts.middleware.OwnersOnly; public views say so themselves."""

from django.apps import apps
from django.urls import include, path

urlpatterns = [
    path("", include("crm.home.urls")),
    path("", include("crm.accounts.urls")),
    path("", include("crm.imports.typed_urls")),  # /orders/new/ and /customers/new/ before the lists' own
    path("customers/", include("crm.contacts.urls")),
    path("orders/", include("crm.orders.urls")),
    path("loyalty/", include("crm.rewards.urls")),
    path("campaigns/", include("crm.campaigns.urls")),
    path("m/", include("crm.campaigns.public_urls")),
    path("import/", include("crm.imports.urls")),
]
if apps.is_installed("loyalty"):
    urlpatterns.append(path("insights/", include("loyalty.urls")))
