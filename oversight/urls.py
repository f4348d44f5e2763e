"""Addresses of the oversight app."""

from django.urls import path

from oversight import agency_views, plan_views, report_views, use_views, views
from oversight.explorer import record_views
from oversight.explorer import views as explorer
from oversight.exports import views as exports
from oversight.rounds import acts
from oversight.rounds import return_views as returns
from oversight.rounds import views as rounds
from oversight.snapshots import views as snapshots

app_name = "oversight"
urlpatterns = [
    path("spending/", views.spending, name="spending"),
    path("spending/plan/", plan_views.plan, name="plan"),
    path("spending/explore/", explorer.explore, name="explore"),
    path("spending/explore/print/", explorer.print_page, name="explore-print"),
    path("spending/explore/save/", explorer.save, name="explore-save"),
    path("spending/explore/saved/<int:pk>/", explorer.saved, name="explore-saved"),
    path("spending/explore/freeze/", snapshots.freeze_view, name="freeze"),
    path("spending/explore/records/", record_views.record_list, name="records"),
    path("spending/exports/", exports.exports, name="exports"),
    path("spending/exports/<int:pk>/", exports.export, name="export"),
    path("spending/exports/<int:pk>/again/", exports.export_again, name="export-again"),
    path("spending/exports/<int:pk>/file/", exports.export_file, name="export-file"),
    path("spending/snapshots/", snapshots.snapshot_list, name="snapshots"),
    path("spending/snapshots/<int:pk>/", snapshots.snapshot_page, name="snapshot"),
    path("spending/snapshots/<int:pk>/compare/", snapshots.snapshot_compare, name="snapshot-compare"),
    path("rounds/", rounds.round_list, name="rounds"),
    path("rounds/new/", rounds.round_new, name="round-new"),
    path("rounds/<int:pk>/", rounds.round_page, name="round"),
    path("rounds/<int:pk>/edit/", rounds.round_edit, name="round-edit"),
    path("rounds/<int:pk>/agencies/<str:code>/", returns.return_page, name="round-return"),
    path("rounds/<int:pk>/agencies/<str:code>/<slug:way>/", returns.return_file, name="round-file"),
    path("rounds/<int:pk>/<slug:name>/", acts.round_act, name="round-act"),
    path("reports/<slug:code>/", report_views.report, name="report"),
    path("agencies/<str:code>/", agency_views.agency, name="agency"),
    path("catalog/<slug:code>/use/", use_views.tool_use, name="tool-use"),
    path("vendors/<slug:code>/", use_views.vendor, name="vendor"),
    path("countries/<slug:code>/", use_views.country, name="country"),
]
