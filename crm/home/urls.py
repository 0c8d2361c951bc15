from django.urls import path

from crm.home import quality_views, search_views, settings_views, views

app_name = "home"

urlpatterns = [
    path("", views.today, name="today"),
    path("charts/revenue.json", views.revenue_chart, name="revenue_chart"),
    path("suggestions/take/", views.take, name="take"),
    path("suggestions/dismiss/", views.dismiss, name="dismiss"),
    path("suggestions/bring-back/", views.bring_back, name="bring_back"),
    path("search/", search_views.search, name="search"),
    path("search/palette/", search_views.palette, name="palette"),
    path("keys/", search_views.keys, name="keys"),
    path("quality/", quality_views.quality, name="quality"),
    path("quality/look-again/", quality_views.look_again, name="quality_again"),
    path("quality/<slug:slug>/", quality_views.all_of, name="quality_all"),
    path("settings/", settings_views.settings, name="settings"),
    path("demo/start/", views.demo_start, name="demo_start"),
    path("demo/remove/", views.demo_remove, name="demo_remove"),
]
