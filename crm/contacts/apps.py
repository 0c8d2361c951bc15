from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "crm.contacts"
    label = "contacts"

    def ready(self):
        from crm.contacts import moments, saved, timeline
        from crm.lib import sweeps

        timeline.register("notes", moments.notes)
        timeline.register("consents", moments.consents)
        timeline.register("joined", moments.joined)
        sweeps.register("segment_sizes", saved.count_due)
