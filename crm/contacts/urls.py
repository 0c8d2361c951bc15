from django.urls import path

from crm.contacts import glance_views, merging_views, privacy_views, views

app_name = "contacts"

urlpatterns = [
    path("", views.customer_list, name="list"),
    path("export/", views.export, name="export"),
    path("undo/", views.undo, name="undo"),
    path("segments/", views.segments, name="segments"),
    path("segments/<slug:slug>/rename/", views.rename_segment, name="segment_rename"),
    path("segments/<slug:slug>/delete/", views.delete_segment, name="segment_delete"),
    path("duplicates/", merging_views.pairs, name="duplicates"),
    path("merges/<int:pk>/", merging_views.merged, name="merged"),
    path("privacy/", privacy_views.privacy, name="privacy"),
    path("privacy/register/", privacy_views.register, name="register"),
    path("privacy/looked/<int:pk>/", privacy_views.looked, name="looked"),
    path("privacy/requests/<int:pk>/", privacy_views.answered, name="answered"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/merge/", merging_views.merge_with, name="merge_with"),
    path("<int:pk>/merge/<int:other>/", merging_views.merge, name="merge"),
    path("<int:pk>/not/<int:other>/", merging_views.say_distinct, name="distinct"),
    path("<int:pk>/data/", privacy_views.hand_over, name="hand_over"),
    path("<int:pk>/erase/", privacy_views.erase, name="erase"),
    path("<int:pk>/predictions/", privacy_views.predictions, name="predictions"),
    path("<int:pk>/glance/", glance_views.glance, name="glance"),
    path("<int:pk>/edit/", views.edit, name="edit"),
    path("<int:pk>/note/", views.add_note, name="note"),
    path("<int:pk>/tags/", views.edit_tags, name="tags"),
    path("<int:pk>/consent/", views.change_consent, name="consent"),
]
