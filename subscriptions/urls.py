"""Addresses of the subscriptions app."""

from django.urls import path

from subscriptions import finding_views, views, waiver_views, whatif_views
from subscriptions.renewals import views as renewals

app_name = "subscriptions"
urlpatterns = [
    path("subscriptions/", views.subscription_list, name="list"),
    path("subscriptions/new/", views.record, name="record"),
    path("subscriptions/check/", views.check, name="check"),
    path("subscriptions/price-line/", views.price_line, name="price-line"),
    path("subscriptions/<slug:reference>/", views.detail, name="detail"),
    path("subscriptions/<slug:reference>/edit/", views.edit, name="edit"),
    path("subscriptions/<slug:reference>/waiver/", waiver_views.ask, name="ask-waiver"),
    path("subscriptions/<slug:reference>/renew/", renewals.renew, name="renew"),
    path("subscriptions/<slug:reference>/let-end/", renewals.let_end, name="let-end"),
    path("subscriptions/<slug:reference>/reconsider/", renewals.reconsider, name="reconsider"),
    path("subscriptions/<slug:reference>/reminders/", renewals.reminder_plan, name="reminder-plan"),
    path("subscriptions/<slug:reference>/<slug:name>/", views.act_page, name="act"),
    path("renewals/", renewals.renewal_list, name="renewals"),
    path("renewals/calendar/", renewals.renewal_calendar, name="renewal-calendar"),
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
