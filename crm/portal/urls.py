from django.urls import path

from crm.portal import views

app_name = "portal"

urlpatterns = [
    path("my/<str:token>/", views.page, name="page"),
    path("my/<str:token>/messages/", views.permission, name="messages"),
    path("my/<str:token>/language/", views.language, name="language"),
    path("customers/<int:pk>/own-page/square.svg", views.link_square, name="square"),
    path("customers/<int:pk>/own-page/replace/", views.replace, name="replace"),
]
