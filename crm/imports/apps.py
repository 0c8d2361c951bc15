from django.apps import AppConfig
from django.db.models.signals import pre_migrate


class ImportsConfig(AppConfig):
    name = "crm.imports"
    label = "imports"

    def ready(self):
        from crm.imports import reading  # models are ready only now
        from crm.lib import indexing, sweeps

        sweeps.register("imports", reading.sweep)
        sweeps.register("indexes", reading.build_indexes)
        pre_migrate.connect(indexing.build_before_migrate, sender=self)
