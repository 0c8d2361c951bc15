from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "crm.orders"
    label = "orders"

    def ready(self):
        from crm.contacts import timeline
        from crm.lib import sweeps
        from crm.orders import counting, moments

        timeline.register("orders", moments.orders)
        timeline.register("refunds", moments.refunds)
        sweeps.register("product_sales", counting.count_due)
