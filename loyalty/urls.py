from django.urls import path

from loyalty.views import demand, fairness, insights, network, offers, origin, patterns, sharing, track_record

app_name = "loyalty"

urlpatterns = [
    path("", insights.insights, name="insights"),
    path("charts/<slug:name>.json", insights.chart, name="chart"),
    path("risk/", insights.risk, name="risk"),
    path("risk/export/", insights.risk_export, name="risk_export"),
    path("together/", patterns.together, name="together"),
    path("alike/", patterns.alike, name="alike"),
    path("alike/picture.json", patterns.picture, name="picture"),
    path("what-if/", network.what_if, name="what_if"),
    path("offers/", offers.offers, name="offers"),
    path("offers/start/", offers.start, name="offers_start"),
    path("demand/", demand.demand, name="demand"),
    path("demand/export/", demand.export, name="demand_export"),
    path("demand/<int:pk>/", demand.product, name="demand_product"),
    path("demand/<int:pk>/chart.json", demand.chart, name="demand_chart"),
    path("fairness/", fairness.fairness_page, name="fairness"),
    path("share/", sharing.share, name="share"),
    path("share/<int:pk>/", sharing.shared, name="shared"),
    path("share/<int:pk>/numbers.csv", sharing.shared_csv, name="shared_csv"),
    path("cell/", insights.cell, name="cell"),
    path("method/", insights.method, name="method"),
    path("method/progress/", insights.progress, name="progress"),
    path("method/<slug:task>/", insights.method_card, name="method_card"),
    path("track-record/", track_record.record, name="track_record"),
    path("customer/<int:contact_id>/origin/", origin.origin, name="origin"),
    path("refresh/", insights.refresh, name="refresh"),
]
