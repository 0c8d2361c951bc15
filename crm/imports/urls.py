from django.urls import path

from crm.imports import views

app_name = "imports"

urlpatterns = [
    path("", views.list_imports, name="list"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/columns/", views.mapping, name="mapping"),
    path("<int:pk>/stop/", views.stop, name="stop"),
    path("<int:pk>/undo/", views.undo, name="undo"),
    path("<int:pk>/rejected.csv", views.rejected, name="rejected"),
]
