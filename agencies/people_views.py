"""Pages for those who administer people: who has which role, invitations, roles given and taken, accounts closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django_tables2 as tables
from allauth.core import ratelimit
from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import BaseUserCreationForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from agencies import duties, invitations, roles
from agencies.choosing import AgencyField
from agencies.invitations import Invitation
from agencies.models import Agency, Membership, Role, User
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from agencies.signing_in import second_factor
from agencies.signing_in.fresh import ask_again
from agencies.signing_in.sso import provider
from agencies.signing_in.sso.views import begin_acceptance

PER_PAGE = 50


KNOWINGLY = _("The person may both record for an agency and rule over it, where these roles come to that")


class RoleForm(forms.Form):
    """A role at an agency that the person at the page administers."""

    agency = AgencyField(label=_("Agency"), help_text=_("The role holds for it and all below it."))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = duties.roles_for(by)  # type: ignore[attr-defined]
        if by.is_superuser:
            self.fields["knowingly"] = forms.BooleanField(label=KNOWINGLY, required=False)
        self.fields["agency"].offer(Agency.objects.visible_to(by, Role.ADMINISTRATOR))  # type: ignore[attr-defined]


class InvitationForm(RoleForm):
    full_name = forms.CharField(label=_("Name"), max_length=150)
    field_order = ["full_name", "agency", "role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("knowingly", None)  # a new person has no other role


EMAIL_LABEL = {"email": _("E-mail address")}
EMAIL_HELP = {
    "email": _(
        "Notices go there, and the link for a new password when yours is forgotten. May be left empty."
    )
}


class AccountForm(BaseUserCreationForm):
    """An account with a password of its own."""

    class Meta:
        model = User
        fields = ["username", "email"]
        labels = EMAIL_LABEL
        help_texts = EMAIL_HELP


SSO_ID = "id_sso_%s"  # both forms are on one page


class IdentityForm(forms.ModelForm):
    """An account without a password: its person signs in by single sign-on."""

    class Meta:
        model = User
        fields = ["username", "email"]
        labels = EMAIL_LABEL
        help_texts = EMAIL_HELP


class PeopleTable(tables.Table):
    user = tables.Column(verbose_name=_("Person"), order_by=("user__last_name", "user__username"))
    role = tables.Column(verbose_name=_("Role"))
    agency = tables.Column(verbose_name=_("Agency"), order_by=("agency__path",))
    last_login = tables.DateTimeColumn(
        verbose_name=_("Last signed in"), accessor="user__last_login", default=_("Never")
    )
    active = tables.Column(verbose_name=_("Account"), accessor="user__is_active")

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("People and their roles")}
        order_by = ("agency", "role", "user")

    def render_user(self, value: User) -> SafeString:
        address = reverse("agencies:person", args=[value.pk])
        return format_html('<a href="{}">{}</a> ({})', address, value, value.username)

    def render_active(self, value: bool) -> str:
        return gettext("The account is open.") if value else gettext("The account is closed.")


def _administers(request: SignedInRequest) -> User:
    if not request.user.has_role(Role.ADMINISTRATOR):
        raise PermissionDenied
    return request.user


@require_safe
def people(request: SignedInRequest) -> HttpResponse:
    """Roles in the reader's part of the tree, and the invitations that are still open."""
    user = _administers(request)
    rows = Membership.objects.visible_to(user, Role.ADMINISTRATOR).select_related("user", "agency")
    if words := request.GET.get("q", "").replace("\0", "").strip()[:100]:
        named = ("username", "last_name", "first_name", "email")
        condition = Q()
        for name in named:
            condition |= Q(**{f"user__{name}__icontains": words})
        rows = rows.filter(condition)
    table = PeopleTable(rows)
    configure(request, table, PER_PAGE)
    waiting = Invitation.objects.visible_to(user, Role.ADMINISTRATOR).open(timezone.now())
    context = {"table": table, "words": words, "waiting": waiting.select_related("agency", "invited_by")}
    return render(request, "agencies/people.html", context)


@require_http_methods(["GET", "POST"])
def invite(request: SignedInRequest) -> HttpResponse:
    user = _administers(request)
    form = InvitationForm(request.POST or None, by=user)
    ask_again(request)
    if request.method == "POST" and form.is_valid():
        invitation, token = invitations.invite(**form.cleaned_data, by=user)
        link = request.build_absolute_uri(reverse("agencies:accept", args=[token]))
        response = render(request, "agencies/invited.html", {"invitation": invitation, "link": link})
        response["Cache-Control"] = "no-store"
        return response
    return _form_page(
        request,
        gettext("Invite somebody"),
        gettext("A link is made with which the person chooses a user name and a password of their own."),
        form,
        gettext("Make the link"),
        reverse("agencies:people"),
    )


@never_cache
@sensitive_post_parameters()
@login_not_required
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind an invitation's link: whoever has it makes the account.

    Limited, since it tells which user names are taken.
    """
    if limited := ratelimit.consume_or_429(
        request, action="accept_invitation", key=invitations.digest_of(token)
    ):
        return limited
    invitation = invitations.invited_by_link(token)
    if invitation is None:
        return render(request, "agencies/no_invitation.html", status=404)
    by_identity = provider.is_on() and "by-identity" in request.POST
    form: Any = (
        IdentityForm(request.POST, auto_id=SSO_ID)
        if by_identity
        # Whose name no password may be like.
        else AccountForm(request.POST or None, instance=User(last_name=invitation.full_name))
    )
    if by_identity and form.is_valid():
        fields = {name: form.cleaned_data[name] for name in ("username", "email")}
        return begin_acceptance(request, token, fields)
    if request.method == "POST" and form.is_valid():
        username, password = form.cleaned_data["username"], form.cleaned_data["password1"]
        try:
            invitations.accept(invitation, username, password, email=form.cleaned_data["email"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Your account is made. Sign in with it."))
            return redirect("account_login")
    context = {"invitation": invitation, "provider": provider.name() if provider.is_on() else ""}
    # What was typed in one form is shown in it alone.
    context["form"] = AccountForm() if by_identity else form
    context["identity_form"] = form if by_identity else IdentityForm(auto_id=SSO_ID)
    return render(request, "agencies/accept.html", context)


@require_http_methods(["GET", "POST"])
def withdraw(request: SignedInRequest, pk: int) -> HttpResponse:
    user = _administers(request)
    seen = Invitation.objects.visible_to(user, Role.ADMINISTRATOR).open(timezone.now())
    invitation = get_object_or_404(seen, pk=pk)
    return _act(
        request,
        gettext("Withdraw the invitation of %(name)s") % {"name": invitation.full_name},
        gettext("Its link stops working."),
        gettext("Withdraw it"),
        reverse("agencies:people"),
        lambda: invitations.withdraw(invitation, by=user),
        back=reverse("agencies:people"),
    )


def _person(request: SignedInRequest, pk: int) -> User:
    return get_object_or_404(roles.people_of(_administers(request)), pk=pk)


@require_safe
def person(request: SignedInRequest, pk: int) -> HttpResponse:
    one = _person(request, pk)
    context = {
        "person": one,
        "roles": roles.roles_of(one, request.user),
        "may_close": roles.may_close(one, request.user),
        "oneself": one == request.user,
        "may_reset": request.user.is_superuser and is_mfa_enabled(one),
        "not_ours": [] if request.user.is_superuser else duties.RULES,
    }
    return render(request, "agencies/person.html", context)


@require_http_methods(["GET", "POST"])
def give(request: SignedInRequest, pk: int) -> HttpResponse:
    one = _person(request, pk)
    if one == request.user:
        raise PermissionDenied
    form = RoleForm(request.POST or None, by=request.user)
    return _act(
        request,
        gettext("Give %(name)s a role") % {"name": one},
        gettext("It counts from the next sign-in on: the person is signed out everywhere."),
        gettext("Give the role"),
        reverse("agencies:person", args=[pk]),
        lambda: roles.give(one, **form.cleaned_data, by=request.user),
        form=form,
    )


@require_http_methods(["GET", "POST"])
def take(request: SignedInRequest, pk: int, role: int) -> HttpResponse:
    one = _person(request, pk)
    membership = get_object_or_404(roles.roles_of(one, request.user), pk=role)
    if one == request.user:
        raise PermissionDenied
    duties.check_appointment(membership.role, request.user)
    return _act(
        request,
        gettext("Take the role %(role)s at %(agency)s from %(name)s")
        % {"role": membership.get_role_display(), "agency": membership.agency, "name": one},
        gettext(
            "It ends at once: the person is signed out everywhere. What they did stays under their name."
        ),
        gettext("Take the role"),
        reverse("agencies:person", args=[pk]),
        lambda: roles.take(membership, by=request.user),
        back=reverse("agencies:people"),
    )


@require_http_methods(["GET", "POST"])
def close(request: SignedInRequest, pk: int) -> HttpResponse:
    one = _person(request, pk)
    if not roles.may_close(one, request.user):
        raise PermissionDenied
    return _act(
        request,
        gettext("Close the account of %(name)s") % {"name": one},
        gettext("The person cannot sign in any more. What they did stays under their name."),
        gettext("Close the account"),
        reverse("agencies:person", args=[pk]),
        lambda: roles.close(one, by=request.user),
    )


@require_http_methods(["GET", "POST"])
def reopen(request: SignedInRequest, pk: int) -> HttpResponse:
    one = _person(request, pk)
    if not roles.may_close(one, request.user):
        raise PermissionDenied
    return _act(
        request,
        gettext("Open the account of %(name)s again") % {"name": one},
        gettext("The person can sign in again, with the roles that are listed."),
        gettext("Open it again"),
        reverse("agencies:person", args=[pk]),
        lambda: roles.reopen(one, by=request.user),
        danger=False,
    )


@require_http_methods(["GET", "POST"])
def reset_second_factor(request: SignedInRequest, pk: int) -> HttpResponse:
    """Of any account, those without a role too; one's own is changed on its own page."""
    if not request.user.is_superuser or pk == request.user.pk:
        raise PermissionDenied
    one = get_object_or_404(User, pk=pk)
    return _act(
        request,
        gettext("Reset the second factor of %(name)s") % {"name": one},
        gettext(
            "Only when you know that it is they who ask. The person is told, is signed out everywhere, and signs in by password "
            "alone until a new one is set up."
        ),
        gettext("Reset it"),
        reverse("agencies:people"),
        lambda: second_factor.take_away(one, by=request.user),
    )


def _act(
    request: SignedInRequest,
    title: str,
    text: str,
    submit_text: str,
    cancel_url: str,
    act: Callable[[], Any],
    *,
    form: forms.Form | None = None,
    back: str = "",
    danger: bool = True,
) -> HttpResponse:
    """Ask who it is, then do it, then go back; with the form and what is wrong where it cannot be done."""
    ask_again(request)
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            act()
        except ValidationError as error:
            (form := form or forms.Form(request.POST)).add_error(None, error)
        else:
            messages.success(request, gettext("Done: %(act)s.") % {"act": title})
            return redirect(back or cancel_url)
    return _form_page(request, title, text, form, submit_text, cancel_url, danger=danger and form is None)


def _form_page(
    request: SignedInRequest,
    title: str,
    text: str,
    form: forms.Form | None,
    submit_text: str,
    cancel_url: str,
    danger: bool = False,
) -> HttpResponse:
    context = {
        "title": title,
        "text": text,
        "form": form,
        "submit_text": submit_text,
        "cancel_url": cancel_url,
        "danger": danger,
    }
    return render(request, "krds/confirm.html", context)
