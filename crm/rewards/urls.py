from django.urls import path

from crm.rewards import views

app_name = "rewards"

urlpatterns = [
    path("", views.home, name="home"),
    path("rules/new/", views.rule_new, name="rule_new"),
    path("rules/usual/", views.rule_usual, name="rule_usual"),
    path("rules/<int:pk>/end/", views.rule_end, name="rule_end"),
    path("rules/<int:pk>/withdraw/", views.rule_withdraw, name="rule_withdraw"),
    path("points.csv", views.export, name="export"),
    path("customers/<int:contact_id>/", views.history, name="history"),
    path("customers/<int:contact_id>/adjust/", views.adjust, name="adjust"),
    path("customers/<int:contact_id>/points.csv", views.export, name="export_of"),
    path("books/check/", views.audit, name="audit"),
]
