"""Addresses of the oversight app."""

from django.urls import path

from oversight import report_views, views
from oversight.explorer import record_views

app_name = "oversight"
urlpatterns = [
    path("spending/", views.spending, name="spending"),
    path("spending/explore/records/", record_views.record_list, name="records"),
    path("reports/<slug:code>/", report_views.report, name="report"),
]
