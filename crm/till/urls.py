from django.urls import path

from crm.till import views

app_name = "till"

urlpatterns = [
    path("", views.counter, name="counter"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.customer, name="customer"),
    path("<int:pk>/done/<int:order_id>/", views.done, name="done"),
    path("<int:pk>/done/<int:order_id>/undo/", views.undo, name="undo"),
]
