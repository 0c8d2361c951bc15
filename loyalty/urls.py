from django.urls import path

from loyalty import pattern_views, views

app_name = "loyalty"

urlpatterns = [
    path("", views.insights, name="insights"),
    path("charts/<slug:name>.json", views.chart, name="chart"),
    path("risk/", views.risk, name="risk"),
    path("risk/export/", views.risk_export, name="risk_export"),
    path("together/", pattern_views.together, name="together"),
    path("alike/", pattern_views.alike, name="alike"),
    path("alike/picture.json", pattern_views.picture, name="picture"),
    path("cell/", views.cell, name="cell"),
    path("method/", views.method, name="method"),
    path("method/progress/", views.progress, name="progress"),
    path("refresh/", views.refresh, name="refresh"),
]
