from django.urls import path

from crm.rewards import cost_views, views

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
    path("customers/<int:contact_id>/redeem/", views.redeem, name="redeem"),
    path("customers/<int:contact_id>/forgive/", views.forgive, name="forgive"),
    path("redemptions/<int:pk>/back/", views.roll_back, name="roll_back"),
    path("rewards/new/", views.reward_new, name="reward_new"),
    path("rewards/<int:pk>/stop/", views.reward_stop, name="reward_stop"),
    path("programme/", views.programme, name="programme"),
    path("books/check/", views.audit, name="audit"),
    path("cost/", cost_views.cost, name="cost"),
    path("cost/chart.json", cost_views.cost_chart, name="cost_chart"),
    path("cost/months.csv", cost_views.movement_csv, name="movement_csv"),
    path("replay/", cost_views.replay, name="replay"),
    path("replay/chart.json", cost_views.replay_chart, name="replay_chart"),
]
