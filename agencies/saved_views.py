"""Saved views: a page with its filters under a name, for oneself."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from agencies.going_back import way_back
from agencies.models import SavedView
from agencies.signed_in import SignedInRequest


class SaveViewForm(forms.Form):
    title = forms.CharField(max_length=100)
    page = forms.RegexField(r"^[a-z]+:[a-z-]+\Z", max_length=100)
    query = forms.CharField(max_length=2000, required=False)


@require_POST
def save_view(request: SignedInRequest) -> HttpResponse:
    """Keep the filters under a name; the same name replaces what it stood for."""
    form = SaveViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give the filter a name of at most 100 characters. Nothing was saved."))
        return redirect(way_back(request, reverse("home")))
    try:
        page = reverse(form.cleaned_data["page"])
    except NoReverseMatch as error:
        raise Http404 from error
    SavedView.objects.update_or_create(
        owner=request.user,
        title=form.cleaned_data["title"],
        defaults={
            "page": form.cleaned_data["page"],
            "query": form.cleaned_data["query"],
            "shared_with": None,
        },
    )
    messages.success(request, _("The filter is saved."))
    return redirect(f"{page}?{form.cleaned_data['query']}")


@require_POST
def forget_view(request: SignedInRequest, pk: int) -> HttpResponse:
    get_object_or_404(SavedView, pk=pk, owner=request.user).delete()
    messages.success(request, _("The saved filter is deleted."))
    return redirect(way_back(request, reverse("home")))
