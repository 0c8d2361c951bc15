from django.urls import path

from crm.accounts import views

app_name = "accounts"

urlpatterns = [
    path("setup/", views.setup, name="setup"),
    path("welcome/", views.doors, name="doors"),
    path("login/", views.log_in, name="login"),
    path("logout/", views.log_out, name="logout"),
    path("language/", views.language, name="language"),
    path("password/", views.password, name="password"),
]
