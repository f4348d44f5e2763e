"""The life of a policy: drafts, the two-person rule, replacement without a gap or overlap, retirement, reasons."""

import datetime

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from agencies.models import Recheck
from policies import lifecycle
from policies.changing import draft_from
from policies.models import Condition, Policy, PolicyVersion
from tests.subscriptions.factories import PolicyFactory, agency_at, make_policy, person

pytestmark = pytest.mark.django_db
CAP = Condition(group=1, fact="annual_cost", operator="more_than", values=[100])


def today() -> datetime.date:
    return timezone.localdate()


@pytest.fixture
def officers():
    return [person("policy_officer", agency_at("KR"), username=name) for name in ("first", "second")]


def new_draft(by, **fields) -> PolicyVersion:
    policy = PolicyFactory(code="cap")
    titles = {"title_ko": "상한", "title_en": "Cap", "effect": "warn"}
    version = PolicyVersion(policy=policy, scope=policy.owner, effective_from=today(), **{**titles, **fields})
    return lifecycle.save_draft(version, [CAP], by=by, reason="needed")


def test_a_draft_keeps_its_conditions_and_its_reason(officers):
    draft = new_draft(officers[0])
    assert [(c.position, c.fact, c.operator, c.values) for c in draft.conditions.all()] == [
        (1, "annual_cost", "more_than", [100])
    ]
    entry = draft.history.first()
    assert (entry.history_user, entry.history_change_reason, draft.number) == (officers[0], "needed", 1)


def test_what_cannot_be_evaluated_is_not_saved(officers):
    draft = new_draft(officers[0])
    wrong = Condition(group=1, fact="seats", operator="one_of", values=["many"])
    with pytest.raises(ValidationError) as error:
        lifecycle.save_draft(draft, [CAP, wrong], by=officers[0], reason="wider")
    assert list(error.value.message_dict) == ["operator"]
    with pytest.raises(ValidationError):
        lifecycle.save_draft(draft, [], by=officers[0], reason="empty")


def test_two_persons_put_a_policy_into_force(officers, settings):
    draft = new_draft(officers[0])
    with pytest.raises(ValidationError):
        lifecycle.put_into_force(draft, by=officers[0], reason="now")
    in_force = lifecycle.put_into_force(draft, by=officers[1], reason="agreed")
    assert (in_force.status, in_force.history.first().history_change_reason) == ("in_force", "agreed")
    assert list(Recheck.objects.values_list("about", "code")) == [("policy", "cap")]
    settings.POLICY_TWO_PERSON_RULE = False
    next_one = draft_from(in_force, by=officers[0], on=today())
    next_one.drafted_by = officers[0]
    next_one.save()
    assert lifecycle.put_into_force(next_one, by=officers[0], reason="alone").status == "in_force"


def test_the_next_version_follows_without_gap_or_overlap(officers):
    first = lifecycle.put_into_force(new_draft(officers[0]), by=officers[1], reason="agreed")
    second = draft_from(first, by=officers[0], on=today())
    lifecycle.put_into_force(second, by=officers[1], reason="stricter")
    first.refresh_from_db()
    assert first.effective_until == today()
    assert second.effective_from == today() + datetime.timedelta(days=1)
    days = [today() + datetime.timedelta(days=n) for n in range(3)]
    assert [PolicyVersion.objects.in_force(day).get().number for day in days] == [1, 2, 2]


def test_a_version_in_force_is_not_edited_nor_begun_in_the_past(officers):
    in_force = lifecycle.put_into_force(new_draft(officers[0]), by=officers[1], reason="agreed")
    with pytest.raises(ValidationError):
        lifecycle.save_draft(in_force, [CAP], by=officers[0], reason="edit")
    late = draft_from(in_force, by=officers[0], on=today() - datetime.timedelta(days=9))
    with pytest.raises(ValidationError):
        lifecycle.put_into_force(late, by=officers[1], reason="late")


@pytest.mark.parametrize(
    ("after", "status", "until"), [(-1, "retired", 0), (0, "in_force", 0), (5, "in_force", 5)]
)
def test_retiring_gives_the_last_day(officers, after, status, until):
    in_force = lifecycle.put_into_force(new_draft(officers[0]), by=officers[1], reason="agreed")
    last_day = today() + datetime.timedelta(days=after)
    retired = lifecycle.retire(in_force, by=officers[0], reason="over", last_day=last_day)
    assert (retired.status, retired.effective_until) == (status, today() + datetime.timedelta(days=until))


def test_only_officers_of_the_owner_write(officers):
    draft = new_draft(officers[0])
    below = person("policy_officer", agency_at("KR/P1"))
    for by in (below, person("administrator", agency_at("KR")), person("committee_member", agency_at("KR"))):
        with pytest.raises(PermissionDenied):
            lifecycle.save_draft(draft, [CAP], by=by, reason="mine")
        with pytest.raises(PermissionDenied):
            lifecycle.put_into_force(draft, by=by, reason="mine")


def test_a_draft_can_be_thrown_away_with_its_policy(officers):
    draft = new_draft(officers[0])
    lifecycle.discard(draft, by=officers[1], reason="not needed")
    assert not Policy.objects.filter(code="cap").exists()
    in_force = make_policy(("annual_cost", "more_than", [1]))
    with pytest.raises(ValidationError):
        lifecycle.discard(in_force, by=officers[0], reason="over")
