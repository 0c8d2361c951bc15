from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "crm.accounts"
    label = "accounts"

    def ready(self):
        from crm import celery  # noqa: F401 - shared tasks belong to it; what needs no tasks starts without
        from crm.accounts import logbook, throttling  # models are ready only now
        from crm.lib import sweeps

        sweeps.register("attempts", throttling.sweep)
        sweeps.register("deeds", logbook.sweep)
