"""Root URLs. Each app's urls.py states whole paths (`subscriptions/`, `findings/`), so all are included at the root."""

from allauth.account import views as account_views
from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from agencies.signing_in import passwords
from agencies.signing_in.sso import views as sso
from govtrack import health, views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/login/", account_views.login, name="account_login"),
    path("accounts/logout/", account_views.logout, name="account_logout"),
    path("accounts/inactive/", account_views.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", account_views.reauthenticate, name="account_reauthenticate"),
    path("accounts/second-factor/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("accounts/password/", passwords.ChangeView.as_view(), name="password_change"),
    path("accounts/password/done/", auth_views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("accounts/password/forgotten/", passwords.forgotten, name="password-forgotten"),
    path("accounts/password/forgotten/sent/", passwords.sent, name="password-forgotten-sent"),
    path("accounts/password/new/<uidb64>/<token>/", passwords.NewView.as_view(), name="password-new"),
    path("accounts/e-mail/", passwords.email, name="account-email"),
    path("accounts/sso/", sso.overview, name="sso"),
    path("accounts/sso/start/", sso.start, name="sso-start"),
    path("accounts/sso/callback/", sso.callback, name="sso-callback"),
    path("accounts/sso/confirm/", sso.prove, name="sso-prove"),
    path("accounts/sso/link/", sso.link, name="sso-link"),
    path("accounts/sso/<int:pk>/unlink/", sso.unlink, name="sso-unlink"),
    path("accounts/sso/signed-out/", sso.signed_out, name="sso-signed-out"),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
    path("csp-reports/", views.csp_reports, name="csp-reports"),
    path("admin/", admin.site.urls),
    path("", include("audit.urls")),
    path("", include("agencies.urls")),
    path("", include("catalog.urls")),
    path("", include("sources.urls")),
    path("", include("policies.urls")),
    path("", include("subscriptions.urls")),
    path("", include("oversight.urls")),
]

handler400 = "govtrack.views.bad_request"
handler500 = "govtrack.views.server_error"
handler429 = "govtrack.views.too_many_attempts"
handler404 = "govtrack.views.not_found"
