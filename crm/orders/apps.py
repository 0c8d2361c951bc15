from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "crm.orders"
    label = "orders"

    def ready(self):
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import handing_over as handing_over_of_contacts
        from crm.contacts import merging as merging_of_contacts
        from crm.contacts import processing as processing_of_contacts
        from crm.contacts import signs, timeline
        from crm.lib import sweeps
        from crm.orders import counting, forgetting, handing_over, merging, moments, processing

        merging_of_contacts.register("orders", merging.Orders(), owns=("orders.Order.contact",), tells=merging.tells)
        forgetting_of_contacts.register(
            "orders", forgetting.forget, foresee=forgetting.foresee, covers=forgetting.COVERS
        )
        processing_of_contacts.register("orders", processing.describe)
        handing_over_of_contacts.register(
            "orders", handing_over.hand_over, covers=forgetting.COVERS, labels=handing_over.LABELS
        )
        signs.register("orders", handing_over.ordered_since)
        timeline.register("orders", moments.orders)
        timeline.register("refunds", moments.refunds)
        sweeps.register("product_sales", counting.count_due)
