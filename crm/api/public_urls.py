"""Addresses that need no login: signed reports, and visits after a yes."""

from django.urls import path

from crm.api import public_views

app_name = "hooks"

urlpatterns = [
    path("hooks/<str:token>/", public_views.receive, name="receive"),
    path("visits/", public_views.visit, name="visit"),
    path("visit.js", public_views.visit_script, name="visit_script"),
]
