from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    name = "loyalty"

    def ready(self):
        from crm.contacts import panels
        from crm.home import demo, notices
        from crm.lib import sweeps
        from loyalty import findings, tasks

        sweeps.register("loyalty", tasks.sweep)
        panels.register("loyalty", findings.panel, "loyalty/_panel.html")
        notices.register("loyalty", findings.notice)
        demo.when_filled("loyalty", findings.after_demo)
