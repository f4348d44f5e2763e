"""The rules: policies in versions, their conditions, and the waivers that excuse from them. Knows no subscription."""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from simple_history.models import HistoricalRecords

from agencies.models import Agency
from agencies.visibility import VisibleQuerySet
from catalog.models import ByCode, Product, Vendor
from figures.naming import InLanguage
from policies.verdicts import Effect
from policies.vocabulary import COUNTRY, FACTS, Operator, Type
from sources.models import Statement


class Policy(models.Model):
    """A rule's lasting identity. What it says is in its versions."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    owner = models.ForeignKey(
        Agency,
        models.PROTECT,
        related_name="policies",
        verbose_name=_("owner agency"),
        help_text=_("The scope never exceeds the owner's part of the tree."),
    )

    objects = ByCode()
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code

    def natural_key(self) -> tuple[str]:
        return (self.code,)

    natural_key.dependencies = ["agencies.agency"]  # type: ignore[attr-defined]


class PolicyVersionQuerySet(models.QuerySet):
    def in_force(self, on: datetime.date) -> PolicyVersionQuerySet:
        """The versions that judge on the day `on`: at most one of each policy, with all that judging needs."""
        return (
            self.filter(status=PolicyVersion.Status.IN_FORCE, effective_from__lte=on)
            .filter(Q(effective_until__isnull=True) | Q(effective_until__gte=on))
            .select_related("policy", "scope")
            .prefetch_related("conditions")
            .order_by("policy__code")
        )

    def readable(self) -> PolicyVersionQuerySet:
        """What everybody may read: all that is or was in force."""
        return self.exclude(status=PolicyVersion.Status.DRAFT)


class PolicyVersionManager(models.Manager.from_queryset(PolicyVersionQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, policy: str, number: int) -> PolicyVersion:
        return self.get(policy__code=policy, number=number)


class PolicyVersion(models.Model):
    """What a policy says during a period. One that is in force is never edited: a change is a new version.

    At most one version of a policy is in force on any day; the database refuses a second (see the migration).
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        IN_FORCE = "in_force", _("In force")
        RETIRED = "retired", _("Retired")

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="versions", verbose_name=_("policy"))
    number = models.PositiveSmallIntegerField(_("version"), default=1)
    title_ko = models.CharField(_("title in Korean"), max_length=200)
    title_en = models.CharField(_("title in English"), max_length=200)
    rationale_ko = models.TextField(_("rationale in Korean"), blank=True)
    rationale_en = models.TextField(_("rationale in English"), blank=True)
    authority_ko = models.CharField(_("issuing authority in Korean"), max_length=200, blank=True)
    authority_en = models.CharField(_("issuing authority in English"), max_length=200, blank=True)
    legal_basis_ko = models.TextField(_("legal basis in Korean"), blank=True)
    legal_basis_en = models.TextField(_("legal basis in English"), blank=True)
    cites = models.ManyToManyField(
        Statement, blank=True, related_name="cited_by", verbose_name=_("statements cited")
    )
    scope = models.ForeignKey(
        Agency,
        models.PROTECT,
        related_name="+",
        verbose_name=_("scope"),
        help_text=_("This agency and all below it."),
    )
    effective_from = models.DateField(_("effective from"))
    effective_until = models.DateField(
        _("effective until"), null=True, blank=True, help_text=_("The last day, included.")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT, db_index=True)
    effect = models.CharField(_("effect"), max_length=10, choices=Effect)
    demonstration = models.BooleanField(
        _("demonstration"), default=False, help_text=_("No text in force says exactly this; pages say so.")
    )
    remedy_ko = models.TextField(_("what can be done, in Korean"), blank=True)
    remedy_en = models.TextField(_("what can be done, in English"), blank=True)
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="policy_versions_drafted",
        verbose_name=_("drafted by"),
        editable=False,
    )
    remedy_days = models.PositiveSmallIntegerField(
        _("days to remedy"), null=True, blank=True, help_text=_("Counted from the day the finding opens.")
    )

    objects = PolicyVersionManager()
    history = HistoricalRecords(m2m_fields=[cites])
    title = InLanguage("title")
    rationale = InLanguage("rationale")
    authority = InLanguage("authority")
    legal_basis = InLanguage("legal_basis")
    remedy = InLanguage("remedy")

    class Meta:
        verbose_name = _("policy version")
        verbose_name_plural = _("policy versions")
        ordering = ["policy", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policy_version_number_once"),
            models.CheckConstraint(
                name="policy_version_in_order",
                condition=Q(effective_until__isnull=True) | Q(effective_until__gte=F("effective_from")),
                violation_error_message=_("The policy ends before it takes effect."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} (v{self.number})"

    def natural_key(self) -> tuple[str, int]:
        return (self.policy.code, self.number)

    natural_key.dependencies = ["policies.policy", "agencies.agency", "sources.statement"]  # type: ignore[attr-defined]

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        if self.policy_id and self.scope_id and not self.scope.path.startswith(self.policy.owner.path):
            errors["scope"] = _("The scope exceeds the owner's part of the tree (%(owner)s).") % {
                "owner": self.policy.owner
            }
        if self.status == self.Status.IN_FORCE and self.policy_id and self.effective_from:
            others = PolicyVersion.objects.filter(policy=self.policy, status=self.Status.IN_FORCE).exclude(
                pk=self.pk
            )
            others = others.filter(
                Q(effective_until__isnull=True) | Q(effective_until__gte=self.effective_from)
            )
            if self.effective_until:
                others = others.filter(effective_from__lte=self.effective_until)
            for other in others[:1]:
                errors["effective_from"] = gettext(
                    "Version %(number)s is in force in this period already."
                ) % {"number": other.number}
        if errors:
            raise ValidationError(errors)

    def applies_to(self, agency: Agency, on: datetime.date) -> bool:
        return self.in_force_on(on) and agency.path.startswith(self.scope.path)

    def in_force_on(self, day: datetime.date) -> bool:
        return (
            self.status == self.Status.IN_FORCE
            and self.effective_from <= day
            and (self.effective_until is None or day <= self.effective_until)
        )


class ConditionManager(models.Manager["Condition"]):
    def get_by_natural_key(self, policy: str, version: int, position: int) -> Condition:
        return self.get(version__policy__code=policy, version__number=version, position=position)


class Condition(models.Model):
    """One part of what violates a policy: any condition within a group, all groups together."""

    version = models.ForeignKey(
        PolicyVersion, models.CASCADE, related_name="conditions", verbose_name=_("policy version")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    group = models.PositiveSmallIntegerField(
        _("group"), default=1, help_text=_("Any condition within a group, all groups together.")
    )
    fact = models.CharField(_("fact"), max_length=30, choices=[(f.name, f.label) for f in FACTS.values()])
    operator = models.CharField(_("operator"), max_length=20, choices=Operator)
    values = models.JSONField(
        _("values"),
        default=list,
        blank=True,
        help_text=_('A list: ["deepseek"], [50000000], [true]; empty for "is unknown".'),
    )

    objects = ConditionManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("condition")
        verbose_name_plural = _("conditions")
        ordering = ["version", "group", "position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="condition_position_once"),
            models.CheckConstraint(name="condition_fact_known", condition=Q(fact__in=list(FACTS))),
            models.CheckConstraint(
                name="condition_operator_known", condition=Q(operator__in=Operator.values)
            ),
        ]

    def __str__(self) -> str:
        from policies.explaining import condition_text

        try:
            return condition_text(self)
        except (KeyError, ValueError, TypeError, IndexError):
            # A form shows it again with the values that it has just refused.
            return f"{self.fact} {self.operator} {self.values}"

    def natural_key(self) -> tuple[str, int, int]:
        return (*self.version.natural_key(), self.position)

    natural_key.dependencies = ["policies.policyversion"]  # type: ignore[attr-defined]

    def clean(self) -> None:
        """Refuse what cannot be evaluated, and say which part and why."""
        fact = FACTS.get(self.fact)
        if fact is None:
            raise ValidationError({"fact": _("This fact is not known.")})
        if self.operator not in fact.operators:
            raise ValidationError(
                {
                    "operator": gettext("“%(fact)s” cannot be compared with “%(operator)s”.")
                    % {
                        "fact": fact.label,
                        "operator": dict(Operator.choices).get(self.operator, self.operator or "–"),
                    }
                }
            )
        if not isinstance(self.values, list):
            raise ValidationError({"values": _("Give the values as a list.")})
        wanted = {Operator.IS_UNKNOWN: 0, Operator.WITHIN: 2, Operator.ONE_OF: None, Operator.NONE_OF: None}
        count = wanted.get(Operator(self.operator), 1)
        if count is None and not self.values:
            raise ValidationError({"values": _("Give at least one value.")})
        if count is not None and len(self.values) != count:
            raise ValidationError(
                {
                    "values": ngettext(
                        "This operator takes %(count)s value.", "This operator takes %(count)s values.", count
                    )
                    % {"count": count}
                }
            )
        for value in self.values:
            self._check_value(value)
        if self.operator == Operator.WITHIN and self.values[0] > self.values[1]:
            raise ValidationError({"values": _("The first value of a range is not above the second.")})

    def _check_value(self, value: Any) -> None:
        fact = FACTS[self.fact]
        if fact.type is Type.RANGE:
            valid = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
        elif fact.type is Type.YES_NO:
            valid = isinstance(value, bool)
        elif not isinstance(value, str):
            valid = False
        elif fact.choices is not None:
            valid = value in fact.choices.values
        elif fact.unit == COUNTRY:
            valid = value in dict(countries)
        else:
            assert fact.registry is not None
            valid = fact.registry._default_manager.filter(code=value).exists()
        if not valid:
            raise ValidationError(
                {
                    "values": gettext("“%(value)s” is not a value of “%(fact)s”.")
                    % {"value": value, "fact": fact.label}
                }
            )


class WaiverQuerySet(VisibleQuerySet):
    agency_lookup = "agency"

    def valid_on(self, day: datetime.date) -> WaiverQuerySet:
        return self.filter(status=Waiver.Status.GRANTED, valid_from__lte=day, valid_until__gte=day)


class Waiver(models.Model):
    """An excuse from a policy for an agency and all below it, for one product, one vendor or all, until a day."""

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        GRANTED = "granted", _("Granted")
        REFUSED = "refused", _("Refused")
        REVOKED = "revoked", _("Revoked")

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="waivers", verbose_name=_("policy"))
    agency = models.ForeignKey(Agency, models.PROTECT, related_name="waivers", verbose_name=_("agency"))
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="waivers", verbose_name=_("AI tool")
    )
    vendor = models.ForeignKey(
        Vendor, models.PROTECT, null=True, blank=True, related_name="waivers", verbose_name=_("vendor")
    )
    reason = models.TextField(_("reason"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.REQUESTED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="waivers_requested",
        verbose_name=_("requested by"),
    )
    requested_at = models.DateTimeField(_("requested at"), default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="waivers_decided",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision_reason = models.TextField(_("reason of the decision"), blank=True)
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), help_text=_("The last day, included."))
    renews = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="renewals",
        verbose_name=_("renews"),
        help_text=_("The waiver that this one would follow. It is a decision of its own."),
    )

    objects = WaiverQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("waiver")
        verbose_name_plural = _("waivers")
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="waiver_in_order",
                condition=Q(valid_until__gte=F("valid_from")),
                violation_error_message=_("The waiver ends before it begins."),
            ),
            models.CheckConstraint(
                name="waiver_not_decided_by_requester",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                violation_error_message=_(
                    "A waiver is decided by another person than the one who asked for it."
                ),
            ),
            models.CheckConstraint(
                name="waiver_decided_has_decider",
                condition=Q(status="requested") | Q(decided_by__isnull=False, decided_at__isnull=False),
                violation_error_message=_("Say who decided on the waiver, and when."),
            ),
            models.CheckConstraint(
                name="waiver_product_or_vendor",
                condition=Q(product__isnull=True) | Q(vendor__isnull=True),
                violation_error_message=_("Name a tool or a vendor, not both."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy} – {self.agency} – {self.valid_until}"
