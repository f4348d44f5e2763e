"""Where AI tools are looked up."""

from django.urls import path

from catalog import views

app_name = "catalog"
urlpatterns = [
    path("catalog/", views.tool_list, name="list"),
    path("catalog/options/", views.options, name="options"),
    path("catalog/vendors/options/", views.vendor_options, name="vendor_options"),
    path("catalog/<slug:code>/", views.tool_detail, name="detail"),
]
