"""The forms in which a policy is written and its steps confirmed. They check the shape; what may be done is in `lifecycle`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Case, Q, QuerySet, When
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.choosing import AgencyField
from agencies.models import Agency, Role, User
from figures.numbers import RowsField, whole
from policies.models import Policy, PolicyVersion
from policies.verdicts import Effect
from sources.models import Statement

# The history keeps this much of a reason.
REASON_LENGTH = 100
STATEMENTS_FOUND = 10
RESERVED = ("new",)  # addresses of pages beside those of policies
LONG_TEXT = 5000


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def reason_field() -> forms.CharField:
    return forms.CharField(
        label=_("Reason for this step"),
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": REASON_LENGTH}),
        help_text=_("Kept in the history of the policy, at most 100 characters."),
    )


def statements_open_to(user: User) -> QuerySet[Statement]:
    """What this person may cite: statements of published sources."""
    statements = Statement.objects.all() if user.is_superuser else Statement.objects.published()
    return statements.select_related("source")


def statements_offered(user: User, text: str, chosen: list[int]) -> list[Statement]:
    """The chosen statements, and those that the text finds."""
    open_to_user = statements_open_to(user)
    found = Q(pk__in=chosen)
    if text:
        matching = Q(code__iexact=text)
        for field in ("text_ko", "text_en", "source__label_ko", "source__label_en"):
            matching |= Q(**{f"{field}__icontains": text})
        wanted = open_to_user.filter(matching).exclude(pk__in=chosen)
        found |= Q(pk__in=list(wanted.values_list("pk", flat=True)[:STATEMENTS_FOUND]))
    first = Case(When(pk__in=chosen, then=0), default=1)
    return list(open_to_user.filter(found).order_by(first, "source__code", "pk"))


def numbers(values: Any) -> list[int]:
    return [number for value in values if (number := whole(value)) is not None]


class StatementPicker(forms.Widget):
    """The statements that a policy cites, to untick, and a search for more."""

    template_name = "policies/statement_picker.html"
    use_fieldset = True
    user: User

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])

    def id_for_label(self, id_: str) -> str:
        return ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        chosen = numbers(value or [])
        context["widget"].update(
            id=context["widget"]["attrs"].get("id", f"id_{name}"),
            url=reverse("policies:statements"),
            chosen=chosen,
            statements=statements_offered(self.user, "", chosen) if chosen else [],
        )
        return context


class PolicyForm(forms.ModelForm):
    """What a version says, its conditions aside; `by` is who writes. A new policy also gets its code and owner here."""

    code = forms.CharField(
        label=_("Code"),
        required=False,
        max_length=60,
        help_text=_(
            "A short name for addresses and files, in small letters, digits and hyphens; it is never changed. "
            "Empty: made from the English title."
        ),
    )
    owner = AgencyField(
        label=_("Owner agency"),
        help_text=_("Its policy officers, and those of agencies above, write the policy."),
    )
    scope = AgencyField(
        label=_("Applies to"), help_text=_("This agency and all below it; never beyond the owner's own part.")
    )
    cites = RowsField(
        label=_("Statements cited"), queryset=Statement.objects.none(), required=False, widget=StatementPicker
    )
    reason = reason_field()
    opened = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = PolicyVersion
        fields = [
            "title_ko",
            "title_en",
            "rationale_ko",
            "rationale_en",
            "authority_ko",
            "authority_en",
            "legal_basis_ko",
            "legal_basis_en",
            "cites",
            "scope",
            "effect",
            "effective_from",
            "effective_until",
            "remedy_ko",
            "remedy_en",
            "remedy_days",
            "demonstration",
        ]
        widgets = {
            "effect": forms.RadioSelect,
            "effective_from": DateInput,
            "effective_until": DateInput,
            **{
                f"{text}_{language}": forms.Textarea(attrs={"rows": 4, "maxlength": LONG_TEXT})
                for text in ("rationale", "legal_basis", "remedy")
                for language in ("ko", "en")
            },
        }

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        owned: QuerySet[Agency] = Agency.objects.visible_to(by, Role.POLICY_OFFICER)
        self.fields["effect"].choices = Effect.choices  # type: ignore[attr-defined]
        self.fields["demonstration"].label = _("This is a demonstration")
        self.fields["cites"].queryset = statements_open_to(by)  # type: ignore[attr-defined]
        self.fields["cites"].widget.user = by
        for name, field in self.fields.items():
            if isinstance(field.widget, forms.Textarea) and name != "reason":
                field.max_length = LONG_TEXT  # type: ignore[attr-defined]
                field.validators.append(forms.CharField(max_length=LONG_TEXT).validators[0])
        if self.instance.pk:
            del self.fields["code"], self.fields["owner"]
            owned = owned.within(self.instance.policy.owner)  # type: ignore[attr-defined]
            scope = self.instance.scope
            self.fields["opened"].initial = last_change(self.instance)
            self.initial["scope"] = scope
        else:
            self._offer("owner", owned)
            if not self.initial.get("effective_from"):
                self.initial["effective_from"] = timezone.localdate()
        self._offer("scope", owned)

    def _offer(self, name: str, queryset: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, AgencyField)
        field.offer(queryset)

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"]).strip()
        if code and (code != slugify(code) or code in RESERVED):
            raise ValidationError(_("Use small letters, digits and hyphens, such as seats-up-to-100."))
        if code and Policy.objects.filter(code=code).exists():
            raise ValidationError(_("There is a policy with this code already."))
        return code

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        owner, scope = cleaned.get("owner"), cleaned.get("scope")
        if owner and scope and not scope.path.startswith(owner.path):
            self.add_error(
                "scope",
                gettext("The scope exceeds the owner's part of the tree (%(owner)s).") % {"owner": owner},
            )
        first, last = cleaned.get("effective_from"), cleaned.get("effective_until")
        if first and last and last < first:
            self.add_error("effective_until", _("The policy ends before it takes effect."))
        return cleaned

    def policy(self) -> Policy:
        """The policy that a new version belongs to, not saved yet."""
        code = self.cleaned_data["code"] or free_code(self.cleaned_data["title_en"])
        return Policy(code=code, owner=self.cleaned_data["owner"])


def free_code(title: str) -> str:
    """A code from a title that no policy has yet."""
    base = slugify(title)[:50].strip("-") or "policy"
    taken = set(Policy.objects.filter(code__startswith=base).values_list("code", flat=True)) | set(RESERVED)
    return next(
        code for code in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if code not in taken
    )


def last_change(version: PolicyVersion) -> int:
    """The number of the latest change of a version; 0 for one that was loaded without history."""
    latest = version.history.order_by("-history_id").values_list("history_id", flat=True).first()
    return int(latest or 0)


class StepForm(forms.Form):
    """The reason that every step in the life of a policy needs."""

    reason = reason_field()


class RetireForm(StepForm):
    last_day = forms.DateField(
        label=_("Last day in force"),
        widget=DateInput(),
        help_text=_("Included. Yesterday at the earliest, so that no verdict that was given loses its rule."),
    )

    field_order = ["last_day", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["last_day"].initial = timezone.localdate
