from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "crm.orders"
    label = "orders"
