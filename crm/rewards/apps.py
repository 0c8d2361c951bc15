from django.apps import AppConfig


class RewardsConfig(AppConfig):
    name = "crm.rewards"
    label = "rewards"
