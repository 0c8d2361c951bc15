from django.urls import path

from crm.keeping import views

app_name = "keeping"

urlpatterns = [
    path("", views.backups, name="backups"),
    path("last/", views.last, name="last"),
    path("start/<slug:kind>/", views.start, name="start"),
    path("file/<str:name>/", views.download, name="download"),
    path("file/<str:name>/delete/", views.delete, name="delete"),
    path("aside/<slug:name>/delete/", views.delete_aside, name="delete_aside"),
    path("export/", views.download_export, name="download_export"),
    path("export/delete/", views.delete_export, name="delete_export"),
    path("confirm/", views.confirm, name="confirm"),
]
