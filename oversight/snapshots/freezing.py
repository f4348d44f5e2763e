"""How a view is frozen: by whom, in what scope, in one transaction."""

from __future__ import annotations

import hashlib
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.choosing import AgencyField
from agencies.models import Agency, Role, User
from oversight.explorer.address import Address
from oversight.explorer.question import Question
from oversight.explorer.saving import roots
from oversight.models import Snapshot
from oversight.snapshots.document import canonical, document

# Rows and subtotals; the document of so many takes some 10 MB.
LONGEST = 20_000


class TooLong(Exception):
    """A view has too many rows to be frozen."""


def may_freeze(user: User, question: Question) -> bool:
    """Committee members do, what their committee covers."""
    return user.has_role(Role.COMMITTEE_MEMBER, at=question.filters.agency)


def freeze_url(user: User, address: Address) -> str:
    """Where the view is frozen; empty for those who may not."""
    return address.url("oversight:freeze") if may_freeze(user, address.question) else ""


@transaction.atomic
def freeze(user: User, question: Question, title: str) -> Snapshot:
    """Keep the figures of `question` as they stand. Its agency is the scope; without one it is everything. Raises TooLong."""
    frozen_at = timezone.now()
    content = document(user, question, frozen_at)
    if len(content["rows"]) + len(content["subtotals"]) > LONGEST:
        raise TooLong
    snapshot = Snapshot(
        title=title,
        frozen_by=user,
        frozen_at=frozen_at,
        question=question.parameters(),
        scope=question.filters.agency,
    )
    snapshot.document = canonical({**content, **snapshot.repeated(), "frozen_by_name": str(user)})
    snapshot.sha256 = hashlib.sha256(snapshot.document.encode()).hexdigest()
    snapshot.save()
    return snapshot


class FreezeForm(forms.Form):
    """Under which title, and in which scope where the view names none and the committee is of several parts of the tree.

    Of a valid form, `save()` freezes; it gives None, with an error, where the view is too long.
    """

    title = forms.CharField(label=_("Title of the snapshot"), max_length=100)
    agency = AgencyField(
        label=_("Scope of the snapshot"),
        required=False,
        help_text=_(
            "Your committees cover several parts of the tree. Choose the one that the snapshot is about."
        ),
    )

    def __init__(self, data: Any, user: User, question: Question) -> None:
        super().__init__(data)
        self.user, self.question = user, question
        self.roots = roots(user, question, Role.COMMITTEE_MEMBER)
        if len(self.roots) < 2:
            del self.fields["agency"]
        else:
            self.fields["agency"].offer(Agency.objects.visible_to(user, Role.COMMITTEE_MEMBER))  # type: ignore[attr-defined]

    def clean_agency(self) -> Agency:
        agency: Agency | None = self.cleaned_data["agency"]
        if agency is None:
            raise ValidationError(_("Choose an agency: your committees cover several parts of the tree."))
        return agency

    @property
    def scope(self) -> Agency | None:
        """As far as it is settled: None stands for everything, or for one still to be chosen."""
        chosen: Agency | None = getattr(self, "cleaned_data", {}).get("agency")
        only = self.roots[0] if len(self.roots) == 1 else None
        return self.question.filters.agency or chosen or only

    def save(self) -> Snapshot | None:
        try:
            return freeze(self.user, self.question.within(agency=self.scope), self.cleaned_data["title"])
        except TooLong:
            said = gettext("This view has more than %(count)s rows. Narrow it before you freeze it.")
            self.add_error(None, said % {"count": f"{LONGEST:,}"})
            return None
