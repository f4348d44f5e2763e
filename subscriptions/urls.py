"""Addresses of the subscriptions app."""

from django.urls import path

from subscriptions import finding_views, views, waiver_views, whatif_views
from subscriptions.importing import views as imports

app_name = "subscriptions"
urlpatterns = [
    path("subscriptions/", views.subscription_list, name="list"),
    path("subscriptions/new/", views.record, name="record"),
    path("subscriptions/check/", views.check, name="check"),
    path("subscriptions/price-line/", views.price_line, name="price-line"),
    path("subscriptions/<slug:reference>/", views.detail, name="detail"),
    path("subscriptions/<slug:reference>/edit/", views.edit, name="edit"),
    path("subscriptions/<slug:reference>/waiver/", waiver_views.ask, name="ask-waiver"),
    path("subscriptions/<slug:reference>/<slug:name>/", views.act_page, name="act"),
    path("findings/", finding_views.finding_list, name="findings"),
    path("findings/follow-up/", finding_views.follow_up, name="follow-up"),
    path("findings/<int:pk>/", finding_views.finding_page, name="finding"),
    path("compliance/<str:code>/", finding_views.compliance, name="compliance"),
    path("decisions/", finding_views.decisions, name="decisions"),
    path("waivers/", waiver_views.waiver_list, name="waivers"),
    path("waivers/<int:pk>/", waiver_views.waiver_page, name="waiver"),
    path("waivers/<int:pk>/<slug:name>/", waiver_views.waiver_act, name="waiver-act"),
    path("imports/", imports.imports, name="imports"),
    path("imports/example/<slug:kind>.<slug:ending>", imports.example, name="import-example"),
    path("imports/records/<slug:kind>.<slug:ending>", imports.records, name="import-records"),
    path("imports/<int:pk>/", imports.upload, name="import"),
    path("imports/<int:pk>/columns/", imports.columns, name="import-columns"),
    path("imports/<int:pk>/problems/", imports.problems, name="import-problems"),
    path("imports/<int:pk>/start/", imports.start, name="import-start"),
    path("imports/<int:pk>/again/", imports.again, name="import-again"),
    path("imports/<int:pk>/undo/", imports.undo, name="import-undo"),
    path("imports/<int:pk>/discard/", imports.discard, name="import-discard"),
    path("policies/<slug:code>/what-if/<int:number>/", whatif_views.what_if, name="what-if"),
]
