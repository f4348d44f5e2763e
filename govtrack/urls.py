"""Root URLs. Each app's urls.py states whole paths (`subscriptions/`, `findings/`), so all are included at the root."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from govtrack import views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("accounts/password/", auth_views.PasswordChangeView.as_view(), name="password_change"),
    path("accounts/password/done/", auth_views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("admin/", admin.site.urls),
    path("", include("audit.urls")),
    path("", include("agencies.urls")),
    path("", include("catalog.urls")),
    path("", include("sources.urls")),
    path("", include("policies.urls")),
    path("", include("subscriptions.urls")),
    path("", include("oversight.urls")),
]

handler404 = "govtrack.views.not_found"
