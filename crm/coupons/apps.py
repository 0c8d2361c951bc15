from django.apps import AppConfig


class CouponsConfig(AppConfig):
    name = "crm.coupons"
    label = "coupons"

    def ready(self):
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import handing_over as handing_over_of_contacts
        from crm.contacts import merging as merging_of_contacts
        from crm.contacts import panels  # models are ready only now
        from crm.contacts import processing as processing_of_contacts
        from crm.coupons import checking_books, customer_panel, forgetting, handing_over, merging, processing, redeeming
        from crm.lib import books, sweeps

        merging_of_contacts.register("coupons", merging.Coupons(), owns=merging.OWNS)
        forgetting_of_contacts.register(
            "coupons", forgetting.forget, foresee=forgetting.foresee, covers=forgetting.COVERS
        )
        processing_of_contacts.register("coupons", processing.describe)
        handing_over_of_contacts.register(
            "coupons", handing_over.hand_over, covers=forgetting.COVERS, labels=handing_over.LABELS
        )
        sweeps.register("coupons", redeeming.sweep)
        books.register("coupons", checking_books.counters_are_sums)
        panels.register("coupons", customer_panel.of_contact, "coupons/_panel.html")
