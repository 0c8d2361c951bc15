from django.urls import path

from crm.orders import views

app_name = "orders"

urlpatterns = [
    path("", views.order_list, name="list"),
    path("export/", views.export, name="export"),
    path("products/", views.products, name="products"),
    path("products/<int:pk>/", views.edit_product, name="product"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/glance/", views.glance, name="glance"),
]
