"""Addresses of the agencies app."""

from django.urls import path

from agencies import views

app_name = "agencies"
urlpatterns = [path("agencies/options/", views.options, name="options")]
