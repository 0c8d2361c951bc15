from django.urls import path

from crm.campaigns import public_views

app_name = "mail"

urlpatterns = [
    path("u/<str:token>/", public_views.unsubscribe, name="unsubscribe"),
    path("c/<str:token>/", public_views.click, name="click"),
]
