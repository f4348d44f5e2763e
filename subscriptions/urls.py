"""Addresses of the subscriptions app."""

from django.urls import path

from subscriptions import (
    budget_views,
    finding_views,
    payment_views,
    rate_views,
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
    path("subscriptions/<slug:reference>/payments/new/", payment_views.record_payment, name="record-payment"),
    path("subscriptions/<slug:reference>/<slug:name>/", views.act_page, name="act"),
    path("payments/", payment_views.payment_list, name="payments"),
    path("payments/<int:pk>/", payment_views.payment_page, name="payment"),
    path("payments/<int:pk>/correct/", payment_views.correct_payment, name="correct-payment"),
    path("payments/<int:pk>/remove/", payment_views.remove_payment, name="remove-payment"),
    path("exchange-rates/", rate_views.rate_list, name="rates"),
    path("exchange-rates/import/", rate_views.import_file, name="import-rates"),
    path("budgets/", budget_views.budget_list, name="budgets"),
    path("budgets/new/", budget_views.enter_budget, name="enter-budget"),
    path("budgets/<str:code>/<int:year>/", budget_views.budget_page, name="budget"),
    path("budgets/<str:code>/<int:year>/correct/", budget_views.correct_budget, name="correct-budget"),
    path("budgets/<str:code>/<int:year>/remove/", budget_views.remove_budget, name="remove-budget"),
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
