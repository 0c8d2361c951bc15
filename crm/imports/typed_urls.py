from django.urls import path

from crm.imports import invited_views, typed_views

app_name = "typed"

urlpatterns = [
    path("customers/new/", typed_views.contact_new, name="contact_new"),
    path("r/<str:code>/", invited_views.page, name="invited"),
    path("orders/new/", typed_views.order_new, name="order_new"),
    path("orders/new/customers/", typed_views.pick, name="pick"),
    path("orders/<int:pk>/edit/", typed_views.order_edit, name="order_edit"),
    path("orders/<int:pk>/refund/", typed_views.order_refund, name="order_refund"),
    path("orders/<int:pk>/cancel/", typed_views.order_cancel, name="order_cancel"),
]
