from django.urls import path

from crm.portal import data_views, views

app_name = "portal"

urlpatterns = [
    path("my/<str:token>/", views.page, name="page"),
    path("my/<str:token>/messages/", views.permission, name="messages"),
    path("my/<str:token>/language/", views.language, name="language"),
    path("my/<str:token>/data/", data_views.download, name="data"),
    path("my/<str:token>/erase/", data_views.erase, name="erase"),
    path("my/<str:token>/predictions/", data_views.predictions, name="predictions"),
    path("customers/<int:pk>/own-page/square.svg", views.link_square, name="square"),
    path("customers/<int:pk>/own-page/replace/", views.replace, name="replace"),
]
