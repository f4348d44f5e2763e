"""Addresses of the agencies app."""

from django.urls import path

from agencies import saved_views, views

app_name = "agencies"
urlpatterns = [
    path("agencies/options/", views.options, name="options"),
    path("views/save/", saved_views.save_view, name="save-view"),
    path("views/<int:pk>/forget/", saved_views.forget_view, name="forget-view"),
]
