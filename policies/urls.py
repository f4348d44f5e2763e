"""Where policies are read and written."""

from django.urls import path

from policies import views, writing

app_name = "policies"
urlpatterns = [
    path("policies/", views.policy_list, name="list"),
    path("policies/new/", writing.new, name="new"),
    path("policies/new/conditions/", writing.conditions, name="conditions"),
    path("policies/new/values/", writing.values, name="values"),
    path("policies/new/statements/", writing.statements, name="statements"),
    path("policies/new/preview/", writing.preview, name="preview"),
    path("policies/<slug:code>/", views.policy_detail, name="detail"),
    path("policies/<slug:code>/compare/", views.compare, name="compare"),
    path("policies/<slug:code>/versions/<int:number>/edit/", writing.edit, name="edit"),
    path("policies/<slug:code>/versions/<int:number>/<slug:name>/", writing.act_page, name="act"),
]
