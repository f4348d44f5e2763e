"""Fills an empty database for the tests of faults and prints who may sign in: `python -m tests.faults.prepare [--migrated]`.

The report's register, a policy that looks at an agency's total, and people of each role with a session each: a list of
{"name", "role", "agency", "session"} as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django

# Role, agency, how many of them.
PEOPLE = [
    ("administrator", "KR-49", 8),
    ("administrator", "KR-11", 4),
    ("approver", "KR-49", 3),
    ("committee_member", "KR", 2),
]


def main() -> None:
    django.setup()
    from django.core.management import call_command

    if "--migrated" not in sys.argv:
        call_command("migrate", verbosity=0)
    for fixture in ("agencies", "catalog", "sources", "policies", "subscriptions"):
        call_command("loaddata", fixture, verbosity=0)
    add_policy()
    call_command("check_policies", verbosity=0, stdout=sys.stderr)
    people = [person(role, code, number) for role, code, count in PEOPLE for number in range(count)]
    json.dump(people, sys.stdout)


def add_policy() -> None:
    """One finding of this policy changes with every subscription of the agency: acts meet in it."""
    from tests.subscriptions.factories import PolicyFactory, agency_at, days, make_policy

    make_policy(
        ("agency_annual_cost", "more_than", [1_000_000]),
        policy=PolicyFactory(code="total", owner=agency_at("KR")),
        effect="warn",
        effective_from=days(-1000),
        effective_until=None,
    )


def person(role: str, code: str, number: int) -> dict[str, Any]:
    from django.conf import settings
    from django.test import Client

    from agencies.models import Agency, Membership, User

    user = User.objects.create(username=f"{role}-{code}-{number}")
    Membership.objects.create(user=user, role=role, agency=Agency.objects.get(code=code))
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    return {"name": user.username, "role": role, "agency": code, "session": session}


if __name__ == "__main__":
    main()
