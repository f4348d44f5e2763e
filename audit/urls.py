"""Addresses of the audit app."""

from django.urls import path

from audit import views

app_name = "audit"
urlpatterns = [
    path("audit/", views.events, name="events"),
    path("audit/changes/", views.change_list, name="changes"),
]
