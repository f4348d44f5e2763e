"""Addresses of the agencies app."""

from django.urls import path

from agencies import people_views, saved_views, views
from agencies.notices import views as notices

app_name = "agencies"
urlpatterns = [
    path("agencies/options/", views.options, name="options"),
    path("people/", people_views.people, name="people"),
    path("people/invite/", people_views.invite, name="invite"),
    path("people/invitations/<int:pk>/withdraw/", people_views.withdraw, name="withdraw"),
    path("people/<int:pk>/", people_views.person, name="person"),
    path("people/<int:pk>/roles/give/", people_views.give, name="give-role"),
    path("people/<int:pk>/roles/<int:role>/take/", people_views.take, name="take-role"),
    path("people/<int:pk>/close/", people_views.close, name="close-account"),
    path("people/<int:pk>/reopen/", people_views.reopen, name="reopen-account"),
    path(
        "people/<int:pk>/second-factor/reset/", people_views.reset_second_factor, name="reset-second-factor"
    ),
    path("invitations/<str:token>/", people_views.accept, name="accept"),
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
