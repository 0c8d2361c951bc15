from django.apps import AppConfig


class HomeConfig(AppConfig):
    name = "crm.home"
    label = "home"

    def ready(self):
        from crm.home.quality import inspecting  # models are ready only now
        from crm.lib import sweeps

        sweeps.register("quality", inspecting.inspect_due)
