"""Saved views of the explorer: a question under a name, for oneself or for the members of a committee."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from agencies.choosing import AgencyField
from agencies.models import Agency, Role, SavedView, User
from oversight.explorer.address import Address
from oversight.explorer.question import Question

PAGE = "oversight:explore"


class SaveForm(forms.Form):
    """How to save the view at `address`. Of a valid form, `save()` does.

    A view has a scope, the agency of its filter with all below. Who does not see everything cannot save a view without one,
    since it would mean something else to each reader: the only subtree in sight is put in, or one of several chosen.
    """

    title = forms.CharField(label=_("Name of the view"), max_length=100)
    shared_with = AgencyField(
        label=_("Share with the committee of"),
        required=False,
        help_text=_(
            "Its committee members and those above will find the view, if they may see its whole scope. Leave empty to keep it "
            "to yourself."
        ),
    )
    agency = AgencyField(
        label=_("Scope of the view"),
        required=False,
        help_text=_("You see several parts of the tree. Choose the one that the view is about."),
    )

    def __init__(self, data: Any, user: User, address: Address) -> None:
        super().__init__(data)
        self.user, self.address = user, address
        self.roots = roots(user, address.question)
        if len(self.roots) < 2:
            del self.fields["agency"]
        else:
            self.fields["agency"].offer(Agency.objects.visible_to(user))  # type: ignore[attr-defined]
        committees = Agency.objects.visible_to(user, Role.COMMITTEE_MEMBER)
        if committees.exists():
            self.fields["shared_with"].offer(committees)  # type: ignore[attr-defined]
        else:
            del self.fields["shared_with"]

    def clean_title(self) -> str:
        title: str = self.cleaned_data["title"]
        if self.user.saved_views.filter(title=title).exclude(page=PAGE).exists():
            raise forms.ValidationError(_("You have saved something else under this name."))
        return title

    def clean_agency(self) -> Agency:
        agency: Agency | None = self.cleaned_data["agency"]
        if agency is None:
            raise forms.ValidationError(_("Choose an agency: you see several parts of the tree."))
        return agency

    def save(self) -> SavedView:
        """The same name replaces what it stood for."""
        scope = self.cleaned_data.get("agency") or next(iter(self.roots), None)
        pairs = self.address.pairs(**({"agency": scope.code} if scope else {}))
        view, _created = SavedView.objects.update_or_create(
            owner=self.user,
            title=self.cleaned_data["title"],
            defaults={
                "page": PAGE,
                "query": urlencode(pairs),
                "shared_with": self.cleaned_data.get("shared_with"),
            },
        )
        return view


def roots(user: User, question: Question, *roles: str) -> list[Agency]:
    """The subtrees in sight (by `roles`, when some are named) of which one must be the scope of a question that names no agency.

    None are needed where an agency is named, or everything is in sight.
    """
    sight = user.sight(*roles)
    if question.filters.agency is not None or sight.everything:
        return []
    return list(Agency.objects.filter(path__in=sight.paths))


def may_open(view: SavedView, user: User) -> bool:
    """The owner; and who is a committee member at the agency it is shared with, or above, and sees its whole scope."""
    if view.page != PAGE:
        return False
    if view.owner_id == user.pk:
        return True
    if view.shared_with is None or not user.has_role(Role.COMMITTEE_MEMBER, at=view.shared_with):
        return False
    return sees_scope(user, QueryDict(view.query).get("agency", ""))


def sees_scope(user: User, code: str) -> bool:
    """Whether all of the agency with this code is in sight; without a code, everything."""
    if user.sight().everything or not code:
        return user.sight().everything
    return Agency.objects.visible_to(user).filter(code=code).exists()


def own(user: User) -> list[SavedView]:
    return list(user.saved_views.filter(page=PAGE).select_related("shared_with"))


def shared(user: User) -> list[SavedView]:
    """What others share with this person, by name."""
    sight = user.sight(Role.COMMITTEE_MEMBER)
    if not (sight.everything or sight.paths):
        return []
    reached = Q() if sight.everything else Q(shared_with__pk__in=sight.agency_keys)
    views = (
        SavedView.objects.filter(reached, page=PAGE, shared_with__isnull=False)
        .exclude(owner=user)
        .select_related("owner", "shared_with")
    )
    return [view for view in views if may_open(view, user)]
