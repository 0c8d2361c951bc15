from django.apps import AppConfig
from django.db.models.signals import pre_migrate


class ImportsConfig(AppConfig):
    name = "crm.imports"
    label = "imports"

    def ready(self):
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import handing_over as handing_over_of_contacts
        from crm.contacts import processing as processing_of_contacts
        from crm.imports import forgetting, handing_over, processing, reading  # models are ready only now
        from crm.lib import indexing, sweeps

        forgetting_of_contacts.register(
            "imports", forgetting.forget, foresee=forgetting.foresee, covers=forgetting.COVERS
        )
        processing_of_contacts.register("imports", processing.describe)
        handing_over_of_contacts.register(
            "imports", handing_over.hand_over, covers=forgetting.COVERS, labels=handing_over.LABELS
        )
        sweeps.register("imports", reading.sweep)
        sweeps.register("indexes", reading.build_indexes)
        pre_migrate.connect(indexing.build_before_migrate, sender=self)
