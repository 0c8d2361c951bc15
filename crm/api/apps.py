from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "crm.api"
    label = "api"

    def ready(self):
        from crm.api import (  # models are ready
            forgetting,
            handing_over,
            inbound,
            keys,
            outbound,
            processing,
            strolls,
            visits,
        )
        from crm.api.models import Visit
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import handing_over as handing_over_of_contacts
        from crm.contacts import merging, moving, signs, timeline
        from crm.contacts import processing as processing_of_contacts
        from crm.home import demo
        from crm.keeping import carrying
        from crm.lib import changes, sweeps

        merging.register("visits", moving.Rows(Visit), owns=("api.Visit.contact",))
        forgetting_of_contacts.register(
            "visits", forgetting.forget, foresee=forgetting.foresee, covers=forgetting.COVERS
        )
        processing_of_contacts.register("visits", processing.describe)
        handing_over_of_contacts.register(
            "visits", handing_over.hand_over, covers=forgetting.COVERS, labels=handing_over.LABELS
        )
        carrying.register("keys", keys.stay_revoked)
        signs.register("visits", handing_over.visited_since)
        changes.register("targets", outbound.announce)
        sweeps.register("reports", inbound.sweep)
        sweeps.register("news", outbound.sweep)
        sweeps.register("visits", visits.sweep)
        timeline.register("visits", visits.moments)
        demo.when_filled("visits", strolls.invent)
