from django.urls import path

from crm.listening.views import feedback, inbox, public, saved, thread

app_name = "listening"

urlpatterns = [
    path("inbox/", inbox.conversations, name="inbox"),
    path("inbox/new/", inbox.new, name="new"),
    path("inbox/mails/", inbox.mails, name="mails"),
    path("inbox/settings/", inbox.settings, name="settings"),
    path("inbox/saved/", saved.saved, name="saved"),
    path("inbox/saved/<int:pk>/", saved.edit, name="saved_edit"),
    path("inbox/saved/<int:pk>/delete/", saved.delete, name="saved_delete"),
    path("inbox/feedback/", feedback.overview, name="overview"),
    path("inbox/feedback/score.json", feedback.chart, name="chart"),
    path("inbox/feedback/answers/", feedback.answers, name="answers"),
    path("inbox/<int:pk>/", thread.show, name="thread"),
    path("inbox/<int:pk>/move/", thread.move, name="move"),
    path("inbox/<int:pk>/remind/", thread.remind, name="remind"),
    path("inbox/<int:pk>/note/", thread.note, name="note"),
    path("inbox/<int:pk>/customer/", thread.customer, name="customer"),
    path("inbox/lines/<int:pk>/again/", thread.again, name="again"),
    path("inbox/lines/<int:pk>/arrived/", thread.arrived, name="arrived"),
    path("write/", public.write, name="write"),
    path("my/<str:token>/write/", public.own_page, name="own_page"),
    path("feedback/<str:token>/", public.feedback, name="feedback"),
]
