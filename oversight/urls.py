"""Addresses of the oversight app."""

from django.urls import path

from oversight import views

app_name = "oversight"
urlpatterns = [
    path("spending/", views.spending, name="spending"),
]
