"""Addresses of the agencies app."""

from django.urls import path

from agencies import saved_views, views
from agencies.notices import views as notices

app_name = "agencies"
urlpatterns = [
    path("agencies/options/", views.options, name="options"),
    path("notices/", notices.notices, name="notices"),
    path("notices/<int:pk>/", notices.notice, name="notice"),
    path("notices/read/", notices.all_read, name="notices-read"),
    path("notices/preferences/", notices.preferences, name="notice-preferences"),
    path("notices/e-mails/", notices.deliveries, name="deliveries"),
    path("notices/e-mails/<int:pk>/", notices.delivery, name="delivery"),
    path("departments/", notices.departments, name="departments"),
    path("departments/new/", notices.new_department, name="new-department"),
    path("departments/<int:pk>/", notices.department, name="department"),
    path("departments/<int:pk>/delete/", notices.delete_department, name="delete-department"),
    path("views/save/", saved_views.save_view, name="save-view"),
    path("views/<int:pk>/forget/", saved_views.forget_view, name="forget-view"),
]
