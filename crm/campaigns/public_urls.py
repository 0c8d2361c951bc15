from django.urls import path

from crm.campaigns.views import public

app_name = "mail"

urlpatterns = [
    path("u/<str:token>/", public.unsubscribe, name="unsubscribe"),
    path("c/<str:token>/", public.click, name="click"),
]
