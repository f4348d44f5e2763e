"""Policies and waivers as tables."""

from __future__ import annotations

import datetime
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from figures.formatting import day
from policies.models import Policy, PolicyVersion, Waiver
from policies.reading import State, state_on, version_to_show, waiver_state_on
from policies.verdicts import Effect

WRAP: dict[str, Any] = {"th": {"class": "wrap"}}
NOWRAP: dict[str, Any] = {"th": {"class": "nowrap"}}


def badge(state: str, text: object) -> SafeString:
    return format_html('<span class="krds-badge small state-{}">{}</span>', state, text)


def period(first: datetime.date, last: datetime.date | None) -> str:
    if last is None:
        return gettext("From %(first)s") % {"first": day(first)}
    return gettext("%(first)s to %(last)s") % {"first": day(first), "last": day(last)}


class DatedTable(tables.Table):
    """A table whose rows stand in some way on the day `on`."""

    def __init__(self, *args: Any, on: datetime.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on = on


class PolicyTable(DatedTable):
    """Policies that carry `readable`, their versions that the reader may read and that the filters leave.

    To be sorted, they also carry the columns of the version that is shown (see `reading.with_shown`).
    """

    title = tables.Column(
        verbose_name=_("Policy"), empty_values=(), attrs=WRAP, order_by=("shown_title", "code")
    )
    effect = tables.Column(verbose_name=_("Effect"), empty_values=(), order_by=("shown_effect", "code"))
    state = tables.Column(verbose_name=_("Status"), empty_values=(), order_by=("shown_rank", "code"))
    scope = tables.Column(verbose_name=_("Scope"), empty_values=(), order_by=("shown_scope", "code"))
    period = tables.Column(
        verbose_name=_("Period in force"), empty_values=(), order_by=("shown_from", "code")
    )

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Policies")}

    def version(self, policy: Policy) -> PolicyVersion:
        return version_to_show(policy.readable, self.on)  # type: ignore[attr-defined]

    def render_title(self, record: Policy) -> SafeString:
        version = self.version(record)
        address = reverse("policies:detail", args=[record.code])
        if not version.in_force_on(self.on):
            address += f"?version={version.number}"
        link = format_html('<a href="{}">{}</a>', address, version.title)
        if not version.demonstration:
            return link
        return format_html("{} {}", link, badge("demonstration", gettext("Demonstration")))

    def render_effect(self, record: Policy) -> SafeString:
        effect = Effect(self.version(record).effect)
        return badge(effect.value, effect.label)

    def render_state(self, record: Policy) -> SafeString:
        version = self.version(record)
        state: State = state_on(version, self.on)
        shown = badge(state.code, state.label)
        drafts = [
            other
            for other in record.readable  # type: ignore[attr-defined]
            if other.status == PolicyVersion.Status.DRAFT and other.pk != version.pk
        ]
        if not drafts:
            return shown
        newest = max(drafts, key=lambda draft: draft.number)
        address = f"{reverse('policies:detail', args=[record.code])}?version={newest.number}"
        return format_html(
            '{} <a href="{}">{}</a>',
            shown,
            address,
            gettext("Draft of version %(number)s") % {"number": newest.number},
        )

    def render_scope(self, record: Policy) -> str:
        return gettext("%(agency)s and all below") % {"agency": self.version(record).scope.short}

    def render_period(self, record: Policy) -> str:
        version = self.version(record)
        return period(version.effective_from, version.effective_until)


class WaiverTable(DatedTable):
    agency = tables.Column(verbose_name=_("Agency"), attrs=WRAP)
    covers = tables.Column(verbose_name=_("Covers"), empty_values=())
    status = tables.Column(verbose_name=_("Status"))
    period = tables.Column(verbose_name=_("Period of validity"), empty_values=())
    reason = tables.Column(verbose_name=_("Reason"), attrs=WRAP)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Waivers")}
        orderable = False

    def render_covers(self, record: Waiver) -> str:
        covered = record.product or record.vendor
        return str(covered) if covered else gettext("All tools")

    def render_status(self, record: Waiver) -> SafeString:
        state = waiver_state_on(record, self.on)
        return badge(state.code, state.label)

    def render_period(self, record: Waiver) -> str:
        return period(record.valid_from, record.valid_until)
