from django.urls import path

from crm.coupons import views

app_name = "coupons"

urlpatterns = [
    path("", views.index, name="list"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/codes/", views.issue, name="issue"),
    path("<int:pk>/codes.csv", views.export, name="export"),
    path("<int:pk>/switch/", views.switch, name="switch"),
    path("<int:pk>/roll-back/", views.roll_back, name="roll_back"),
]
