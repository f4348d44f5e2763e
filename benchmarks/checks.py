"""Measures the check of everything, of one subscription, and the what-if, under twenty policies of which a share fails.

`python -m benchmarks.checks SHARE` works in the database that DATABASE_URL names, and changes it: give it a copy.
Progress goes to the standard error, the result as JSON to the standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import django

POLICIES = 20
# What a policy of the benchmark asks besides the tool: any within a group, all across groups.
RULES: tuple[tuple[tuple[str, str, list[Any]], ...], ...] = (
    (),
    (("annual_cost", "more_than", [500_000]),),
    (("seats", "at_least", [3]),),
    (("data_class", "more_than", ["open"]), ("personal_data", "is", [True])),
    (("seat_price", "more_than", [10_000]), ("monthly_cost", "more_than", [100_000])),
    (("term", "at_least", [6]), ("auto_renewal", "is", [True])),
    (("payment_route", "none_of", ["contract"]),),
    (("certification", "none_of", ["csap-low"]),),
)
BARS = {
    "first check of everything": 60_000,
    "check again, nothing changed": 15_000,
    "one subscription": 30,
    "what-if, page": 2_000,
}
RUNS = 15


def main() -> None:
    share = float(sys.argv[1])
    django.setup()
    json.dump(measure(share), sys.stdout)


def measure(share: float) -> list[dict[str, Any]]:
    """For each measurement its name, milliseconds, and what else it tells: pairs, findings, memory, verdicts a second."""
    from django.utils import timezone

    from policies.models import PolicyVersion
    from subscriptions.checking import verdict_counts
    from subscriptions.models import Finding

    on = timezone.localdate()
    make_policies(share, on)
    forget_findings()
    started = time.perf_counter()
    counts = verdict_counts(on)
    seconds = time.perf_counter() - started
    pairs = sum(sum(verdicts.values()) for verdicts in counts.values())
    failing = pairs - sum(verdicts["pass"] for verdicts in counts.values())
    about = f"{len(counts)} policies, {pairs:,} pairs, {failing / pairs:.1%} fail"
    say(about)
    results = [
        result("verdicts alone", seconds * 1000, share, f"{about}; {pairs / seconds / 1e6:.1f} million a second",
               per_second=pairs / seconds),
    ]  # fmt: skip
    for name in ("first check of everything", "check again, nothing changed"):
        milliseconds, megabytes = run_check()
        note = f"{Finding.objects.open().count():,} findings open, {megabytes:.0f} MB"
        results.append(result(name, milliseconds, share, note, megabytes=megabytes))
    assert Finding.objects.open().count() == failing, "the findings are not those that fail"
    checked = median(one_subscription(on))
    results.append(result("one subscription", checked, share, "facts, verdicts, findings"))
    moved = median(one_subscription(on, moved=True))
    results.append(result("one subscription whose cost changed", moved, share, "and its agency's totals"))
    draft = PolicyVersion.objects.get(policy__code="bench-draft")
    results.append(result("what-if, page", median(what_if_page(draft)), share, ""))
    return results


def result(name: str, milliseconds: float, share: float, note: str, **more: float) -> dict[str, Any]:
    say(f"{name}: {milliseconds:,.0f} ms; {note}")
    return {"name": name, "ms": milliseconds, "share": share, "note": note, "bar": BARS.get(name), **more}


def make_policies(share: float, on: Any) -> None:
    """Policies in force, until there are twenty, so that `share` of all pairs fails; and a draft."""
    from agencies.models import Agency
    from policies.models import Policy, PolicyVersion
    from subscriptions.checking import verdict_counts

    nation = Agency.objects.get(code="KR")
    there = verdict_counts(on)
    failing = sum(1 - verdicts["pass"] / sum(verdicts.values()) for verdicts in there.values())
    each = (share * POLICIES - failing) / (POLICIES - len(there))
    for number in range(len(there), POLICIES):
        make_version(f"bench-{number}", nation, RULES[number % len(RULES)], each, number, on)
    make_version("bench-draft", nation, RULES[1], share, POLICIES, on)
    version = PolicyVersion.objects.get(policy__code="bench-draft")
    PolicyVersion.objects.filter(pk=version.pk).update(status="draft")
    assert Policy.objects.filter(code="bench-draft").exists()


def make_version(code: str, owner: Any, rule: Any, share: float, number: int, on: Any) -> None:
    """A policy that names as many tools as it takes for `share` of the judged subscriptions not to pass.

    Where the rule lets too many pass for that, it asks for the tools alone.
    """
    from django.db.models import Count

    from policies.models import Condition, Policy, PolicyVersion
    from policies.verdicts import Verdict
    from subscriptions.evaluation import rows_judged_by
    from subscriptions.models import Facts

    version = PolicyVersion.objects.create(
        policy=Policy.objects.create(code=code, owner=owner), number=1, status="in_force", effective_from=on,
        scope=owner, effect="warn", title_ko=code, title_en=code, legal_basis_ko="-", legal_basis_en="-",
    )  # fmt: skip
    for position, (fact, operator, values) in enumerate(rule, start=2):
        Condition.objects.create(
            version=version, group=2, position=position, fact=fact, operator=operator, values=values
        )
    rows = rows_judged_by(version, on) if rule else Facts.objects.judged()
    if rule:
        rows = rows.exclude(unwaived=Verdict.PASS)
    found = dict(rows.order_by().values_list("product").annotate(Count("pk")))
    wanted, tools = share * Facts.objects.judged().count(), []
    if sum(found.values()) < wanted:
        version.conditions.all().delete()
        found = dict(Facts.objects.judged().order_by().values_list("product").annotate(Count("pk")))
    for tool in sorted(found, key=lambda tool: hash_of(f"{number} {tool}")):
        if found[tool] <= wanted * 1.1:
            tools.append(tool)
            wanted -= found[tool]
    Condition.objects.create(
        version=version, group=1, position=1, fact="product", operator="one_of", values=sorted(tools)
    )


def hash_of(text: str) -> str:
    """An order that is the same each time and differs between policies."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def forget_findings() -> None:
    """As if nothing had ever been checked."""
    from django.db import connection

    from subscriptions.models import Finding
    from tests.audit.behind import triggers_off

    tables = ("subscriptions_findingnote", "subscriptions_historicalfinding", Finding._meta.db_table)
    with triggers_off(*tables) as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM (ANALYZE)")


def run_check() -> tuple[float, float]:
    """`check_policies` in a process of its own: milliseconds and the most memory of Python in MB."""
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "manage.py", "check_policies"], stdout=sys.stderr)
    _pid, status, usage = os.wait4(child.pid, 0)
    assert status == 0, "check_policies failed"
    return (time.perf_counter() - started) * 1000, usage.ru_maxrss / 1024


def one_subscription(on: Any, moved: bool = False) -> Callable[[], Any]:
    """The check of one subscription: its facts, all verdicts, its findings; `moved`: its agency's totals as well."""
    from itertools import cycle

    from django.db import transaction

    from subscriptions.facts import refresh
    from subscriptions.findings import reconcile_one, reconcile_totals
    from subscriptions.models import Finding, Subscription
    from subscriptions.totals import refresh_totals

    failing = Finding.objects.open().values_list("subscription", flat=True)[:RUNS]
    chosen = cycle(Subscription.objects.filter(pk__in=list(failing)).select_related("agency", "facts"))

    def check() -> None:
        with transaction.atomic():
            subscription = next(chosen)
            refresh([subscription.pk], on)
            reconcile_one(subscription, on)
            if moved:
                reconcile_totals(refresh_totals(subscription.agency), on, besides=subscription)

    return check


def what_if_page(draft: Any) -> Callable[[], Any]:
    from django.test import Client
    from django.urls import reverse

    from agencies.models import Agency, Membership, Role, User

    officer, _new = User.objects.get_or_create(username="bench-officer")
    Membership.objects.get_or_create(
        user=officer, role=Role.POLICY_OFFICER, agency=Agency.objects.get(code="KR")
    )
    client = Client()
    client.force_login(officer)
    url = reverse("subscriptions:what-if", args=[draft.policy.code, draft.number])

    def open_page() -> None:
        assert client.get(url).status_code == 200

    return open_page


def median(work: Callable[[], Any]) -> float:
    """The median in milliseconds, after two runs that do not count."""
    from benchmarks.measuring import _median

    return _median(work, RUNS)


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
