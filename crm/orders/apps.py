from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "crm.orders"
    label = "orders"

    def ready(self):
        from crm.contacts import merging as merging_of_contacts
        from crm.contacts import timeline
        from crm.lib import sweeps
        from crm.orders import counting, merging, moments

        merging_of_contacts.register("orders", merging.Orders(), owns=("orders.Order.contact",), tells=merging.tells)
        timeline.register("orders", moments.orders)
        timeline.register("refunds", moments.refunds)
        sweeps.register("product_sales", counting.count_due)
