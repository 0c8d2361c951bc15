from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    name = "loyalty"

    def ready(self):
        from crm.campaigns import checklist
        from crm.contacts import merging, moving, panels
        from crm.home import demo, notices
        from crm.lib import changes, sweeps
        from loyalty import experiments, findings, tasks, track_record
        from loyalty.models import Fresh, Score

        merging.register("scores", moving.Away(Score, Fresh), owns=("loyalty.Score.contact", "loyalty.Fresh.contact"))
        sweeps.register("fresh", tasks.sweep_stirred)
        sweeps.register("loyalty", tasks.sweep)
        sweeps.register("versions", tasks.sweep_versions)
        checklist.register("versions", experiments.check)
        changes.register("fresh", tasks.hear)
        panels.register("loyalty", findings.panel, "loyalty/_panel.html")
        notices.register("loyalty", findings.notice)
        notices.register("track_record", track_record.notice)
        demo.when_filled("loyalty", findings.after_demo)
