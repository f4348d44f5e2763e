"""The forms for what one wants by e-mail, and for whom to tell in a department."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agencies.choosing import AgencyField
from agencies.models import Agency, DepartmentContact, Membership, Notice, NoticePreferences, Role, User
from agencies.notice_models import LANGUAGES
from agencies.notices.telling import ALWAYS, Kind, keys_of, known_keys

CHOSEN = [(kind.value, kind.label) for kind in Kind if kind not in ALWAYS]


class NoticeFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(label=gettext_lazy("Kind"), choices=Kind.choices, method="of_kind")
    unread = django_filters.ChoiceFilter(
        label=gettext_lazy("Read"),
        choices=[("yes", gettext_lazy("Not read yet"))],
        method="unread_only",
    )

    class Meta:
        model = Notice
        fields: list[str] = []

    def of_kind(self, rows: QuerySet, name: str, kind: str) -> QuerySet:
        if kind == Kind.OTHER:
            return rows.exclude(key__in=known_keys() - set(keys_of(Kind.OTHER)))
        return rows.filter(key__in=keys_of(Kind(kind)))

    def unread_only(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return rows.filter(read_at=None)


class PreferencesForm(forms.Form):
    """What a person wants by e-mail, and in which language. Notices on these pages are not affected."""

    language = forms.ChoiceField(label=gettext_lazy("Language of e-mail"), choices=LANGUAGES)
    by_email = forms.MultipleChoiceField(
        label=gettext_lazy("By e-mail"),
        choices=CHOSEN,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "At most one e-mail a day. All notices are on the page of notices, whatever you choose."
        ),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        kept = NoticePreferences.objects.filter(user=user).first() or NoticePreferences(user=user)
        wanted = [kind for kind, _label in CHOSEN if kind not in kept.not_by_email]
        kwargs["initial"] = {"language": kept.language, "by_email": wanted}
        super().__init__(*args, **kwargs)

    def save(self) -> None:
        wanted = self.cleaned_data["by_email"]
        NoticePreferences.objects.update_or_create(
            user=self.user,
            defaults={
                "language": self.cleaned_data["language"],
                "not_by_email": [kind for kind, _label in CHOSEN if kind not in wanted],
            },
        )


class DepartmentForm(forms.ModelForm):
    """Whom to tell in a department of an agency that `by` administers."""

    agency = AgencyField(label=gettext_lazy("Agency"))
    usernames = forms.CharField(
        label=gettext_lazy("People"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": 2_000}),
        help_text=gettext_lazy(
            "User names, one a line. Only people with a role at the agency or above it, since they read what they are told."
        ),
    )

    class Meta:
        model = DepartmentContact
        fields = ["agency", "department", "email", "language"]

    field_order = ["agency", "department", "email", "language", "usernames"]

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        field = self.fields["agency"]
        assert isinstance(field, AgencyField)
        field.offer(Agency.objects.visible_to(by, Role.ADMINISTRATOR))
        if self.instance.pk:
            field.disabled = True
            self.initial["agency"] = self.instance.agency.code
            self.initial["usernames"] = "\n".join(
                self.instance.people.order_by("username").values_list("username", flat=True)
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.people: list[User] = []
        agency = cleaned.get("agency")
        names = list(dict.fromkeys((cleaned.get("usernames") or "").replace(",", "\n").split()))
        if agency is not None and names:
            known = {person.username: person for person in self._people(agency, names)}
            unknown = [name for name in names if name not in known]
            if unknown:
                self.add_error(
                    "usernames",
                    _("Nobody at this agency has this user name: %(names)s") % {"names": ", ".join(unknown)},
                )
            self.people = [known[name] for name in names if name in known]
        if not names and not cleaned.get("email") and "email" not in self.errors:
            self.add_error("email", _("Give an e-mail address, people, or both."))
        return cleaned

    def _people(self, agency: Agency, names: list[str]) -> QuerySet[User]:
        """Those of these names who see the agency's records, out of whom `by` may know; and who are in the contact already."""
        codes = agency.path.strip("/").split("/")
        memberships = Membership.objects.visible_to(self.by).filter(agency__code__in=codes)
        people = User.objects.filter(is_active=True, username__in=names)
        found = people.filter(pk__in=memberships.order_by().values("user")) | people.filter(pk=self.by.pk)
        if self.instance.pk:
            found = found | people.filter(pk__in=self.instance.people.order_by().values("pk"))
        return found.distinct()

    def save(self, commit: bool = True) -> Any:
        self.instance._history_user = self.by
        saved = super().save(commit)
        saved.people.set(self.people)
        return saved
