from django.urls import path

from loyalty.views import insights, patterns

app_name = "loyalty"

urlpatterns = [
    path("", insights.insights, name="insights"),
    path("charts/<slug:name>.json", insights.chart, name="chart"),
    path("risk/", insights.risk, name="risk"),
    path("risk/export/", insights.risk_export, name="risk_export"),
    path("together/", patterns.together, name="together"),
    path("alike/", patterns.alike, name="alike"),
    path("alike/picture.json", patterns.picture, name="picture"),
    path("cell/", insights.cell, name="cell"),
    path("method/", insights.method, name="method"),
    path("method/progress/", insights.progress, name="progress"),
    path("refresh/", insights.refresh, name="refresh"),
]
