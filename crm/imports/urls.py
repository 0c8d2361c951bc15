from django.urls import path

from crm.imports import views

app_name = "imports"

urlpatterns = [
    path("", views.list_imports, name="list"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/columns/", views.mapping, name="mapping"),
    path("<int:pk>/columns/forget/", views.forget, name="forget"),
    path("<int:pk>/found/<slug:kind>/", views.found, name="found"),
    path("<int:pk>/start/", views.start, name="start"),
    path("<int:pk>/discard/", views.discard, name="discard"),
    path("<int:pk>/stop/", views.stop, name="stop"),
    path("<int:pk>/resume/", views.resume, name="resume"),
    path("<int:pk>/undo/", views.undo, name="undo"),
    path("<int:pk>/rejected/", views.rejected_list, name="rejected_list"),
    path("<int:pk>/rejected.csv", views.rejected, name="rejected"),
]
