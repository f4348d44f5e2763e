"""Addresses of the subscriptions app."""

from django.urls import path

from subscriptions import views

app_name = "subscriptions"
urlpatterns = [
    path("subscriptions/", views.subscription_list, name="list"),
    path("subscriptions/new/", views.record, name="record"),
    path("subscriptions/check/", views.check, name="check"),
    path("subscriptions/price-line/", views.price_line, name="price-line"),
    path("subscriptions/<slug:reference>/", views.detail, name="detail"),
    path("subscriptions/<slug:reference>/edit/", views.edit, name="edit"),
    path("subscriptions/<slug:reference>/<slug:name>/", views.act_page, name="act"),
    path("findings/", views.finding_list, name="findings"),
]
