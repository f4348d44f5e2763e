"""Switch off each guard of the register in turn; its test must fail: `python -m tests.guards [part of a name ...]`.

As `tests.mutate` does with the policy engine. docs/security.md says what each guard is there for; guards whose tests hold a
control of their own (the fuzz, redirects, forms, logs, archives, acts at once, faults) are not repeated here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.mutate import Break, judge_all

SETTINGS, PRODUCTION = "govtrack/settings/base.py", "govtrack/settings/production.py"
MIDDLEWARE, LIMITS = "govtrack/middleware.py", "govtrack/limits.py"
HEADERS, TOO_MUCH = "tests/govtrack/test_headers.py", "tests/govtrack/test_limits.py"
DEPLOYED = "tests/govtrack/test_production_settings.py"
SIGNING_IN, PEOPLE = "tests/agencies/test_signing_in.py", "tests/agencies/test_people.py"
SEALS, BACKUPS = "tests/audit/test_seals.py", "tests/govtrack/test_backups.py"
ACTS = "tests/subscriptions/test_recording.py"
RESTORING = f"{BACKUPS}::test_what_is_no_whole_backup_touches_nothing"


def guards() -> Iterator[Break]:
    yield from strangers()
    yield from other_sites()
    yield from colleagues()
    yield from insiders()
    yield from chance()


def strangers() -> Iterator[Break]:
    yield Break(
        "signed-in is the rule",
        SETTINGS,
        '    "django.contrib.auth.middleware.LoginRequiredMiddleware",\n',
        "",
        ("tests/access/test_table.py::test_access[anonymous]",),
    )
    yield Break(
        "a second factor must be set up",
        "agencies/signing_in/second_factor.py",
        "            and must_have_one(user)\n",
        "            and False\n",
        (f"{SIGNING_IN}::test_who_must_have_a_second_factor_sets_it_up_first",),
    )
    sessions = "agencies/signing_in/session_limits.py"
    ends = (f"{SIGNING_IN}::test_sessions_end",)
    idle, longest = (
        "now - seen > settings.SESSION_IDLE_SECONDS",
        "now - started > settings.SESSION_LONGEST_SECONDS",
    )
    yield Break("a session ends without use", sessions, idle, "False", ends)
    yield Break("a session ends in all", sessions, longest, "False", ends)
    yield Break(
        "TLS alone", PRODUCTION, "SECURE_SSL_REDIRECT = True", "SECURE_SSL_REDIRECT = False", (DEPLOYED,)
    )
    yield Break(
        "cookies over TLS alone",
        PRODUCTION,
        "SESSION_COOKIE_SECURE = True",
        "SESSION_COOKIE_SECURE = False",
        (DEPLOYED,),
    )
    yield Break("cookies of this host", PRODUCTION, '"__Host-sessionid"', '"sessionid"', (DEPLOYED,))
    yield Break(
        "a proxy's header only behind a proxy",
        PRODUCTION,
        'if env.bool("BEHIND_TLS_PROXY", default=False):',
        "if True:",
        (DEPLOYED,),
    )
    yield Break(
        "a weak key is refused",
        "govtrack/settings/safety.py",
        "    elif _weak(key):\n",
        "    elif False:\n",
        (DEPLOYED,),
    )
    yield Break(
        "the probe tells one word",
        "govtrack/health.py",
        '"not ready\\n" if found',
        '"\\n".join(found) if found',
        ("tests/govtrack/test_health.py",),
    )
    yield Break(
        "a request has a size",
        LIMITS,
        "int(length) > settings.LARGEST_REQUEST",
        "False",
        (f"{TOO_MUCH}::test_a_request_that_is_too_large_is_not_read",),
    )
    yield Break(
        "a form has so many fields",
        SETTINGS,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000",
        "DATA_UPLOAD_MAX_NUMBER_FIELDS = None",
        (f"{TOO_MUCH}::test_more_fields_than_any_form_has_are_refused",),
    )
    yield Break(
        "web processes are limited",
        "govtrack/wsgi.py",
        "\nlimit_queries()\n",
        "\n",
        (f"{TOO_MUCH}::test_web_processes_are_limited",),
    )
    reports, told = "govtrack/csp_reports.py", ("tests/govtrack/test_csp_reports.py",)
    yield Break("reports have a rate", reports, 'seconds_to_wait(LIMIT, "csp-reports")', "0", told)
    yield Break("reports are so many", reports, "found[:MOST_AT_ONCE]", "found", told)
    yield Break(
        "a number is well formed",
        "govtrack/logs.py",
        "if WELL_FORMED.fullmatch(given) else",
        "if given else",
        ("tests/govtrack/test_logs.py",),
    )


def other_sites() -> Iterator[Break]:
    yield Break(
        "forms bear a token",
        SETTINGS,
        '    "django.middleware.csrf.CsrfViewMiddleware",\n',
        "",
        ("tests/access/test_doors.py::test_a_form_without_its_token_is_refused",),
    )
    yield Break(
        "pages load from this site",
        SETTINGS,
        '"script-src": [SELF]',
        '"script-src": [SELF, "https:"]',
        (HEADERS,),
    )
    yield Break(
        "nobody frames a page", SETTINGS, '"frame-ancestors": [NONE]', '"frame-ancestors": ["*"]', (HEADERS,)
    )
    yield Break(
        "nobody else loads a page",
        MIDDLEWARE,
        '["Cross-Origin-Resource-Policy"] = "same-origin"',
        '["Cross-Origin-Resource-Policy"] = "cross-origin"',
        (HEADERS,),
    )
    yield Break(
        "a page is kept nowhere",
        MIDDLEWARE,
        "private=True, no_store=True",
        "private=True",
        (f"{HEADERS}::test_a_signed_in_page_is_kept_nowhere",),
    )
    yield Break(
        "the way back is of this site",
        "agencies/going_back.py",
        "address if here and",
        "address if",
        ("tests/test_redirects.py",),
    )


def colleagues() -> Iterator[Break]:
    yield Break(
        "rows in sight",
        "agencies/visibility.py",
        '        return self.filter(**{f"{self.agency_lookup}__pk__in_sight": sight})',
        "        return self",
        ("tests/agencies/test_sight.py",),
    )
    yield Break(
        "agencies in sight",
        "agencies/visibility.py",
        "return self.filter(within_any(sight.paths))",
        "return self",
        ("tests/agencies/test_sight.py",),
    )
    yield Break(
        "the administration asks who it is",
        "agencies/admin_scope.py",
        "        ask_again(request)\n        return super().delete_view",
        "        return super().delete_view",
        ("tests/admin/test_admin_doors.py::test_it_is_asked_who_it_is_before_roles_and_rules_change",),
    )
    yield Break(
        "the administration gives nobody their own role",
        "agencies/admin_roles.py",
        "        if person == by:\n",
        "        if False:\n",
        (
            "tests/admin/test_admin_doors.py::test_nobody_gives_themselves_a_role_or_one_where_they_do_not_administer",
        ),
    )
    yield Break(
        "readers have a rate",
        LIMITS,
        "        if not limit or not request.user.is_authenticated:\n",
        "        if True:\n",
        (f"{TOO_MUCH}::test_each_reader_has_limits_of_their_own",),
    )
    yield Break(
        "a statement has a time",
        "govtrack/query_limits.py",
        "deadline.at = time.monotonic() + settings.QUERY_SECONDS",
        "deadline.at = time.monotonic() + settings.QUERY_SECONDS + 15",  # or it would never end
        ("tests/test_query_limits.py::test_an_endless_statement_is_ended_and_the_page_says_so",),
    )
    yield Break(
        "formulas are harmless",
        "figures/files.py",
        '            return "\'" + value\n',
        "            return value\n",
        ("tests/figures/test_files.py",),
    )


def insiders() -> Iterator[Break]:
    own = (f"{ACTS}::test_nobody_approves_their_own_request",)
    yield Break(
        "two people",
        "subscriptions/recording.py",
        "Role.APPROVER, at=subscription.agency) and user.pk not in",
        "Role.APPROVER, at=subscription.agency) or user.pk in",
        own,
    )
    yield Break(
        "nobody raises their own role",
        "agencies/roles.py",
        "    if person == by or not by.has_role",
        "    if not by.has_role",
        (f"{PEOPLE}::test_nobody_raises_their_own_role",),
    )
    yield Break(
        "roles within one's part of the tree",
        "agencies/roles.py",
        "not by.has_role(Role.ADMINISTRATOR, at=agency):",
        "not by.has_role(Role.ADMINISTRATOR):",
        (f"{PEOPLE}::test_only_within_ones_own_part_of_the_tree",),
    )
    yield Break(
        "asked again before far-reaching acts",
        "agencies/signing_in/fresh.py",
        'if request.method == "POST" and not signed_in_just_now(request):',
        "if False:",
        (f"{PEOPLE}::test_it_is_asked_who_it_is",),
    )
    refuses = (f"{SEALS}::test_every_table_of_the_trail_refuses_update_and_delete",)
    yield Break(
        "the database refuses",
        "audit/triggers.py",
        "SELECT RAISE(ABORT, 'rows of {table} are append-only')",
        "SELECT 1",
        refuses,
        in_database=True,
    )
    bent = (f"{SEALS}::test_what_is_bent_is_found",)
    verifying = "audit/verifying.py"
    yield Break(
        "sealed rows are compared",
        verifying,
        "            if there.get(key) != digest\n",
        "            if False\n",
        bent,
    )
    yield Break(
        "seals follow each other",
        verifying,
        "            elif seal.previous != previous:\n",
        "            elif False:\n",
        bent,
    )
    yield Break(
        "seals have their hash",
        verifying,
        "            if seal.computed_hash() != seal.hash:\n",
        "            if False:\n",
        bent,
    )
    yield Break(
        "rows put in are found",
        verifying,
        "        for key in self._not(sealed, table, [*before,",
        "        for key in () and self._not(sealed, table, [*before,",
        bent,
    )


def chance() -> Iterator[Break]:
    yield Break(
        "a backup is what was backed up",
        "govtrack/backups.py",
        "if found.get(name) != manifest",
        "if False and manifest",
        (RESTORING,),
    )
    yield Break(
        "a backup stays in its place",
        "govtrack/backups.py",
        "            if not place.resolve().is_relative_to(scratch.resolve()):\n",
        "            if False:\n",
        (RESTORING,),
    )
    yield Break(
        "a damaged database is not backed up",
        "govtrack/backups.py",
        'found = [row[0] for row in checked.execute("PRAGMA integrity_check(5)")',
        'return []\n            found = [row[0] for row in ("ok",)',
        (f"{BACKUPS}::test_a_damaged_database_is_not_backed_up",),
    )
    yield Break(
        "a bent trail is told at a restore",
        "govtrack/management/commands/restore.py",
        "        self._verify_trail()\n",
        "",
        (f"{BACKUPS}::test_a_bent_trail_is_told_when_it_is_put_back",),
    )
    yield Break(
        "an outage is told as one",
        "govtrack/views.py",
        "    if outage is None:\n",
        "    if True:\n",
        ("tests/govtrack/test_outages.py",),
    )
    yield Break(
        "a full disk is no ready one",
        "govtrack/health.py",
        "        if free < settings.READY_FREE_MB:\n",
        "        if False:\n",
        ("tests/govtrack/test_health.py",),
    )


def main(wanted: list[str]) -> int:
    return judge_all([one for one in guards() if not wanted or any(part in one.name for part in wanted)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
