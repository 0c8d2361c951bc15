"""Settings → Connections."""

from django.urls import path

from crm.api import views

app_name = "api"

urlpatterns = [
    path("", views.connections, name="connections"),
    path("reference/", views.reference, name="reference"),
    path("keys/new/", views.key_new, name="key_new"),
    path("keys/<int:pk>/revoke/", views.key_revoke, name="key_revoke"),
    path("platforms/new/", views.hook_new, name="hook_new"),
    path("platforms/<int:pk>/", views.hook, name="hook"),
    path("platforms/<int:pk>/remove/", views.hook_remove, name="hook_remove"),
    path("reports/<int:pk>/again/", views.event_again, name="event_again"),
    path("programs/new/", views.target_new, name="target_new"),
    path("programs/<int:pk>/", views.target, name="target"),
    path("programs/<int:pk>/switch/", views.target_switch, name="target_switch"),
    path("programs/<int:pk>/remove/", views.target_remove, name="target_remove"),
    path("news/<int:pk>/again/", views.delivery_again, name="delivery_again"),
]
