"""Pages on which policies are written: templates, the editor with its parts, and the steps in the life of a version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from agencies.models import Membership, Role, User
from agencies.signed_in import SignedInRequest
from agencies.signing_in.fresh import ask_again
from policies import lifecycle
from policies.acts import ACTS, TWO_PERSONS
from policies.composing import (
    Conditions,
    rearranged,
    typed_of,
    typed_rows,
)
from policies.forms import PolicyForm, numbers, statements_offered
from policies.models import Condition, PolicyVersion
from policies.picking import offer, options_context, picker_context
from policies.reading import grouped_phrases, versions_readable_by
from policies.sentences import sentences
from policies.stale import changes_since, is_stale
from policies.templating import TEMPLATES
from policies.vocabulary import FACTS, Type

FREE = "free"


def officer(request: SignedInRequest) -> User:
    """The signed-in person, who must be a policy officer somewhere."""
    if not request.user.has_role(Role.POLICY_OFFICER):
        raise PermissionDenied
    return request.user


def _writable(request: SignedInRequest, code: str, number: int) -> PolicyVersion:
    """The version, if the reader may write it: 404 for what they may not read, 403 for what they may only read."""
    version = get_object_or_404(
        versions_readable_by(request.user).select_related("policy__owner", "scope"),
        policy__code=code,
        number=number,
    )
    if not lifecycle.may_write_at(request.user, version.policy.owner):
        raise PermissionDenied
    return version


def page_of(version: PolicyVersion) -> str:
    return f"{reverse('policies:detail', args=[version.policy.code])}?version={version.number}"


# --- the editor -------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def new(request: SignedInRequest) -> HttpResponse:
    """Choose a template, give its values, then complete the policy in the editor."""
    user = officer(request)
    if request.method == "POST":
        return _editor(request, PolicyVersion(), user)
    chosen = request.GET.get("template", "")
    if not chosen:
        return render(request, "policies/templates.html", {"templates": TEMPLATES.values(), "free": FREE})
    if chosen == FREE:
        return _editor(request, PolicyVersion(), user)
    template = TEMPLATES.get(chosen)
    if template is None:
        raise Http404
    form = template.form(request.GET if "step" in request.GET else None)
    if not form.is_valid():
        return render(request, "policies/template.html", {"template": template, "form": form})
    made, filled = template.conditions(form.cleaned_data), template.prefilled(form.cleaned_data)
    return _editor(request, PolicyVersion(), user, stored=made, initial=filled)


@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, code: str, number: int) -> HttpResponse:
    version = _writable(request, code, number)
    if version.status != PolicyVersion.Status.DRAFT:
        raise PermissionDenied
    stored = list(version.conditions.order_by("group", "position"))
    return _editor(request, version, officer(request), stored=stored)


def _editor(
    request: SignedInRequest,
    version: PolicyVersion,
    user: User,
    *,
    stored: Sequence[Condition] = (),
    initial: dict[str, Any] | None = None,
) -> HttpResponse:
    """The form of a draft, and what follows when it is sent."""
    context: dict[str, Any] = {"version": version if version.pk else None}
    if request.method == "POST":
        form, rows = PolicyForm(request.POST, instance=version, by=user), Conditions(request.POST)
        saved = _saved(form, rows, user, context)
        if saved is not None:
            messages.success(
                request,
                _(
                    "The draft is saved. It judges nothing until it is put into force; see first what it would hit."
                ),
            )
            return redirect(page_of(saved))
    else:
        form = PolicyForm(instance=version, by=user, initial={**_own(user, version), **(initial or {})})
        rows = Conditions(typed=[typed_of(condition) for condition in stored] or [{"group": 1}])
    phrases = rows.phrases() if request.method == "POST" else grouped_phrases(stored)
    context.update(form=form, conditions=rows, told=_told(form, phrases))
    return render(request, "policies/edit.html", context)


def _own(user: User, version: PolicyVersion) -> dict[str, Any]:
    """A new policy begins with the officer's own agency, when it is one."""
    if version.pk:
        return {}
    own = list(Membership.objects.filter(user=user, role=Role.POLICY_OFFICER).select_related("agency")[:2])
    return {"owner": own[0].agency, "scope": own[0].agency} if len(own) == 1 else {}


def _saved(form: PolicyForm, rows: Conditions, user: User, context: dict[str, Any]) -> PolicyVersion | None:
    """Store the draft; None when the form must be shown again, with what `context` then says."""
    valid = form.is_valid()
    if not rows.is_valid() or not valid:
        return None
    try:
        with transaction.atomic():
            version = form.instance
            if version.pk:
                stored = PolicyVersion.objects.select_for_update().get(pk=version.pk)
                if is_stale(stored, form.cleaned_data["opened"]):
                    context["stale"] = changes_since(form, rows)
                    # Saved again, it replaces what is stored now; the person has seen it.
                    form.data = form.data.copy()  # type: ignore[attr-defined]
                    form.data["opened"] = str(form.fields["opened"].initial)  # type: ignore[index]
                    return None
            else:
                version.policy = form.policy()
            version = lifecycle.save_draft(version, rows.saved(), by=user, reason=form.cleaned_data["reason"])
            version.cites.set(form.cleaned_data["cites"])
            return version
    except ValidationError as problem:
        _add(form, problem)
    except IntegrityError:
        form.add_error(
            "code" if "code" in form.fields else None, _("Somebody saved the same policy just now.")
        )
    return None


def _add(form: PolicyForm, problem: ValidationError) -> None:
    """What only the save found, at its field where there is one."""
    if not hasattr(problem, "error_dict"):
        form.add_error(None, problem)
        return
    for field, errors in problem.message_dict.items():
        form.add_error(field if field in form.fields else None, errors)


# --- parts of the editor, drawn anew while it is filled in --------------------------------------------------------------


@require_POST
def conditions(request: SignedInRequest) -> HttpResponse:
    """The rows as they stand: one of them after its fact or operator was changed, or all after one came or went."""
    officer(request)
    rows, do = typed_rows(request.POST), request.GET.get("do", "")
    if do:
        rows, focus = rearranged(rows, do)
        context: dict[str, Any] = {"conditions": Conditions(typed=rows), "focus": focus}
        answer = render(request, "policies/conditions.html", context)
    else:
        wanted = request.GET.get("row", "")
        placed = [
            (place, row)
            for _at, _group, group in Conditions(typed=rows).numbered
            for place, row in group
            if str(row.index) == wanted
        ]
        if not placed:
            raise Http404
        answer = render(request, "policies/condition.html", {"number": placed[0][0], "row": placed[0][1]})
    return trigger_client_event(answer, "composed", after="settle")


@require_POST
def preview(request: SignedInRequest) -> HttpResponse:
    """What the policy says as it stands, in sentences; 204 while that is what the page shows already."""
    told = _told(PolicyForm(request.POST, by=officer(request)), Conditions(request.POST).phrases())
    if request.POST.get("shown") == told["mark"]:
        return HttpResponse(status=204)
    return render(request, "policies/sentence.html", {"told": told})


def _told(form: PolicyForm, phrases: list[list[str]]) -> dict[str, Any]:
    """The policy in sentences, with a mark that tells one text from another."""
    if form.is_bound:
        form.is_valid()
        chosen: Mapping[str, Any] = form.cleaned_data
    else:
        chosen = form.initial
    lines = sentences(
        chosen.get("scope"),
        phrases,
        chosen.get("effect") or "",
        chosen.get("effective_from"),
        chosen.get("effective_until"),
    )
    return {"lines": lines, "mark": hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]}


def _text(request: SignedInRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\0", "").strip()[:100]


@require_GET
def values(request: SignedInRequest) -> HttpResponse:
    """The values of a fact that a text finds, after those that are chosen."""
    officer(request)
    fact, name = FACTS.get(request.GET.get("fact", "")), _text(request, "name")
    if fact is None or fact.type in (Type.RANGE, Type.YES_NO) or not name:
        raise Http404
    chosen = [value.replace("\0", "")[:100] for value in request.GET.getlist(name)]
    widget = picker_context(fact, name, f"id_{name}", request.GET.get("kind") == "checkbox")
    widget["options"] = options_context(offer(fact, _text(request, "q"), chosen), chosen)
    return render(request, "policies/picker_options.html", {"widget": widget, "searched": True})


@require_GET
def statements(request: SignedInRequest) -> HttpResponse:
    """The statements that a text finds, after those that are cited."""
    user, chosen = officer(request), numbers(request.GET.getlist("cites"))
    context = {
        "statements": statements_offered(user, _text(request, "q"), chosen),
        "chosen": chosen,
        "searched": True,
    }
    return render(request, "policies/statement_options.html", context)


# --- the steps of a version -------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def act_page(request: SignedInRequest, code: str, number: int, name: str) -> HttpResponse:
    """Ask for the reason of a step, then take it. One that the version's state does not allow is 403."""
    if name not in ACTS:
        raise Http404
    version, act = _writable(request, code, number), ACTS[name]
    user = officer(request)
    if not act.offered(version):
        raise PermissionDenied
    if name == "put-into-force":
        ask_again(request)
    form = act.form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            shown = act.does(version, user, form.cleaned_data)
        except ValidationError as problem:
            form.add_error(None, problem)
        else:
            messages.success(request, _("Done: %(act)s.") % {"act": act.title})
            if shown is None:
                return redirect("policies:list")
            if name == "revise":
                return redirect("policies:edit", code=code, number=shown.number)
            return redirect(page_of(shown))
    own_draft = name == "put-into-force" and lifecycle.needs_another_officer(version, user)
    items = [TWO_PERSONS] if own_draft else []
    context = {
        "title": f"{act.title} – {version}",
        "text": act.text,
        "items": [*items, *act.told(version)],
        "form": form,
        "submit_text": act.title,
        "cancel_url": page_of(version),
        "danger": act.danger,
    }
    return render(request, "krds/confirm.html", context)
