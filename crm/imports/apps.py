from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "crm.imports"
    label = "imports"

    def ready(self):
        from crm.imports import reading  # models are ready only now
        from crm.lib import sweeps

        sweeps.register("imports", reading.sweep)
