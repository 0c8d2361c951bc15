from django.urls import path

from crm.campaigns import outbox_views, views

app_name = "campaigns"

urlpatterns = [
    path("", views.campaign_list, name="list"),
    path("new/", views.new, name="new"),
    path("outbox/", outbox_views.outbox, name="outbox"),
    path("outbox/<int:pk>/", outbox_views.read, name="outgoing"),
    path("outbox/<int:pk>/mail/", outbox_views.mail, name="outgoing_mail"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/progress/", views.progress, name="progress"),
    path("<int:pk>/edit/", views.edit, name="edit"),
    path("<int:pk>/preview/", views.preview, name="preview"),
    path("<int:pk>/test/", views.test, name="test"),
    path("<int:pk>/review/", views.review, name="review"),
    path("<int:pk>/schedule/", views.schedule, name="schedule"),
    path("<int:pk>/pause/", views.pause, name="pause"),
    path("<int:pk>/resume/", views.resume, name="resume"),
    path("<int:pk>/stop/", views.stop, name="stop"),
    path("<int:pk>/draft/", views.back_to_draft, name="draft"),
    path("<int:pk>/again/", views.again, name="again"),
    path("<int:pk>/delete/", views.delete, name="delete"),
    path("<int:pk>/settle/", views.settle, name="settle"),
    path("<int:pk>/decide/", views.decide, name="decide"),
]
