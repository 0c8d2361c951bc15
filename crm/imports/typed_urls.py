from django.urls import path

app_name = "typed"

urlpatterns = []
