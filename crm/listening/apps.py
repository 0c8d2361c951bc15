from django.apps import AppConfig


class ListeningConfig(AppConfig):
    name = "crm.listening"
    label = "listening"

    def ready(self):
        from crm.campaigns import fields
        from crm.contacts import consent, mentions, merging, moving, panels, signs, timeline
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import handing_over as handing_over_of_contacts
        from crm.contacts import processing as processing_of_contacts
        from crm.lib import sweeps
        from crm.listening import (
            asking,
            customer_page,
            forgetting,
            handing_over,
            holding_back,
            order_panel,
            processing,
            sweeping,
        )
        from crm.listening.models import Answer, Conversation
        from crm.orders import panels as order_panels

        fields.register(asking.FIELD, asking.field())
        consent.leave_out("open complaint", holding_back.condition)
        merging.register("conversations", moving.Rows(Conversation), owns=("listening.Conversation.contact",))
        merging.register("feedback", moving.Rows(Answer), owns=("listening.Answer.contact",))
        forgetting_of_contacts.register(
            "listening", forgetting.forget, foresee=forgetting.foresee, covers=forgetting.COVERS
        )
        mentions.register(mentions.Where.CONVERSATION, forgetting.naming)
        processing_of_contacts.register("listening", processing.describe)
        handing_over_of_contacts.register(
            "listening", handing_over.hand_over, covers=forgetting.COVERS, labels=handing_over.LABELS
        )
        signs.register("words", handing_over.spoke_since)
        signs.register("feedback", handing_over.answered_since)
        sweeps.register("listening", sweeping.sweep)
        panels.register("listening", customer_page.panel, "listening/_panel.html")
        timeline.register("listening", customer_page.moments)
        order_panels.register("listening", order_panel.of_order, "listening/_order_panel.html")
