from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "crm.campaigns"
    label = "campaigns"

    def ready(self):
        from crm.campaigns import customer_page, merging, sending
        from crm.contacts import merging as merging_of_contacts
        from crm.contacts import panels, timeline
        from crm.lib import sweeps

        merging_of_contacts.register(
            "messages", merging.Messages(), owns=("campaigns.Message.contact",), tells=merging.tells
        )
        sweeps.register("campaigns", sending.sweep)
        panels.register("campaigns", customer_page.panel, "campaigns/_panel.html")
        timeline.register("campaigns", customer_page.moments)
