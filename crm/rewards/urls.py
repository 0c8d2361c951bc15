from django.urls import path

from crm.rewards.views import cost, customers, home, rules

app_name = "rewards"

urlpatterns = [
    path("", home.home, name="home"),
    path("rules/new/", rules.rule_new, name="rule_new"),
    path("rules/usual/", rules.rule_usual, name="rule_usual"),
    path("rules/<int:pk>/end/", rules.rule_end, name="rule_end"),
    path("rules/<int:pk>/withdraw/", rules.rule_withdraw, name="rule_withdraw"),
    path("points.csv", customers.export, name="export"),
    path("customers/<int:contact_id>/", customers.history, name="history"),
    path("customers/<int:contact_id>/adjust/", customers.adjust, name="adjust"),
    path("customers/<int:contact_id>/points.csv", customers.export, name="export_of"),
    path("customers/<int:contact_id>/redeem/", customers.redeem, name="redeem"),
    path("customers/<int:contact_id>/forgive/", customers.forgive, name="forgive"),
    path("redemptions/<int:pk>/back/", customers.roll_back, name="roll_back"),
    path("rewards/new/", home.reward_new, name="reward_new"),
    path("rewards/<int:pk>/stop/", home.reward_stop, name="reward_stop"),
    path("programme/", home.programme, name="programme"),
    path("books/check/", home.audit, name="audit"),
    path("cost/", cost.cost, name="cost"),
    path("cost/chart.json", cost.cost_chart, name="cost_chart"),
    path("cost/months.csv", cost.movement_csv, name="movement_csv"),
    path("replay/", cost.replay, name="replay"),
    path("replay/chart.json", cost.replay_chart, name="replay_chart"),
]
