"""Every place that writes past a model's own `save` is listed, and what it wrote to a tracked record is in the trail."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from agencies.models import Agency, Membership
from audit.agreement import Disagreement, disagreements
from audit.models import Event
from policies import lifecycle
from policies.models import Condition, Policy, PolicyVersion
from policies.verdicts import Effect
from subscriptions import findings, recording
from subscriptions.following_up import assign, comment, escalate_overdue
from subscriptions.importing.running import run
from subscriptions.importing.undoing import undo
from subscriptions.models import Decision, Finding, FindingNote, PriceLine, Status, Subscription
from tests.audit.writes import ROOT, written_in
from tests.run import APPS
from tests.subscriptions.factories import (
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    days,
    make_policy,
    person,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "in_english")]

# They write tracked records or the trail itself: the story below goes through each, and all must agree with the trail after it.
TRACKED = {
    "agencies.admin_trail.InTrail.delete_queryset",
    "agencies.agency_models.Agency.save",
    "agencies.models.MembershipQuerySet.delete",
    "policies.lifecycle.save_draft",
    "policies.lifecycle.discard",
    "subscriptions.findings._write",
    "subscriptions.findings._close",
    "subscriptions.following_up.comment",
    "subscriptions.following_up.assign",
    "subscriptions.following_up.escalate_overdue",
    "agencies.bulk.insert_values",
    "agencies.bulk.update",
    "agencies.bulk.write_history",
    "subscriptions.importing.undoing._Undoing.all",
    "subscriptions.importing.undoing._Undoing._restore",
    "subscriptions.importing.writing.Writer._write_changed",
    "subscriptions.opening.open_many",
    "subscriptions.storing.store",
    "subscriptions.storing._renumber",
}
# They write history beside each row; the tests of each end with the same comparison as the story (`history_agrees`).
COMPARED = {
    "policies.waiving.hand_over",
    "sources.writing._keep_subjects",
    "subscriptions.budgets.remove",
    "subscriptions.importing.plain._Run.all",
    "subscriptions.importing.plain.undo",
    "subscriptions.paying.remove",
    "subscriptions.rates._reprice",
    "subscriptions.reopening.follow_many",
}
# Tables that only grow tell of each: handovers, openings of approvals, acts of rounds.
TOLD = {
    "oversight.rounds.asking.open_round",
    "subscriptions.handover.hand_over",
    "subscriptions.reopening.close_over",
    "subscriptions.reopening.end_approvals",
    "subscriptions.reopening.give_back_approvals",
}
# An event tells of each, see tests/audit/test_events.py.
EVENTS = {
    "agencies.management.commands.create_demo_accounts.Command.handle",
    "agencies.models.User.delete",
    "agencies.models.Membership.delete",
    "agencies.roles.take",
    "agencies.signing_in.second_factor.take_away",
    "agencies.signing_in.sso.identities.unlink",
    "subscriptions.data_entry.create_data_entry_group",
    "audit.auditors.create_auditors_group",
    "govtrack.management.commands.restore.Command._end_sessions",
}
# Approvals end with a change or an end that is a decision; the rest follows from tracked records, and is made anew from them.
DERIVED = {
    "subscriptions.checking._begin",
    "subscriptions.checking.check_everything",
    "subscriptions.checking.drain",
    "subscriptions.facts._refresh_chunk",
    "subscriptions.facts.keep_facts",
    "subscriptions.findings.reconcile_policy",
    "subscriptions.findings.stands",
    "subscriptions.importing.writing.Writer._write_changed_facts",
    "subscriptions.origins.keep_origins",
    "subscriptions.telling.tell_asked",
    "subscriptions.renewals.keeping._follow",
    "subscriptions.renewals.keeping._keep_chunk",
    "subscriptions.paying.keep_pricing",
    "subscriptions.tallies.fold",
    "subscriptions.tallies.recount",
    "subscriptions.totals.hold_totals",
    "subscriptions.totals.refresh_all_totals",
}
# What a person keeps or is told, and the state of files that are made: no record of the register.
PERSONAL = {
    "agencies.notices.digests._readers",
    "agencies.notices.digests._claimed",
    "agencies.notices.digests._make_digest",
    "agencies.notices.digests.make_digests",
    "agencies.notices.forms.PreferencesForm.save",
    "agencies.notices.telling.tell_all",
    "agencies.notices.views.all_read",
    "agencies.notices.views.delete_department",
    "agencies.signing_in.places.signed_in",
    "agencies.signing_in.telling.send_at_once",
    "oversight.rounds.reminding._tell",
    "subscriptions.commenting.comment",
    "subscriptions.importing.forms.ColumnsForm.remember",
    "subscriptions.importing.jobs._finish",
    "subscriptions.importing.jobs.remove_old",
    "subscriptions.importing.jobs.run",
    "subscriptions.importing.views.discard",
    "subscriptions.renewals.plans.set_days",
    "subscriptions.renewals.reminding._remind_chunk",
    "agencies.saved_views.forget_view",
    "agencies.saved_views.save_view",
    "oversight.explorer.saving.SaveForm.save",
    "oversight.exports.jobs._Progress._written",
    "oversight.exports.jobs._finish",
    "oversight.exports.jobs._write",
    "oversight.exports.jobs.remove_old",
    "oversight.exports.jobs.run",
    "oversight.rounds.closing_jobs._finish",
    "oversight.rounds.closing_jobs.run",
    "policies.waiving._tell",
    "subscriptions.telling._tell",
}
# Of dicts, or statements that change no row.
NO_WRITE = {
    "audit.views.change_list",
    "govtrack.backups.counts",
    "govtrack.backups.faults",
    "govtrack.health._missing_migrations",
    "govtrack.query_limits._limit",
    "subscriptions.budget_views.YearForm.__init__",
    "subscriptions.budget_views._stale",
    "subscriptions.budget_views.remove_budget",
    "subscriptions.committed_sql._on_postgresql",
    "subscriptions.committed_sql._on_sqlite",
    "subscriptions.differences.restored",
    "subscriptions.handover_views.hand_over_page",
    "subscriptions.payment_views._stale",
    "subscriptions.payment_views.remove_payment",
    "subscriptions.renewals.deciding.renew",
    "subscriptions.renewals.listing.asked",
    "subscriptions.renewals.prices._replaced",
    "subscriptions.renewals.views.renew",
    "subscriptions.renewals.views.renewal_calendar",
    "subscriptions.tallies._fetched",
    "agencies.admin.MembershipOfUserInline.get_formset",
    "audit.agreement._of",
    "audit.agreement._of_set",
    "audit.fixtures._without_history",
    "audit.trail.Watch.__call__",
    "audit.trail.hashes",
    "audit.triggers._found",
    "audit.triggers._foreign",
    "audit.triggers.install",
    "govtrack.serving.when_ready",
    "oversight.explorer.record_views._start_page",
    "policies.changing.draft_from",
    "policies.picking.Picker.get_context",
    "policies.forms.StatementPicker.get_context",
    "policies.holding.hold_policies",
    "policies.writing._editor",
    "policies.writing._saved",
    "subscriptions.admin.SubscriptionAdmin.save_model",
    "subscriptions.forms.YesNoField.__init__",
    "agencies.duties.hold_duties",
    "subscriptions.importing.holding.hold_imports",
    "subscriptions.importing.matching._with_pairs",
    "agencies.bulk.next_keys",
    "subscriptions.tally_sql.create_triggers",
    "subscriptions.tally_sql.drop_triggers",
    "subscriptions.views._came_second",
    "subscriptions.views._submitted",
}


def test_every_write_past_save_is_listed():
    """A new one fails here: say how it comes into the trail, and let the story below go through it."""
    found = {name for app in APPS for name in written_in(app)}
    listed = [TRACKED, COMPARED, TOLD, EVENTS, DERIVED, PERSONAL, NO_WRITE]
    assert found == set.union(*listed)
    assert sum(map(len, listed)) == len(found)


@dataclass
class Places:
    """Notices, as a wrapper of the database's statements, which of our functions write."""

    seen: set[str] = field(default_factory=set)

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if str(sql).lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            self.note(sys._getframe(1))
        return execute(sql, params, many, context)

    def note(self, frame: Any) -> None:
        while frame is not None:
            path = frame.f_code.co_filename
            if path.startswith(f"{ROOT}/") and ".venv" not in path:
                module = path.removeprefix(f"{ROOT}/").removesuffix(".py").replace("/", ".")
                self.seen.add(f"{module}.{frame.f_code.co_qualname.replace('.<locals>', '')}")
            frame = frame.f_back


HEADER = "agency,tool,contract number,starts,seats,amount,per seat or flat,billed\n"


def imported_and_undone() -> None:
    by = person("administrator", agency_at("KR/P1"), username="importer")
    for code in ("tool-a", "tool-b"):
        ProductFactory(code=code)
    make_policy(("product", "is", ["tool-b"]), effect=Effect.WARN)
    lines = "P1,tool-a,C-1,2026-01-01,10,1000,per seat,monthly\nP1,tool-a,C-1,,,50000,flat,annual\n"
    run((HEADER + lines).encode(), "first.csv", by, new_as=Status.ACTIVE)
    lines = "P1,tool-a,C-1,2026-02-01,20,1000,per seat,monthly\nP1,tool-b,C-2,2026-01-01,1,5,flat,monthly\n"
    second = run((HEADER + lines).encode(), "second.csv", by, new_as=Status.ACTIVE).run
    assert second is not None
    undo(second, by=by)
    told = (
        Event.objects.filter(kind="import")
        .order_by("pk")
        .values_list("actor", "about", "after__what", "after__new")
    )
    assert list(told) == [
        ("importer", "first.csv", "imported", 1),
        ("importer", "second.csv", "imported", 1),
        ("importer", "second.csv", "undone", 1),
    ]
    assert Decision.objects.filter(decided_by=by).count() == 5


def recorded_and_changed() -> None:
    by = person("administrator", agency_at("KR/P2"))
    lines = [PriceLine(amount=amount, vat="included", seats=1) for amount in (1000, 2000)]
    subscription = Subscription(agency=agency_at("KR/P2"), product=ProductFactory(), started_on=days(0))
    drafted = recording.save_draft(subscription, lines, by=by).subscription
    # The second line comes first, and the first one goes.
    recording.save_draft(drafted, [lines[1], PriceLine(amount=3000, vat="included", seats=1)], by=by)


def judged_and_followed_up(clock: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(findings, "FEW", 2)
    officer = person("policy_officer", agency_at("KR"))
    for _number in range(3):
        subscription = SubscriptionFactory(agency=agency_at("KR/P1"), data_class="open")
        Subscription.objects.get(pk=subscription.pk)
    make_policy(("personal_data", "is_unknown", []), remedy_days=7)
    call_command("check_policies", verbosity=0)
    found = list(Finding.objects.filter(policy__isnull=False, closed_at=None))
    assert len(found) >= 3
    comment(found, by=officer, text="seen")
    assign(found, by=officer, to=person("policy_officer", agency_at("KR")))
    assert escalate_overdue(days(30)) == len(found)
    ended = Subscription.objects.get(pk=found[0].subscription_id)
    recording.end(ended, by=person("administrator", agency_at("KR")), on=days(0))
    assert Finding.objects.get(pk=found[0].pk).closed_at is not None
    assert FindingNote.objects.count() == len(found)


def drafted_and_discarded() -> None:
    officer = person("policy_officer", agency_at("KR"))
    version = PolicyVersion(
        policy=Policy(code="short-lived", owner=agency_at("KR")),
        scope=agency_at("KR"),
        title_ko="초안",
        title_en="Draft",
        effect="warn",
        effective_from=timezone.localdate(),
    )
    condition = Condition(group=1, fact="seats", operator="at_least", values=[5])
    lifecycle.save_draft(version, [condition], by=officer, reason="first")
    lifecycle.save_draft(version, [condition, condition], by=officer, reason="second")
    lifecycle.discard(version, by=officer, reason="not needed")
    assert list(Policy.history.filter(code="short-lived").values_list("history_type", flat=True)) == [
        "-",
        "+",
    ]


def moved_and_deleted_in_the_administration(signed_in: Callable[..., Any]) -> None:
    office = agency_at("KR/P1/OFFICE")
    moved, below = Agency.objects.get(code="P1"), office.path
    agency_at("KR/P9")
    moved.parent = Agency.objects.get(code="P9")
    moved.save()
    office.refresh_from_db()
    assert office.path != below
    assert office.history.latest().path == office.path
    membership = Membership.objects.get(user__username="importer")
    client = signed_in("sysadmin")
    chosen = {"action": "delete_selected", "_selected_action": [membership.pk], "post": "yes"}
    client.post(reverse("admin:agencies_membership_changelist"), chosen)
    assert Membership.history.filter(id=membership.pk).latest().history_type == "-"
    assert Event.objects.filter(kind="role", about="importer", after={}).count() == 1


def test_every_write_of_a_tracked_record_is_in_the_trail(clock, signed_in, monkeypatch):
    places = Places()
    with connection.execute_wrapper(places):
        recorded_and_changed()
        imported_and_undone()
        judged_and_followed_up(clock, monkeypatch)
        drafted_and_discarded()
        moved_and_deleted_in_the_administration(signed_in)
        call_command("check_policies", verbosity=0, stdout=io.StringIO())
    # COPY does not go through Django, but what it copied would disagree.
    assert TRACKED - places.seen <= {"agencies.bulk.insert_values"}
    assert list(disagreements()) == []


def test_a_record_that_is_changed_past_its_history_disagrees():
    """The control: the same comparison finds what the story would leave behind if a path forgot its history."""
    changed, deleted = SubscriptionFactory(), SubscriptionFactory()
    line = PriceLine.objects.create(subscription=changed, amount=1, vat="included", seats=1, position=1)
    assert list(disagreements()) == []
    Subscription.objects.filter(pk=changed.pk).update(purpose="bent")
    PriceLine.objects.filter(pk=line.pk)._raw_delete("default")
    Subscription.objects.filter(pk=deleted.pk)._raw_delete("default")
    assert list(disagreements()) == [
        Disagreement("gone", "subscriptions_priceline", line.pk),
        Disagreement("unlike", "subscriptions_subscription", changed.pk),
        Disagreement("gone", "subscriptions_subscription", deleted.pk),
    ]
    call_command("verify_audit", verbosity=0, stdout=io.StringIO())
    said = io.StringIO()
    with pytest.raises(CommandError, match="3 faults"):
        call_command("verify_audit", "--records", stdout=said)
    unlike = f"record subscriptions_subscription row {changed.pk}: it is not as its last history says"
    assert unlike in said.getvalue()
