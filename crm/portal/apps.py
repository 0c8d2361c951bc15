from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "crm.portal"
    label = "portal"

    def ready(self):
        from crm.contacts import merging, moving, panels
        from crm.portal import panel

        merging.register("cards", moving.Stays(), owns=("portal.Card.contact",))
        panels.register("portal", panel.of_contact, "portal/_panel.html")
