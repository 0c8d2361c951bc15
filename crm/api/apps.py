from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "crm.api"
    label = "api"

    def ready(self):
        from crm.api import inbound, outbound, visits  # models are ready only now
        from crm.contacts import timeline
        from crm.lib import changes, sweeps

        changes.register("targets", outbound.announce)
        sweeps.register("reports", inbound.sweep)
        sweeps.register("news", outbound.sweep)
        sweeps.register("visits", visits.sweep)
        timeline.register("visits", visits.moments)
