"""Switch off each guard of the register in turn; its test must fail: `python -m tests.guards [part of a name ...]`.

As `tests.mutate` does with the policy engine; what is PostgreSQL's own on a throwaway server. docs/security.md says what each
guard is there for; guards whose tests hold a control of their own (the fuzz, redirects, forms, logs, archives, acts at once,
faults) are not repeated here.
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
ACCOUNTS, FILED = "tests/agencies/test_accounts.py", "tests/subscriptions/test_life.py"
ADMIN = "tests/admin/test_admin_scope.py"
TRIGGERS = "audit/triggers.py"
RESTORING = f"{BACKUPS}::test_what_is_no_whole_backup_touches_nothing"


def guards() -> Iterator[Break]:
    yield from strangers()
    yield from accounts()
    yield from other_sites()
    yield from colleagues()
    yield from files()
    yield from insiders()
    yield from the_trail()
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
    no_password = ("tests/agencies/test_passwords.py",)
    for rule in ("UserAttributeSimilarity", "CommonPassword", "NumericPassword"):
        line = f'    {{"NAME": "django.contrib.auth.password_validation.{rule}Validator"}},\n'
        yield Break(f"no password: {rule}", SETTINGS, line, "", no_password)
    yield Break(
        "a password has ten characters", SETTINGS, '{"min_length": 10}', '{"min_length": 8}', no_password
    )
    yield Break(
        "a password is not the invited person's name",
        "agencies/people_views.py",
        ", instance=User(last_name=invitation.full_name)",
        "",
        no_password,
    )
    every_address = ("tests/access/test_table.py::test_access[committee]",)
    yield Break(
        "images of this site alone",
        SETTINGS,
        '"img-src": [SELF],',
        '"img-src": [SELF, "data:"],',
        every_address,
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
    safety = "govtrack/settings/safety.py"
    unprotected = (f"{DEPLOYED}::test_what_looks_set_but_does_not_protect",)
    for name, text in (
        ("nobody fetches the database", "elif _is_served(Path(name)):"),
        ("nothing is kept in memory alone", 'if ":memory:" in name or name.startswith("file:"):'),
        ("the database is asked over TLS", 'if sslmode in ("disable", "allow") and not _is_local(host):'),
        ("addresses are claimed by proxies alone", "elif not behind and environment.get("),
        ("a published key is no old key", "if any(fallback.strip().startswith(PUBLISHED)"),
        ("one TLS of two for e-mail", "if tls and ssl:"),
        ("no password for e-mail in clear", 'environment.get("EMAIL_HOST_PASSWORD")'),
        ("hosts are one's own", 'elif any(host.startswith(".") and'),
        ("a password is no second factor", 'if "pwd" in'),
    ):
        word, _space, rest = text.partition(" ")
        off = f"{word} False and {rest}" if word in ("if", "elif") else f"False and {text}"
        yield Break(name, safety, text, off, unprotected)
    yield Break(
        "sessions last so long", safety, "<= int(text[:20]) <= most", "<= int(text[:20])", unprotected
    )
    yield Break(
        "the probe tells one word",
        "govtrack/health.py",
        '"not ready\\n" if found',
        '"\\n".join(found) if found',
        ("tests/govtrack/test_health.py",),
    )
    probe, asked = "govtrack/health.py", ("tests/govtrack/test_health.py",)
    yield Break(
        "the probe writes where people will",
        probe,
        "if reason := _unwritable(folder):",
        "if reason := '':",
        asked,
    )
    yield Break(
        "the probe misses lost attachments", probe, "lost = not missing and", "lost = False and", asked
    )
    yield Break(
        "the probe sees migrations go", probe, "_migrated.get(where) == listed", "where in _migrated", asked
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


def accounts() -> Iterator[Break]:
    yield Break(
        "a second factor is asked for",
        "agencies/signing_in/second_factor.py",
        "        return not shown_elsewhere(request, self.login.user) and super()._should_handle(request)\n",
        "        return False\n",
        (f"{SIGNING_IN}::test_the_second_factor_is_asked_for",),
    )
    yield Break(
        "an address is what a trusted proxy has seen",
        "audit/origin.py",
        "seen = told[-hops]",
        "seen = told[0]",
        ("tests/audit/test_events.py::test_the_address_is_taken_from_trusted_proxies_only",),
    )
    signed_out = (f"{PEOPLE}::test_a_change_of_roles_signs_out",)
    given = "    membership = Membership.objects.create(user=person, role=role, agency=agency)\n"
    yield Break(
        "a role that is given signs out",
        "agencies/roles.py",
        f"{given}    end_sessions(person.pk)\n",
        given,
        signed_out,
    )
    yield Break(
        "a role that is taken signs out",
        "agencies/roles.py",
        "    membership.delete()\n    end_sessions(person)\n",
        "    membership.delete()\n",
        signed_out,
    )
    invitations = "agencies/invitations.py"
    still_open = "accepted_by=None, withdrawn_at=None, valid_until__gt=at"
    for name, kept, test in (
        ("once", "withdrawn_at=None, valid_until__gt=at", "test_from_invitation_to_account"),
        ("not when withdrawn", "accepted_by=None, valid_until__gt=at", "test_an_invitation_ends"),
        ("not too late", "accepted_by=None, withdrawn_at=None", "test_an_invitation_ends"),
    ):
        yield Break(f"an invitation holds {name}", invitations, still_open, kept, (f"{PEOPLE}::{test}",))
    yield Break(
        "an invitation holds for seven days",
        invitations,
        "VALID_DAYS = 7\n",
        "VALID_DAYS = 70\n",
        (f"{PEOPLE}::test_an_invitation_ends",),
    )
    yield Break(
        "who invites is still entitled to",
        invitations,
        "    return by.has_role(Role.ADMINISTRATOR, at=invitation.agency)\n",
        "    return True\n",
        (f"{PEOPLE}::test_who_no_longer_administers_has_invited_nobody",),
    )
    yield Break(
        "a link for a new password works once",
        "agencies/signing_in/passwords.py",
        "from django.contrib.auth.tokens import default_token_generator\n",
        "from django.contrib.auth.tokens import default_token_generator\n"
        "type(default_token_generator)._make_hash_value = lambda self, user, at: f'{user.pk}{at}'\n",
        (f"{ACCOUNTS}::test_a_forgotten_password",),
    )
    yield Break(
        "a link for a new password works for an hour",
        SETTINGS,
        "PASSWORD_RESET_TIMEOUT = 60 * 60\n",
        "PASSWORD_RESET_TIMEOUT = 60 * 600\n",
        (f"{ACCOUNTS}::test_a_forgotten_password",),
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
    for name, setting, weaker in (
        ("addresses are told to this site alone", 'SECURE_REFERRER_POLICY = "same-origin"', "unsafe-url"),
        (
            "no other window is held",
            'SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"',
            "unsafe-none",
        ),
    ):
        yield Break(name, SETTINGS, setting, setting.replace("same-origin", weaker), (HEADERS,))
    yield Break(
        "types are not guessed",
        SETTINGS,
        "SECURE_CONTENT_TYPE_NOSNIFF = True",
        "SECURE_CONTENT_TYPE_NOSNIFF = False",
        (HEADERS,),
    )
    yield Break(
        "pages ask nothing of the machine",
        MIDDLEWARE,
        '        response.headers["Permissions-Policy"] = PERMISSIONS\n',
        "",
        (HEADERS,),
    )
    for name, setting, weaker in (
        ("for a year", "default=365 * 24 * 60 * 60", "default=60"),
        ("below it too", "SECURE_HSTS_INCLUDE_SUBDOMAINS = True", "SECURE_HSTS_INCLUDE_SUBDOMAINS = False"),
    ):
        yield Break(f"browsers remember TLS {name}", PRODUCTION, setting, weaker, (DEPLOYED,))
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


def files() -> Iterator[Break]:
    storing = "subscriptions/attachments/storing.py"
    story = (f"{FILED}::test_files_from_adding_to_removal",)
    yield Break(
        "a file is told by its content",
        storing,
        "    kind = kind_of(file.file)\n",
        "    kind = Kind.PDF\n",
        story,
    )
    sweeping, swept = (
        "subscriptions/attachments/sweeping.py",
        (f"{FILED}::test_what_a_killed_process_left_of_files_is_swept",),
    )
    yield Break("a removed file goes", sweeping, "elif rows[path.name] is not None:", "elif False:", swept)
    yield Break(
        "the files of another register stay", sweeping, "if len(strays) > FEW and", "if False and", swept
    )
    yield Break(
        "a file has a size",
        storing,
        "file.size > settings.ATTACHMENT_MAX_BYTES",
        "file.size < 0",
        story,
    )
    yield Break(
        "a file has no macros",
        "subscriptions/attachments/kinds.py",
        "            if any(name.lower().endswith(",
        "            if False and any(name.lower().endswith(",
        (f"{FILED}::test_a_file_is_told_by_its_content",),
    )
    yield Break(
        "a cell has a length",
        "subscriptions/importing/reading.py",
        "if any(len(cell) > LONGEST_CELL for cell in cells):",
        "if False:",
        (
            "tests/subscriptions/importing/test_reading.py::test_a_long_cell_is_refused_before_anything_looks_at_it",
        ),
    )
    long = ("tests/subscriptions/importing/test_cells.py::test_what_is_long_is_soon_known_to_be_nothing",)
    yield Break(
        "an amount has a length",
        "subscriptions/importing/values.py",
        "if len(plain) > LONGEST_NUMBER:",
        "if False:",
        long,
    )
    yield Break(
        "a count is gone over once",
        "subscriptions/importing/values.py",
        'r"(명|개|석',
        'r"\\s*(명|개|석',
        long,
    )
    yield Break(
        "brackets are gone over once",
        "subscriptions/importing/columns.py",
        "(?:[)\\]]|\\Z)",
        "[)\\]]",
        ("tests/govtrack/test_patterns.py::test_every_pattern_goes_over_a_long_text_once",),
    )
    yield Break(
        "files that are sent are counted",
        LIMITS,
        'READ_FILES = {"subscriptions:imports"}',
        "READ_FILES: set[str] = set()",
        (f"{TOO_MUCH}::test_files_that_are_sent_to_be_read_count_too",),
    )
    yield Break(
        "a file opens in no page",
        "subscriptions/life_views.py",
        "content, as_attachment=True, filename",
        "content, as_attachment=False, filename",
        story,
    )
    yield Break(
        "everything is asked for first",
        "govtrack/whole_exports.py",
        "if request.user.is_authenticated and asks_for_everything(request)",
        "if False and asks_for_everything(request)",
        ("tests/govtrack/test_whole_exports.py::test_everything_is_asked_for_first_and_then_given",),
    )
    yield Break(
        "no other method is answered",
        "govtrack/methods.py",
        "return None if request.method in ANSWERED else",
        "return None if request.method else",
        ("tests/access/test_doors.py::test_no_other_method_is_answered",),
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
    duties, apart = "agencies/duties.py", (f"{PEOPLE}::test_who_records_does_not_rule",)
    yield Break("who records does not rule", duties, "if lower.startswith(upper):", "if False:", apart)
    yield Break(
        "system administrators appoint officers",
        duties,
        "    if appointed_by_system_administrators(role) and not by.is_superuser:\n",
        "    if False:\n",
        apart,
    )
    yield Break(
        "nobody is offered to appoint their judge",
        duties,
        "        if by.is_superuser or not appointed_by_system_administrators(role)\n",
        "        if True\n",
        (f"{ADMIN}::test_officers_are_appointed_by_system_administrators_here_too",),
    )
    yield Break(
        "the administration shows what is in sight",
        "agencies/admin_scope.py",
        "return self.in_sight(super().get_queryset(request), request.user)",
        "return super().get_queryset(request)",
        (f"{ADMIN}::test_only_own_rows_in_lists_and_on_pages",),
    )
    yield Break(
        "the administration offers what is in sight",
        "agencies/admin_scope.py",
        "return other.get_queryset(request) if isinstance(other, InSight) else None",
        "return None",
        (f"{ADMIN}::test_another_agency_cannot_be_posted",),
    )
    yield Break(
        "two people in the administration",
        "subscriptions/recording.py",
        "        if act in _ASKING:\n            askers.add(person)\n",
        "",
        ("tests/admin/test_admin_check.py::test_nobody_decides_here_on_their_own_request",),
    )


def the_trail() -> Iterator[Break]:
    refuses = (f"{SEALS}::test_every_table_of_the_trail_refuses_update_and_delete",)
    yield Break(
        "the database refuses",
        TRIGGERS,
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

    yield Break(
        "the triggers are looked at",
        verifying,
        "        for name, event in unguarded():\n",
        "        for name, event in ():\n",
        bent,
    )
    does_nothing = (f"{SEALS}::test_what_is_bent_is_found[trigger_that_does_nothing]",)
    yield Break(
        "what a trigger does is looked at",
        TRIGGERS,
        "            if _plain(sql)\n            ==",
        "            if name.endswith(event) or _plain(sql)\n            ==",
        does_nothing,
    )
    signed_off = (f"{SEALS}::test_the_chain_made_anew_does_not_match_the_head_that_was_signed_off",)
    yield Break(
        "a head has its hash",
        verifying,
        "            if self.heads.get(seal.number, seal.hash) != seal.hash:\n",
        "            if False:\n",
        signed_off,
    )
    yield Break(
        "a chain reaches its head",
        verifying,
        "            if number > last:\n",
        "            if False:\n",
        signed_off,
    )
    yield Break(
        "what comes too late is found",
        verifying,
        "(known.open if seal.sealed_at > self.now - late() else known.passed_over)",
        "known.open",
        (f"{SEALS}::test_a_row_that_comes_late_is_sealed_and_one_that_comes_too_late_is_found",),
    )
    yield Break(
        "PostgreSQL's triggers fire",
        TRIGGERS,
        "FOR EACH ROW EXECUTE",
        "FOR EACH ROW WHEN (false) EXECUTE",
        refuses,
        on_postgres=True,
    )
    yield Break(
        "PostgreSQL's triggers refuse",
        TRIGGERS,
        '"BEGIN RAISE EXCEPTION',
        '"BEGIN RETURN COALESCE(NEW, OLD); RAISE EXCEPTION',
        refuses,
        on_postgres=True,
    )
    yield Break(
        "what PostgreSQL's triggers do is looked at",
        TRIGGERS,
        "kind & bits[event] and _plain(source) == _REFUSES",
        "kind & bits[event]",
        does_nothing,
        on_postgres=True,
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
        'strange = any(part in ("", ".", "..")',
        'strange = any(part in ("",)',
        (f"{BACKUPS}::test_nothing_is_put_outside_of_the_folders",),
    )
    yield Break(
        "a backup follows no link out of its place",
        "govtrack/backups.py",
        "    if not place.resolve().is_relative_to(folders[setting].resolve()):\n",
        "    if False:\n",
        (f"{BACKUPS}::test_nothing_is_put_outside_of_the_folders",),
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
