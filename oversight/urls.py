"""Addresses of the oversight app."""

from django.urls import path

from oversight import report_views, views

app_name = "oversight"
urlpatterns = [
    path("spending/", views.spending, name="spending"),
    path("reports/<slug:code>/", report_views.report, name="report"),
]
