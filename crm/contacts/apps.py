from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "crm.contacts"
    label = "contacts"

    def ready(self):
        from crm.accounts import logbook
        from crm.contacts import (
            forgetters,
            forgetting,
            handing_over,
            logged,
            mentions,
            merging,
            moments,
            movers,
            processing,
            retention,
            saved,
            signs,
            tellers,
            timeline,
        )
        from crm.lib import sweeps

        movers.register_all()
        forgetters.register_all()
        mentions.register(mentions.Where.NOTE, mentions.notes)
        processing.register("contacts", processing.describe)
        handing_over.register("customer", tellers.hand_over, covers=tellers.COVERS, labels=tellers.LABELS)
        signs.register("consents", tellers.said_yes_since)
        sweeps.register("retention", retention.sweep)
        sweeps.register("erasures", forgetting.sweep)
        sweeps.register("merges", merging.forget_details)
        logbook.register("privacy", logged.privacy_acts)
        timeline.register("notes", moments.notes)
        timeline.register("consents", moments.consents)
        timeline.register("merges", moments.merges)
        timeline.register("joined", moments.joined)
        sweeps.register("segment_sizes", saved.count_due)
