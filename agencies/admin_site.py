"""The site of the Django admin: its titles, no door of its own, and no address that would tell of records out of sight."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _


class GovtrackAdminSite(admin.AdminSite):
    site_header = _("govtrack administration")
    site_title = _("govtrack administration")
    index_title = _("Register and accounts")
    empty_value_display = "–"

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Where everybody signs in: with the same limits of attempts and the same second factor."""
        return secure_admin_login(super().login)(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """By one's own page: with its limit of attempts, and its notice of a new password."""
        return redirect("password_change")

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("password_change_done")

    def get_urls(self) -> list[Any]:
        # Django's shortcut to an object's page looks it up by number for every member of staff, and its answer names it.
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]
