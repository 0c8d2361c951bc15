from django.urls import path

from crm.accounts import people_views, two_step_views, views

app_name = "accounts"

urlpatterns = [
    path("setup/", views.setup, name="setup"),
    path("welcome/", views.doors, name="doors"),
    path("login/", views.log_in, name="login"),
    path("logout/", views.log_out, name="logout"),
    path("language/", views.language, name="language"),
    path("my-login/", views.my_login, name="my_login"),
    path("my-login/second-step/", two_step_views.set_up, name="two_step"),
    path("my-login/second-step/codes/", two_step_views.recovery_codes, name="recovery_codes"),
    path("my-login/second-step/off/", two_step_views.switch_off, name="two_step_off"),
    path("login/code/", two_step_views.second_step, name="second_step"),
    path("password/", views.password, name="password"),
    path("password/forgotten/", views.forgotten, name="forgotten"),
    path("enter/<str:token>/", views.enter, name="enter"),
    path("settings/people/", people_views.everybody, name="people"),
    path("settings/people/log/", people_views.log, name="log"),
    path("settings/people/two-steps/", people_views.require_two_steps, name="require_two_steps"),
    path("settings/people/<int:pk>/role/", people_views.give_role, name="give_role"),
    path("settings/people/<int:pk>/link/", people_views.invite_again, name="invite_again"),
    path("settings/people/<int:pk>/switch/", people_views.switch, name="switch"),
    path("settings/people/<int:pk>/phone/", people_views.forget_phone, name="forget_phone"),
]
