from django.apps import AppConfig


class KeepingConfig(AppConfig):
    name = "crm.keeping"
    label = "keeping"

    def ready(self):
        from crm.contacts import forgetting
        from crm.contacts import processing as processing_of_contacts
        from crm.keeping import exporting, jobs, processing  # models are ready only now
        from crm.lib import sweeps

        forgetting.register("keeping", exporting.forget, foresee=exporting.foresee)
        processing_of_contacts.register("keeping", processing.describe)
        sweeps.register("backups", jobs.sweep)
