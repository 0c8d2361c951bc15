from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "crm.portal"
    label = "portal"

    def ready(self):
        from crm.contacts import panels
        from crm.portal import panel

        panels.register("portal", panel.of_contact, "portal/_panel.html")
