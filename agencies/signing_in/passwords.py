"""Passwords: changed by their owner, set where there was none, and made anew through a link by e-mail when forgotten.

Whether there is an account is told to nobody: the page answers the same, after the same work. Looking up, and one row for the
worker, is all that it does; the worker makes the link and sends it, or does nothing.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordChangeView, PasswordResetConfirmView
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse, reverse_lazy
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_tasks import task

from agencies.models import User
from agencies.notices.digests import absolute
from agencies.signing_in.fresh import ask_again, ask_on_the_way
from agencies.signing_in.session_limits import end_sessions
from agencies.signing_in.telling import language_of, send, tell_of
from audit import events
from audit.origin import asked_from, handed_on

# Accounts that share an address are told of each, up to so many.
MOST_ACCOUNTS = 5


class ChangeForm(PasswordChangeForm):
    """The old password is an attempt like those of signing in: counted with them, told in the trail and to the owner."""

    def clean_old_password(self) -> str:
        given = str(self.cleaned_data["old_password"])
        if not get_adapter().reauthenticate(self.user, given):
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return given


class ChangeView(PasswordChangeView):
    """A new password for the old one; who has none sets the first, after saying who they are. Other sessions end."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if limited := ratelimit.consume_or_429(request, action="change_password", user=request.user):
            return limited
        self.has_one = request.user.has_usable_password()
        if not self.has_one:
            ask_again(request)
            ask_on_the_way(request)
        return super().dispatch(request, *args, **kwargs)

    def get_form_class(self) -> Any:
        return ChangeForm if self.has_one else SetPasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        form.save()
        update_session_auth_hash(self.request, form.user)
        end_sessions(form.user.pk)
        # This session goes on, under the new key that it has got.
        UserSession.objects.create_from_request(self.request)
        tell_of(form.user, "account.password")
        return redirect(self.get_success_url())


class ForgottenForm(forms.Form):
    who = forms.CharField(
        label=_("User name or e-mail address"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


@never_cache
@login_not_required
@require_http_methods(["GET", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a link. Limited for each address that asks and for each name that is asked for."""
    if not settings.EMAIL_IS_SENT:
        return render(request, "account/forgotten.html", {"form": None})
    form = ForgottenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        who = form.cleaned_data["who"].strip()
        if limited := ratelimit.consume_or_429(request, action="reset_password", key=who.lower()):
            return limited
        asked = User.objects.filter(Q(username__iexact=who) | Q(email__iexact=who), is_active=True)
        people = list(asked.order_by("pk")[:MOST_ACCOUNTS])
        # Also where no account is found, for which no link is sent. What was typed is not kept.
        events.record(
            events.Kind.PASSWORD_LINK,
            about=people[0] if people else None,
            name=people[0].username if people else "",
            after={"link": "asked for", "accounts": [user.username for user in people]},
            request=request,
        )
        send_links.enqueue([user.pk for user in people], handed_on())
        return redirect("password-forgotten-sent")
    return render(request, "account/forgotten.html", {"form": form})


@login_not_required
@require_http_methods(["GET"])
def sent(request: HttpRequest) -> HttpResponse:
    return render(request, "account/forgotten_sent.html", {"minutes": settings.PASSWORD_RESET_TIMEOUT // 60})


@task()
def send_links(people: list[int], origin: dict[str, Any] | None = None) -> None:
    """Send each of these accounts its link; who signs in by single sign-on alone is told that there is no password."""
    with asked_from(origin, "send_links"):
        _send_links(people)


def _send_links(people: list[int]) -> None:
    for user in User.objects.filter(pk__in=people, is_active=True).exclude(email="").order_by("pk"):
        with translation.override(language_of(user)):
            context = {
                "user": user,
                "url": absolute(link_of(user)) if user.has_usable_password() else "",
                "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
            }
            subject = translation.gettext("[govtrack] A new password")
            body = render_to_string("account/forgotten.txt", context)
        send(subject, body, user.email)
        events.record(events.Kind.PASSWORD_LINK, about=user, name=user.username, after={"link": "sent"})


def link_of(user: User) -> str:
    """The address that sets a new password: once, since it holds for the present one, and for PASSWORD_RESET_TIMEOUT seconds."""
    number = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("password-new", args=[number, default_token_generator.make_token(user)])


@method_decorator(login_not_required, name="dispatch")
class NewView(PasswordResetConfirmView):
    """Behind the link. Nobody is signed in by it: the new password, and the second factor, are asked for as always."""

    template_name = "account/new_password.html"
    success_url = reverse_lazy("account_login")
    title = _("Set a new password")

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request = self.request
        if limited := ratelimit.consume_or_429(request, action="reset_password_from_key"):
            return limited
        response = super().dispatch(*args, **kwargs)
        response.headers["Referrer-Policy"] = "no-referrer"  # the link is a secret while it holds
        return response

    def get_user(self, uidb64: str) -> Any:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active and user.has_usable_password() else None

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        end_sessions(form.user.pk)
        tell_of(form.user, "account.password")
        messages.success(self.request, _("Your password has been changed. Sign in with it."))
        return response


class EmailForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["email"]
        labels = {"email": _("E-mail address")}
        help_texts = {
            "email": _(
                "Notices go there, and the link for a new password when yours is forgotten. Empty: no e-mail."
            )
        }


@require_http_methods(["GET", "POST"])
def email(request: Any) -> HttpResponse:
    """One's own address. The one that was there before is told of the change."""
    before = request.user.email
    given = request.POST if request.method == "POST" else None
    form = EmailForm(given, instance=User.objects.get(pk=request.user.pk))
    ask_again(request)
    if request.method == "POST" and form.is_valid():
        user = form.save(commit=False)
        if user.email != before:
            user.save(update_fields=["email"])
            tell_of(user, "account.email", to=before)
        messages.success(request, _("Saved."))
        return redirect("account-email")
    return render(request, "account/email.html", {"form": form})
