from django.apps import AppConfig


class KeepingConfig(AppConfig):
    name = "crm.keeping"
    label = "keeping"

    def ready(self):
        from crm.keeping import jobs  # models are ready only now
        from crm.lib import sweeps

        sweeps.register("backups", jobs.sweep)
