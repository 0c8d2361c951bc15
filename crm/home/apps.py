from django.apps import AppConfig


class HomeConfig(AppConfig):
    name = "crm.home"
    label = "home"

    def ready(self):
        from crm.home import notices, points_notices

        notices.register("books", points_notices.books)
        notices.register("debts", points_notices.debts)
        from crm.home.quality import inspecting  # models are ready only now
        from crm.lib import sweeps

        sweeps.register("quality", inspecting.inspect_due)
