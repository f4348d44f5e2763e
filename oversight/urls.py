"""Addresses of the oversight app."""

from django.urls import path

from oversight import agency_views, report_views, use_views, views
from oversight.explorer import record_views

app_name = "oversight"
urlpatterns = [
    path("spending/", views.spending, name="spending"),
    path("spending/explore/records/", record_views.record_list, name="records"),
    path("reports/<slug:code>/", report_views.report, name="report"),
    path("agencies/<str:code>/", agency_views.agency, name="agency"),
    path("catalog/<slug:code>/use/", use_views.tool_use, name="tool-use"),
    path("vendors/<slug:code>/", use_views.vendor, name="vendor"),
    path("countries/<slug:code>/", use_views.country, name="country"),
]
