from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "crm.accounts"
    label = "accounts"

    def ready(self):
        from crm.accounts import throttling  # models are ready only now
        from crm.lib import sweeps

        sweeps.register("attempts", throttling.sweep)
