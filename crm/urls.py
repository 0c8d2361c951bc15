"""Every address. Pages are private by accounts.middleware.OwnersOnly; public views say so themselves."""

from django.apps import apps
from django.urls import include, path

from crm.api import routes
from crm.lib import styleguide

urlpatterns = [
    path("", include("crm.home.urls")),
    path("", include("crm.accounts.urls")),
    path("", include("crm.imports.typed_urls")),  # /orders/new/ and /customers/new/ before the lists' own
    path("", include("crm.portal.urls")),
    path("", include("crm.listening.urls")),
    path("till/", include("crm.till.urls")),
    path("customers/", include("crm.contacts.urls")),
    path("orders/", include("crm.orders.urls")),
    path("loyalty/", include("crm.rewards.urls")),
    path("coupons/", include("crm.coupons.urls")),
    path("campaigns/", include("crm.campaigns.urls")),
    path("m/", include("crm.campaigns.public_urls")),
    path("import/", include("crm.imports.urls")),
    path("settings/connections/", include("crm.api.urls")),
    path("settings/backups/", include("crm.keeping.urls")),
    path("", include("crm.api.public_urls")),
    path("api/v1/", routes.urls),
    path("styleguide/", styleguide.page, name="styleguide"),
    path("styleguide/figures/<slug:name>.json", styleguide.figure, name="styleguide_figure"),
]
if apps.is_installed("loyalty"):
    urlpatterns.append(path("insights/", include("loyalty.urls")))
