"""Addresses of the subscriptions app."""

from django.urls import path

from subscriptions import (
    finding_views,
    handover_views,
    life_views,
    review_views,
    views,
    waiver_views,
    whatif_views,
)

app_name = "subscriptions"
urlpatterns = [
    path("subscriptions/", views.subscription_list, name="list"),
    path("subscriptions/new/", views.record, name="record"),
    path("subscriptions/check/", views.check, name="check"),
    path("subscriptions/price-line/", views.price_line, name="price-line"),
    path("subscriptions/<slug:reference>/", views.detail, name="detail"),
    path("subscriptions/<slug:reference>/edit/", views.edit, name="edit"),
    path("subscriptions/<slug:reference>/waiver/", waiver_views.ask, name="ask-waiver"),
    path("subscriptions/<slug:reference>/review/", review_views.review, name="review"),
    path("subscriptions/<slug:reference>/notes/", life_views.notes, name="notes"),
    path("subscriptions/<slug:reference>/timeline/", life_views.timeline, name="timeline"),
    path("subscriptions/<slug:reference>/contract/", life_views.contract, name="contract"),
    path("comments/<int:pk>/strike/", life_views.strike, name="strike"),
    path("attachments/<int:pk>/", life_views.attachment, name="attachment"),
    path("attachments/<int:pk>/remove/", life_views.remove_attachment, name="remove-attachment"),
    path("handovers/", handover_views.handovers, name="handovers"),
    path("handovers/new/", handover_views.hand_over_page, name="hand-over"),
    path("subscriptions/<slug:reference>/<slug:name>/", views.act_page, name="act"),
    path("findings/", finding_views.finding_list, name="findings"),
    path("findings/follow-up/", finding_views.follow_up, name="follow-up"),
    path("findings/<int:pk>/", finding_views.finding_page, name="finding"),
    path("compliance/<str:code>/", finding_views.compliance, name="compliance"),
    path("decisions/", finding_views.decisions, name="decisions"),
    path("waivers/", waiver_views.waiver_list, name="waivers"),
    path("waivers/<int:pk>/", waiver_views.waiver_page, name="waiver"),
    path("waivers/<int:pk>/<slug:name>/", waiver_views.waiver_act, name="waiver-act"),
    path("policies/<slug:code>/what-if/<int:number>/", whatif_views.what_if, name="what-if"),
]
