"""Agencies that are moved, added and renamed at once, on PostgreSQL: paths stay right, no ring, and nobody gets both sides."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from agencies import roles
from agencies.models import Agency, Membership, Recheck, Role
from agencies.paths import below
from subscriptions.importing import agencies
from tests.subscriptions.factories import agency_at, person
from tests.subscriptions.test_at_once import Interleave, interleave  # noqa: F401  a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="only on PostgreSQL: SQLite has one writer at a time"
    ),
]
MOVED = (Recheck, "ask")  # the move is written by then, and not committed


@pytest.fixture(autouse=True)
def tree() -> None:
    for path in ("KR/P1/C1", "KR/P2", "KR/P3"):
        agency_at(path)


def saved(agency: Agency, **fields: Agency | str) -> Callable[[], None]:
    """Saves the agency with these fields; its rows are read here, not when it is saved."""
    for name, value in fields.items():
        setattr(agency, name, value)

    return agency.save


def checked(agency: Agency, **fields: Agency | str) -> Callable[[], None]:
    """The same, checked first, as forms and files do."""
    saved(agency, **fields)

    def check_and_save() -> None:
        with transaction.atomic():
            agency.full_clean(exclude=["path"])
            agency.save()

    return check_and_save


def wrong() -> list[str]:
    """The agencies whose path is not that of their parent with their code."""
    every = Agency.objects.select_related("parent")
    return [one.code for one in every if one.path != below(one.code, one.parent.path if one.parent else "")]


def get(code: str) -> Agency:
    return Agency.objects.select_related("parent").get(code=code)


@pytest.mark.parametrize("what", ["added", "renamed", "moved away"])
def test_paths_are_right_after_a_move_above(interleave: Interleave, what: str) -> None:  # noqa: F811
    second = {
        "added": lambda: saved(
            Agency(code="C9", name_ko="C9", name_en="C9", short_ko="C9", short_en="C9", kind=get("C1").kind),
            parent=get("P1"),
        ),
        "renamed": lambda: saved(get("C1"), name_en="Another"),
        "moved away": lambda: saved(get("P3"), parent=get("C1")),
    }[what]()
    first, done, waited = interleave(saved(get("P1"), parent=get("P2")), second, pause=MOVED)
    assert (first.error, done.error, waited, wrong()) == (None, None, True, [])


def test_two_moves_at_once_make_no_ring(interleave: Interleave) -> None:  # noqa: F811
    first, second, waited = interleave(
        checked(get("P1"), parent=get("P2")), checked(get("P2"), parent=get("P1")), pause=MOVED
    )
    assert (first.error, type(second.error), waited, wrong()) == (None, ValidationError, True, [])
    assert get("P2").parent == get("KR")


def test_no_role_is_given_between_the_check_of_a_move_and_the_move(interleave: Interleave) -> None:  # noqa: F811
    somebody, by = person("policy_officer", get("P2")), person("sysadmin")
    Membership.objects.create(
        user=person("administrator", get("P3")), role=Role.POLICY_OFFICER, agency=get("P2")
    )
    move = checked(get("P1"), parent=get("P2"))
    first, second, waited = interleave(
        move, lambda: roles.give(somebody, Role.ADMINISTRATOR, get("C1"), by=by), pause=(Agency, "save")
    )
    assert (first.error, type(second.error), waited) == (None, ValidationError, True)
    assert not somebody.memberships.filter(role=Role.ADMINISTRATOR).exists()


def test_a_file_of_agencies_and_a_form_wait_for_each_other_in_one_order(interleave: Interleave) -> None:  # noqa: F811
    by = person("sysadmin")
    data = b"code,name_ko,name_en\nC1,C1,From a file\n"
    first, second, waited = interleave(
        lambda: agencies.run(data, "agencies.csv", by),
        checked(get("C1"), short_en="Typed"),
        pause=(agencies.Agencies, "form"),  # the row is locked by then, and not written
    )
    assert (first.error, second.error, waited) == (None, None, True)
    assert get("C1").short_en == "Typed"
