from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "crm.campaigns"
    label = "campaigns"

    def ready(self):
        from crm.campaigns import (
            customer_page,
            forgetting,
            handing_over,
            merging,
            objecting,
            processing,
            rehearsing,
            sending,
        )
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import handing_over as handing_over_of_contacts
        from crm.contacts import mentions, panels, signs, timeline
        from crm.contacts import merging as merging_of_contacts
        from crm.contacts import objecting as objecting_of_contacts
        from crm.contacts import processing as processing_of_contacts
        from crm.lib import sweeps

        merging_of_contacts.register(
            "messages", merging.Messages(), owns=("campaigns.Message.contact",), tells=merging.tells
        )
        merging_of_contacts.register(
            "occasions", merging.Occasions(), owns=("campaigns.Occasion.contact",)
        )
        forgetting_of_contacts.register(
            "messages", forgetting.forget, foresee=forgetting.foresee, covers=forgetting.COVERS
        )
        mentions.register(mentions.Where.CAMPAIGN, forgetting.naming)
        processing_of_contacts.register("messages", processing.describe)
        handing_over_of_contacts.register(
            "messages", handing_over.hand_over, covers=forgetting.COVERS, labels=handing_over.LABELS
        )
        objecting_of_contacts.register("messages", objecting.forget)
        signs.register("clicks", handing_over.clicked_since)
        sweeps.register("campaigns", sending.sweep)
        sweeps.register("automations", rehearsing.renew)
        panels.register("campaigns", customer_page.panel, "campaigns/_panel.html")
        timeline.register("campaigns", customer_page.moments)
