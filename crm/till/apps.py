from django.apps import AppConfig


class TillConfig(AppConfig):
    name = "crm.till"
    label = "till"
