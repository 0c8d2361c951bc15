from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "crm.contacts"
    label = "contacts"

    def ready(self):
        from crm.contacts import merging, moments, movers, saved, timeline
        from crm.lib import sweeps

        movers.register_all()
        sweeps.register("merges", merging.forget_details)
        timeline.register("notes", moments.notes)
        timeline.register("consents", moments.consents)
        timeline.register("merges", moments.merges)
        timeline.register("joined", moments.joined)
        sweeps.register("segment_sizes", saved.count_due)
