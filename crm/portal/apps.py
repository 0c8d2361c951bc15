from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "crm.portal"
    label = "portal"

    def ready(self):
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import handing_over as handing_over_of_contacts
        from crm.contacts import merging, moving, panels
        from crm.contacts import processing as processing_of_contacts
        from crm.portal import forgetting, handing_over, panel, processing

        merging.register("cards", moving.Stays(), owns=("portal.Card.contact",))
        forgetting_of_contacts.register("cards", forgetting.forget, covers=forgetting.COVERS)
        processing_of_contacts.register("cards", processing.describe)
        handing_over_of_contacts.register(
            "own_page", handing_over.hand_over, covers=forgetting.COVERS, labels=handing_over.LABELS
        )
        panels.register("portal", panel.of_contact, "portal/_panel.html")
