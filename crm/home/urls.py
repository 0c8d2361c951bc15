from django.urls import path

from crm.home import quality_views, settings_views, views

app_name = "home"

urlpatterns = [
    path("", views.today, name="today"),
    path("charts/revenue.json", views.revenue_chart, name="revenue_chart"),
    path("suggestions/dismiss/", views.dismiss, name="dismiss"),
    path("suggestions/bring-back/", views.bring_back, name="bring_back"),
    path("search/", views.search, name="search"),
    path("quality/", quality_views.quality, name="quality"),
    path("quality/look-again/", quality_views.look_again, name="quality_again"),
    path("settings/", settings_views.settings, name="settings"),
    path("demo/start/", views.demo_start, name="demo_start"),
    path("demo/remove/", views.demo_remove, name="demo_remove"),
]
