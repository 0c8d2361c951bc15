from django.urls import path

from crm.campaigns.views import acts, automations, composer, lists, outbox, report, review

app_name = "campaigns"

urlpatterns = [
    path("", lists.campaign_list, name="list"),
    path("new/", lists.new, name="new"),
    path("automations/", automations.automations, name="automations"),
    path("automations/new/", automations.set_up, name="automation_new"),
    path("automations/rules/", automations.rules, name="rules"),
    path("automations/recipes/<slug:slug>/", automations.recipe, name="automation_recipe"),
    path("automations/<int:pk>/", automations.automation, name="automation"),
    path("automations/<int:pk>/edit/", automations.edit, name="automation_edit"),
    path("automations/<int:pk>/on/", automations.switch_on, name="automation_on"),
    path("automations/<int:pk>/off/", automations.switch_off, name="automation_off"),
    path("automations/<int:pk>/delete/", automations.delete, name="automation_delete"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("outbox/<int:pk>/", outbox.read, name="outgoing"),
    path("outbox/<int:pk>/mail/", outbox.mail, name="outgoing_mail"),
    path("customers/<int:contact_id>/write-again/", acts.write_again, name="write_again"),
    path("<int:pk>/", report.detail, name="detail"),
    path("<int:pk>/progress/", report.progress, name="progress"),
    path("<int:pk>/edit/", composer.edit, name="edit"),
    path("<int:pk>/preview/", composer.preview, name="preview"),
    path("<int:pk>/test/", composer.test, name="test"),
    path("<int:pk>/review/", review.review, name="review"),
    path("<int:pk>/schedule/", review.schedule, name="schedule"),
    path("<int:pk>/pause/", acts.pause, name="pause"),
    path("<int:pk>/resume/", acts.resume, name="resume"),
    path("<int:pk>/stop/", acts.stop, name="stop"),
    path("<int:pk>/draft/", acts.back_to_draft, name="draft"),
    path("<int:pk>/again/", acts.again, name="again"),
    path("<int:pk>/delete/", acts.delete, name="delete"),
    path("<int:pk>/settle/", acts.settle, name="settle"),
    path("<int:pk>/decide/", acts.decide, name="decide"),
]
