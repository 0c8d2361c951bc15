from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "crm.api"
    label = "api"

    def ready(self):
        from crm.api import inbound, outbound, strolls, visits  # models are ready only now
        from crm.api.models import Visit
        from crm.contacts import merging, moving, timeline
        from crm.home import demo
        from crm.lib import changes, sweeps

        merging.register("visits", moving.Rows(Visit), owns=("api.Visit.contact",))
        changes.register("targets", outbound.announce)
        sweeps.register("reports", inbound.sweep)
        sweeps.register("news", outbound.sweep)
        sweeps.register("visits", visits.sweep)
        timeline.register("visits", visits.moments)
        demo.when_filled("visits", strolls.invent)
