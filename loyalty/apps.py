from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    name = "loyalty"

    def ready(self):
        from crm.campaigns import checklist
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import handing_over as handing_over_of_contacts
        from crm.contacts import merging, moving, objecting, panels
        from crm.contacts import processing as processing_of_contacts
        from crm.home import demo, notices
        from crm.lib import changes, sweeps
        from loyalty import experiments, findings, forgetting, handing_over, processing, tasks, track_record
        from loyalty.models import Fresh, Score

        merging.register("scores", moving.Away(Score, Fresh), owns=("loyalty.Score.contact", "loyalty.Fresh.contact"))
        forgetting_of_contacts.register(
            "scores", forgetting.forget, foresee=forgetting.foresee, covers=forgetting.COVERS
        )
        handing_over_of_contacts.register(
            "predictions", handing_over.hand_over, covers=forgetting.COVERS, labels=handing_over.LABELS
        )
        processing_of_contacts.register("scores", processing.describe)
        objecting.register("scores", forgetting.forget)
        sweeps.register("fresh", tasks.sweep_stirred)
        sweeps.register("loyalty", tasks.sweep)
        sweeps.register("versions", tasks.sweep_versions)
        checklist.register("versions", experiments.check)
        changes.register("fresh", tasks.hear)
        panels.register("loyalty", findings.panel, "loyalty/_panel.html")
        notices.register("loyalty", findings.notice)
        notices.register("track_record", track_record.notice)
        demo.when_filled("loyalty", findings.after_demo)
