"""A file is read, checked and written part by part, one part behind the other; where a part ends must not matter."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import translation

from agencies.models import Agency, Notice, User
from policies.verdicts import Effect
from subscriptions.importing import deciding, running
from subscriptions.importing.behind import Behind
from subscriptions.importing.running import run
from subscriptions.models import (
    Approval,
    Decision,
    Facts,
    Finding,
    PriceLine,
    Reopening,
    Status,
    Subscription,
)
from subscriptions.origins import stale
from tests.subscriptions.factories import DAY, ProductFactory, agency_at, make_policy, person

pytestmark = pytest.mark.usefixtures("clock", "in_english")

HEADER = "reference,agency,tool,contract number,plan,starts,amount,per seat or flat,billed\n"


@pytest.fixture(params=[1, 2, 2_000])
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many records a part has."""
    monkeypatch.setattr(running, "CHUNK", request.param)
    monkeypatch.setattr(deciding, "CHUNK", request.param)
    return request.param


@pytest.fixture
def by(db: None) -> User:
    for code in ("tool-a", "tool-b"):
        ProductFactory(code=code)
    agency_at("KR/P2")
    return person("administrator", agency_at("KR/P1"), username="kim")


def take(rows: str, by: User) -> tuple[int, int, int, int]:
    report = run((HEADER + rows).encode(), "f.csv", by, new_as=Status.ACTIVE)
    return report.new, report.changed, report.left, report.errors


@pytest.mark.usefixtures("part")
def test_what_has_no_contract_number_is_another_record_than_what_has_one(by: User) -> None:
    rows = ",P1,tool-a,C-1,Team,2026-01-01,5,flat,monthly\n,P1,tool-b,,Team,2026-01-01,,,\n,P1,tool-a,,Team,2026-01-01,,,\n"
    assert take(rows, by) == (3, 0, 0, 0)
    assert take(rows, by) == (0, 0, 3, 0)
    stored = Subscription.objects.order_by("pk").values_list("reference", "contract_number")
    assert list(stored) == [("P1-2026-0001", "C-1"), ("P1-2026-0002", ""), ("P1-2026-0003", "")]


@pytest.mark.usefixtures("part")
def test_a_row_cannot_name_what_a_row_before_it_makes(by: User) -> None:
    rows = ",P1,tool-a,C-1,,2026-01-01,,,\n,P1,tool-b,C-2,,2026-01-01,,,\nP1-2026-0001,P1,tool-a,C-1,Team,2026-01-01,,,\n"
    assert take(rows, by) == (2, 0, 0, 1)
    assert not Subscription.objects.exists()


@pytest.mark.usefixtures("part")
def test_numbers_go_on_and_leave_out_those_of_records_that_moved(by: User) -> None:
    assert take(",P1,tool-a,C-1,,2026-01-01,,,\n,P1,tool-a,C-2,,2026-01-01,,,\n", by) == (2, 0, 0, 0)
    Subscription.objects.filter(contract_number="C-2").update(agency=Agency.objects.get(code="P2"))
    rows = "".join(f",P1,tool-b,D-{number},,2026-01-01,,,\n" for number in range(3))
    assert take(rows, by) == (3, 0, 0, 0)
    made = Subscription.objects.filter(product__code="tool-b").order_by("pk")
    assert list(made.values_list("reference", flat=True)) == ["P1-2026-0003", "P1-2026-0004", "P1-2026-0005"]


@pytest.mark.usefixtures("part")
def test_findings_of_what_is_new_and_of_what_is_changed_are_told_together(by: User) -> None:
    other = person("administrator", Agency.objects.get(code="P1"), username="lee")
    policy = make_policy(("annual_cost", "more_than", [1000]), effect=Effect.WARN)
    assert take(",P1,tool-a,C-1,,2026-01-01,5,flat,monthly\n", by) == (1, 0, 0, 0)
    assert not Finding.objects.exists()
    dear = "500,flat,monthly\n"
    rows = (
        f",P1,tool-a,C-1,,2026-01-01,{dear},P1,tool-a,C-2,,2026-01-01,{dear},P1,tool-b,C-3,,2026-01-01,{dear}"
    )
    assert take(rows, by) == (2, 1, 0, 0)
    assert Finding.objects.open().filter(policy=policy.policy).count() == 3
    notices = Notice.objects.filter(recipient=other, key__startswith="finding")
    assert [notice.parameters["count"] for notice in notices] == ["3"]
    assert Decision.objects.count() == 4
    assert Facts.objects.count() == 3
    assert stale(DAY) == []


@pytest.mark.usefixtures("part")
def test_prices_are_added_to_records_of_every_part(by: User) -> None:
    assert take("".join(f",P1,tool-a,C-{n},,2026-01-01,,,\n" for n in range(4)), by) == (4, 0, 0, 0)
    priced = "".join(f",P1,tool-a,C-{n},,2026-01-01,5,flat,monthly\n" for n in range(4))
    assert run((HEADER + priced).encode(), "f.csv", by, trial=True).changed == 4
    assert take(priced, by) == (0, 4, 0, 0)
    assert take(priced, by) == (0, 0, 4, 0)
    assert list(PriceLine.objects.order_by("pk").values_list("subscription", "position")) == [
        (pk, 1) for pk in Subscription.objects.order_by("pk").values_list("pk", flat=True)
    ]


@pytest.mark.usefixtures("part")
def test_each_reopened_approval_knows_the_officers_approvals_that_ended_with_it(by: User) -> None:
    version = make_policy(("annual_cost", "more_than", [10**9]), effect=Effect.WARN)
    assert take("".join(f",P1,tool-a,C-{n},,2026-01-01,5,flat,monthly\n" for n in range(3)), by) == (
        3,
        0,
        0,
        0,
    )
    given = {
        one.pk: Approval.objects.create(
            subscription=one, policy_version=version, approved_by=by, reason="-"
        ).pk
        for one in Subscription.objects.all()
    }
    assert take("".join(f",P1,tool-a,C-{n},,2026-01-01,50,flat,monthly\n" for n in range(3)), by) == (
        0,
        3,
        0,
        0,
    )
    kept = dict(Reopening.objects.values_list("subscription", "ended_approvals"))
    assert kept == {pk: [approval] for pk, approval in given.items()}


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize(
    "last",
    [",P1,tool-a,OLD,,2026-01-01,,,", ",P1,tool-a,NEW,,2026-01-01,,,", ",P1,tool-a,,Team,2026-01-01,,,"],
)
def test_a_row_further_on_means_a_changed_record_by_its_old_key_and_its_new_one(by: User, last: str) -> None:
    assert take(",P1,tool-a,OLD,,2026-01-01,,,\n", by) == (1, 0, 0, 0)
    between = ",P1,tool-b,X,,2026-01-01,,,\n,P1,tool-b,Y,,2026-01-01,,,\n"
    rows = f"P1-2026-0001,P1,tool-a,NEW,Team,2026-01-01,,,\n{between}{last}\n"
    report = run((HEADER + rows).encode(), "f.csv", by, new_as=Status.ACTIVE)
    assert [(p.line, p.message) for p in report.problems] == [
        (5, "Line 2 is the same record. Put the rows of one record next to each other.")
    ]
    assert Subscription.objects.get().contract_number == "OLD"


# --- what is written behind -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_job_works_in_the_transaction_and_the_language_of_whoever_began_it() -> None:
    agency_at("KR/P1")
    said: list[str] = []

    def job() -> None:
        said.append(translation.gettext("seats"))
        Agency.objects.filter(code="P1").update(name_en="Other")

    with translation.override("ko"), Behind() as behind:
        behind.start(job)
        behind.wait()
        assert Agency.objects.get(code="P1").name_en == "Other"
    assert said == ["좌석 수"]
    assert connection.in_atomic_block


@pytest.mark.django_db
def test_what_a_job_raises_is_raised_by_waiting_and_by_leaving() -> None:
    with Behind() as behind:
        behind.start(lambda: [][0])
        with pytest.raises(IndexError):
            behind.wait()
        behind.wait()
    with pytest.raises(ZeroDivisionError), Behind() as behind:
        behind.start(lambda: 1 // 0)  # type: ignore[arg-type,return-value]

    def fails_first() -> None:
        with Behind() as behind:
            behind.start(lambda: [][0])
            raise KeyError

    with pytest.raises(KeyError):
        fails_first()


@pytest.mark.django_db
def test_nothing_is_begun_before_the_one_before_was_waited_for() -> None:
    with Behind() as behind:
        behind.start(lambda: None)
        with pytest.raises(RuntimeError):
            behind.start(lambda: None)
