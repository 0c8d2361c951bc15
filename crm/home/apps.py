from django.apps import AppConfig


class HomeConfig(AppConfig):
    name = "crm.home"
    label = "home"

    def ready(self):
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import processing as processing_of_contacts
        from crm.home import (
            automation_notices,
            forgetting,
            inbox_notices,
            keeping_notices,
            notices,
            points_notices,
            privacy_notices,
            processing,
        )

        notices.register("held", keeping_notices.held)
        notices.register("backups", keeping_notices.backups)
        notices.register("complaints", inbox_notices.complaints)
        notices.register("answers", inbox_notices.not_sent)
        notices.register("mailbox", inbox_notices.mailbox)
        notices.register("books", points_notices.books)
        notices.register("debts", points_notices.debts)
        notices.register("automations", automation_notices.stopped)
        notices.register("erasing", privacy_notices.wishes)
        forgetting_of_contacts.register("suggestions", forgetting.forget, covers=forgetting.COVERS)
        processing_of_contacts.register("suggestions", processing.describe)
        from crm.home.quality import inspecting  # models are ready only now
        from crm.lib import sweeps

        sweeps.register("quality", inspecting.inspect_due)
