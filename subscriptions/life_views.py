"""Pages of one subscription's life: what people say and file, everything that happened, and the contract that it belongs to."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import InvalidPage, Paginator
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from agencies.paging import MissingPage
from agencies.signed_in import SignedInRequest
from audit import events
from audit.events import exported
from subscriptions import commenting
from subscriptions.attachments.kinds import CONTENT_TYPES, Kind, NotTaken, in_words
from subscriptions.attachments.storing import attach, hash_of, may_file, may_remove, path_of, remove
from subscriptions.contracts import annual_total, of_contract
from subscriptions.forms import ReasonForm
from subscriptions.models import LONG_TEXT, Attachment, Comment, Subscription
from subscriptions.reviewing import waits
from subscriptions.seeing import seen
from subscriptions.tables import annual_cost, seats
from subscriptions.timeline import TimelinePaginator

COMMENTS_SHOWN = 50


class CommentForm(forms.Form):
    text = forms.CharField(
        label=_("Comment"),
        max_length=LONG_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": LONG_TEXT}),
        help_text=_(
            "Everybody who sees the subscription reads it. It stays; you can strike it out with a note."
        ),
    )


class AttachmentForm(forms.Form):
    file = forms.FileField(label=_("File"), max_length=200)
    note = forms.CharField(
        label=_("What it is"),
        max_length=200,
        required=False,
        help_text=_("Such as “Quotation of the reseller”."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = gettext("%(kinds)s; at most %(limit)s.") % {
            "kinds": in_words(),
            "limit": filesizeformat(settings.ATTACHMENT_MAX_BYTES),
        }
        self.fields["file"].error_messages["empty"] = gettext("The file is empty.")


@require_http_methods(["GET", "POST"])
def notes(request: SignedInRequest, reference: str) -> HttpResponse:
    """What people said about a subscription and filed with it, and the forms for more of either."""
    subscription, user = seen(request, reference), request.user
    may = may_file(user, subscription.agency)
    sent = request.method == "POST"
    if sent and not may:
        raise PermissionDenied
    files = request.POST.get("act") == "attach"
    said = CommentForm(request.POST if sent and not files else None, prefix="comment")
    filed = AttachmentForm(request.POST if sent and files else None, request.FILES or None, prefix="file")
    if sent and not files and said.is_valid():
        commenting.comment(subscription, by=user, text=said.cleaned_data["text"])
        messages.success(request, gettext("The comment was added."))
        return redirect("subscriptions:notes", reference)
    if sent and files and filed.is_valid():
        try:
            attach(subscription, filed.cleaned_data["file"], by=user, note=filed.cleaned_data["note"])
        except NotTaken as error:
            filed.add_error("file", str(error))
        else:
            messages.success(request, gettext("The file was added."))
            return redirect("subscriptions:notes", reference)
    comments = subscription.comments.select_related("written_by", "struck")
    page = _page(request, Paginator(comments, COMMENTS_SHOWN))
    attachments = subscription.attachments.select_related("added_by", "removal__removed_by")
    context = {
        "subscription": subscription,
        "tab": "notes",
        "waits": waits(subscription),
        "title": gettext("Comments and files"),
        "page_obj": page,
        "comments": [(one, one.written_by_id == user.pk and may) for one in page],
        "attachments": [
            (one, Kind(one.kind).label, _removable(user, one, subscription)) for one in attachments
        ],
        "comment_form": said if may else None,
        "file_form": filed if may else None,
    }
    return render(request, "subscriptions/notes.html", context)


def _removable(user: Any, attachment: Attachment, subscription: Subscription) -> bool:
    attachment.subscription = subscription
    return getattr(attachment, "removal", None) is None and may_remove(user, attachment)


def _page(request: SignedInRequest, paginator: Paginator) -> Any:
    try:
        return paginator.page(request.GET.get("page", 1))
    except InvalidPage as error:
        raise MissingPage(str(error)) from error


@require_http_methods(["GET", "POST"])
def strike(request: SignedInRequest, pk: int) -> HttpResponse:
    """Strike out one's own comment, with a note."""
    visible = Comment.objects.visible_to(request.user).select_related("subscription__agency", "written_by")
    said = get_object_or_404(visible, pk=pk)
    if not commenting.may_strike(request.user, said) or getattr(said, "struck", None):
        raise PermissionDenied
    back = reverse("subscriptions:notes", args=[said.subscription.reference])
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            commenting.strike(said, by=request.user, note=form.cleaned_data["reason"])
        except ValueError:  # sent twice at once
            messages.info(request, gettext("This was done already."))
        else:
            messages.success(request, gettext("The comment was struck out."))
        return redirect(back)
    context = {
        "title": gettext("Strike out a comment – %(reference)s") % {"reference": said.subscription.reference},
        "text": gettext(
            "It stays readable, marked as struck out with your reason. This cannot be taken back."
        ),
        "items": [said.text],
        "form": form,
        "submit_text": gettext("Strike out"),
        "cancel_url": back,
        "danger": True,
    }
    return render(request, "krds/confirm.html", context)


def _attachment(request: SignedInRequest, pk: int) -> Attachment:
    visible = Attachment.objects.visible_to(request.user).select_related("subscription__agency")
    return get_object_or_404(visible.there(), pk=pk)


@require_GET
def attachment(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The file, to be saved and never shown in the page's own place, whatever it holds; refused when it is not what was filed."""
    wanted = _attachment(request, pk)
    try:
        content = path_of(wanted).open("rb")
    except OSError as error:
        raise Http404(gettext("The file is not where it should be. Tell a system administrator.")) from error
    found = hash_of(content)
    if found != wanted.sha256:  # somebody has changed it where it lies
        content.close()
        events.record(
            events.Kind.FAULT, about=wanted, before={"filed": wanted.sha256}, after={"found": found}
        )
        return render(request, "subscriptions/attachment_changed.html", {"attachment": wanted}, status=409)
    content.seek(0)
    exported(request, 1, wanted.kind, about=wanted)
    response = FileResponse(
        content, as_attachment=True, filename=wanted.name, content_type=CONTENT_TYPES[Kind(wanted.kind)]
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_http_methods(["GET", "POST"])
def remove_attachment(request: SignedInRequest, pk: int) -> HttpResponse:
    wanted = _attachment(request, pk)
    if not may_remove(request.user, wanted):
        raise PermissionDenied
    back = reverse("subscriptions:notes", args=[wanted.subscription.reference])
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            remove(wanted, by=request.user, reason=form.cleaned_data["reason"])
        except ValueError:  # sent twice at once
            messages.info(request, gettext("This was done already."))
        else:
            messages.success(request, gettext("The file was removed."))
        return redirect(back)
    context = {
        "title": gettext("Remove a file – %(reference)s") % {"reference": wanted.subscription.reference},
        "text": gettext("The file is deleted for good. That it was there, and who removed it why, is kept."),
        "items": [wanted.name],
        "form": form,
        "submit_text": gettext("Remove the file"),
        "cancel_url": back,
        "danger": True,
    }
    return render(request, "krds/confirm.html", context)


@require_GET
def timeline(request: SignedInRequest, reference: str) -> HttpResponse:
    subscription = seen(request, reference)
    context = {
        "subscription": subscription,
        "tab": "timeline",
        "waits": waits(subscription),
        "title": gettext("Timeline"),
        "page_obj": _page(request, TimelinePaginator(subscription)),
    }
    return render(request, "subscriptions/timeline.html", context)


@require_GET
def contract(request: SignedInRequest, reference: str) -> HttpResponse:
    """The subscriptions of the same contract that the reader may see; whether there are others is not told."""
    subscription = seen(request, reference)
    if not subscription.contract_number:
        raise Http404(gettext("No contract number is recorded for this subscription."))
    shared = list(of_contract(subscription, request.user))
    context = {
        "subscription": subscription,
        "tab": "contract",
        "waits": waits(subscription),
        "title": gettext("Contract %(number)s") % {"number": subscription.contract_number},
        "party": subscription.reseller or subscription.product.vendor,
        "rows": [(one, seats(one), annual_cost(one)) for one in shared],
        "agencies": len({one.agency_id for one in shared}),
        "total": annual_total(shared),
    }
    return render(request, "subscriptions/contract.html", context)
