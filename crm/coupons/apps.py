from django.apps import AppConfig


class CouponsConfig(AppConfig):
    name = "crm.coupons"
    label = "coupons"

    def ready(self):
        from crm.contacts import panels  # models are ready only now
        from crm.coupons import checking_books, customer_panel, redeeming
        from crm.lib import books, sweeps

        sweeps.register("coupons", redeeming.sweep)
        books.register("coupons", checking_books.counters_are_sums)
        panels.register("coupons", customer_panel.of_contact, "coupons/_panel.html")
