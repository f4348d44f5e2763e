"""Every address against every role: those of objects that belong to an agency (`objects`), and all others, here.

`TABLE` has both, the objects as they stand at Jeju itself. An address that is in neither is noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.access.objects import NOT_OF_AN_AGENCY, OBJECTS
from tests.access.rules import ANONYMOUS, ORDER, Rule

Row = tuple[str, tuple[str, ...]]

# What each role gets, in the order of ORDER.
#                   anon   none adm  sib  abv  appr off  com  c-j  sys
EVERYBODY = "        200    200  200  200  200  200  200  200  200  200"
SIGNED_IN = "        login  200  200  200  200  200  200  200  200  200"
DONE = "             302    302  302  302  302  302  302  302  302  302"
SENT = "             login  302  302  302  302  302  302  302  302  302"
NEVER = "            login  405  405  405  405  405  405  405  405  405"
NOWHERE = "          login  404  404  404  404  404  404  404  404  404"
UNPUBLISHED = "      login  404  404  404  404  404  404  404  404  200"
RECORDERS = "        login  403  200  200  200  403  403  403  403  200"
WRITES_POLICIES = "  login  403  403  403  403  403  200  403  403  200"
READS_DRAFT = "      login  404  404  404  404  404  200  404  404  200"
NOT_EVEN_OFFICERS = "login  403  403  403  403  403  403  403  403  403"
SYSTEM = "           login  403  403  403  403  403  403  403  403  200"
FOLLOWS_UP = "       login  403  200  200  200  200  200  403  403  200"
FREEZES = "          login  403  403  403  403  403  403  200  200  200"
NO_PASSWORD = "      login  403  403  403  403  403  403  403  403  403"  # nor a code: nothing could be asked
CHANGES_RATES = "    login  403  403  403  403  403  200  403  403  200"
IMPORTS = "          login  403  200  200  200  403  200  403  403  200"
ASKS = "             login  403  403  403  403  403  200  200  200  200"

NOT_FOUND = EVERYBODY.replace("200", "404")
NOT_ALLOWED = EVERYBODY.replace("200", "405")

# (name of the URL, its arguments): GET, POST. A word in brackets stands for an object, see `tests.access.world`.
PLAIN: dict[Row, tuple[str, str]] = {
    ("home", ()): (SIGNED_IN, NEVER),
    ("account_login", ()): (
        "200 302 302 302 302 302 302 302 302 302",  # who is signed in already has no use for it
        "200 302 302 302 302 302 302 302 302 302",
    ),
    ("account_logout", ()): (
        SIGNED_IN,
        "login login login login login login login login login login",
    ),
    ("password_change", ()): (SIGNED_IN, SIGNED_IN),
    ("password_change_done", ()): (SIGNED_IN, NEVER),
    ("password-forgotten", ()): (EVERYBODY, EVERYBODY),
    ("password-forgotten-sent", ()): (EVERYBODY, NOT_ALLOWED),
    ("password-new", ("x", "y")): (EVERYBODY, EVERYBODY),  # a link that does not hold
    ("account-email", ()): (SIGNED_IN, SENT),
    # Single sign-on is off; tests/agencies/test_single_sign_on.py has it on.
    ("sso", ()): (NOWHERE, NEVER),
    ("sso-start", ()): (NOT_ALLOWED, NOT_FOUND),
    ("sso-callback", ()): (NOT_FOUND, NOT_ALLOWED),
    ("sso-prove", ()): (NOWHERE, NOWHERE),
    ("sso-link", ()): (NEVER, NOWHERE),
    ("sso-unlink", ("1",)): (NOWHERE, NOWHERE),
    ("sso-signed-out", ()): (NOT_FOUND, NOT_ALLOWED),
    ("set_language", ()): (DONE, DONE),
    ("alive", ()): (EVERYBODY, NOT_ALLOWED),
    ("ready", ()): (EVERYBODY, NOT_ALLOWED),
    # Browsers send reports, not people: an empty one is of no known type.
    ("csp-reports", ()): (NOT_ALLOWED, EVERYBODY.replace("200", "415")),
    ("account_inactive", ()): (EVERYBODY, NOT_ALLOWED),
    ("account_reauthenticate", ()): (NO_PASSWORD, NO_PASSWORD),
    ("mfa_index", ()): (SIGNED_IN, NEVER),
    ("mfa_authenticate", ()): (SENT, SENT),
    ("mfa_reauthenticate", ()): (NO_PASSWORD, NO_PASSWORD),
    ("mfa_activate_totp", ()): (SIGNED_IN, SIGNED_IN),
    ("mfa_deactivate_totp", ()): (NOWHERE, NOWHERE),
    ("mfa_view_recovery_codes", ()): (NOWHERE, NEVER),
    ("mfa_generate_recovery_codes", ()): (SIGNED_IN, SIGNED_IN),
    ("mfa_download_recovery_codes", ()): (NOWHERE, NOWHERE),
    ("usersessions_list", ()): (SIGNED_IN, SENT),
    ("agencies:people", ()): (RECORDERS, NEVER),
    ("agencies:invite", ()): (RECORDERS, RECORDERS),
    ("agencies:accept", ("[token]",)): (EVERYBODY, EVERYBODY),
    ("agencies:accept", ("no-such-token",)): (NOT_FOUND, NOT_FOUND),
    ("audit:events", ()): (SYSTEM, NEVER),
    ("audit:changes", ()): (SYSTEM, NEVER),
    ("agencies:options", ()): (SIGNED_IN, NEVER),
    ("agencies:notices", ()): (SIGNED_IN, NEVER),
    ("agencies:notices-read", ()): (NEVER, SENT),
    ("agencies:notice-preferences", ()): (SIGNED_IN, SIGNED_IN),
    ("agencies:deliveries", ()): (SIGNED_IN, NEVER),
    ("agencies:departments", ()): (RECORDERS, NEVER),
    ("agencies:new-department", ()): (RECORDERS, RECORDERS),
    ("agencies:save-view", ()): (NEVER, SENT),
    ("agencies:forget-view", ("0",)): (NEVER, NOWHERE),
    ("catalog:list", ()): (SIGNED_IN, NEVER),
    ("catalog:options", ()): (SIGNED_IN, NEVER),
    ("catalog:vendor_options", ()): (SIGNED_IN, NEVER),
    ("catalog:detail", ("chatgpt",)): (SIGNED_IN, NEVER),
    ("catalog:detail", ("no-such-tool",)): (NOWHERE, NEVER),
    ("sources:list", ()): (SIGNED_IN, NEVER),
    ("sources:detail", ("a",)): (SIGNED_IN, NEVER),
    ("sources:detail", ("unpublished",)): (UNPUBLISHED, NEVER),
    ("oversight:report", ("ai-subscriptions-2025",)): (SIGNED_IN, NEVER),
    ("oversight:report", ("unpublished",)): (UNPUBLISHED, NEVER),
    ("oversight:report", ("no-such-report",)): (NOWHERE, NEVER),
    ("policies:list", ()): (SIGNED_IN, NEVER),
    ("policies:detail", ("deepseek-block",)): (SIGNED_IN, NEVER),
    ("policies:detail", ("no-such-policy",)): (NOWHERE, NEVER),
    ("policies:compare", ("deepseek-block",)): (SIGNED_IN, NEVER),
    ("policies:new", ()): (WRITES_POLICIES, WRITES_POLICIES),
    ("policies:preview", ()): (NEVER, WRITES_POLICIES),
    # Who may write gets no further than asking: an empty request names no row and no fact.
    ("policies:conditions", ()): (NEVER, WRITES_POLICIES.replace("200", "404")),
    ("policies:values", ()): (WRITES_POLICIES.replace("200", "404"), NEVER),
    ("policies:statements", ()): (WRITES_POLICIES, NEVER),
    ("policies:edit", ("deepseek-block", "1")): (NOT_EVEN_OFFICERS, NOT_EVEN_OFFICERS),
    ("policies:edit", ("deepseek-block", "9")): (NOWHERE, NOWHERE),
    ("policies:act", ("deepseek-block", "1", "retire")): (WRITES_POLICIES, WRITES_POLICIES),
    ("policies:act", ("deepseek-block", "1", "revise")): (WRITES_POLICIES, WRITES_POLICIES),
    ("policies:act", ("deepseek-block", "1", "discard")): (NOT_EVEN_OFFICERS, NOT_EVEN_OFFICERS),
    ("policies:act", ("deepseek-block", "1", "no-such-step")): (NOWHERE, NOWHERE),
    ("subscriptions:what-if", ("deepseek-block", "1")): (WRITES_POLICIES, NEVER),
    ("subscriptions:what-if", ("deepseek-block", "1", "?_export=csv")): (WRITES_POLICIES, NEVER),
    ("subscriptions:what-if", ("[draft rule]", "9")): (NOWHERE, NEVER),
    ("oversight:spending", ()): (SIGNED_IN, NEVER),
    ("oversight:spending", ("?_export=xlsx",)): (SIGNED_IN, NEVER),
    ("oversight:agency", ("KR-00",)): (NOWHERE, NEVER),
    ("oversight:tool-use", ("chatgpt",)): (SIGNED_IN, NEVER),
    ("oversight:tool-use", ("no-such-tool",)): (NOWHERE, NEVER),
    ("oversight:vendor", ("openai",)): (SIGNED_IN, NEVER),
    ("oversight:vendor", ("no-such-vendor",)): (NOWHERE, NEVER),
    ("oversight:country", ("US",)): (SIGNED_IN, NEVER),
    ("oversight:country", ("unknown",)): (SIGNED_IN, NEVER),
    ("oversight:country", ("XX",)): (NOWHERE, NEVER),
    ("oversight:explore", ()): (SIGNED_IN, NEVER),
    ("oversight:explore", ("?measure=subscriptions&_export=csv",)): (SIGNED_IN, NEVER),
    ("oversight:explore-print", ()): (SIGNED_IN, NEVER),
    # Sent empty, the form comes back.
    ("oversight:explore-save", ()): (SIGNED_IN, SIGNED_IN),
    ("oversight:explore-saved", ("0",)): (NOWHERE, NEVER),
    ("oversight:records", ()): (SIGNED_IN, NEVER),
    ("oversight:records", ("?measure=subscriptions&_export=json",)): (SIGNED_IN, NEVER),
    ("oversight:plan", ()): (SIGNED_IN, NEVER),
    ("oversight:plan", ("?_export=csv",)): (SIGNED_IN, NEVER),
    ("oversight:freeze", ()): (FREEZES, FREEZES),
    ("oversight:snapshots", ()): (SIGNED_IN, NEVER),
    ("oversight:exports", ()): (SIGNED_IN, SENT),
    ("oversight:rounds", ()): (SIGNED_IN, NEVER),
    ("oversight:round-new", ()): (ASKS, ASKS),
    ("oversight:round", ("0",)): (NOWHERE, NEVER),
    ("subscriptions:list", ()): (SIGNED_IN, NEVER),
    ("subscriptions:list", ("?_export=csv",)): (SIGNED_IN, NEVER),
    # Sent empty, the form comes back.
    ("subscriptions:findings", ()): (SIGNED_IN, FOLLOWS_UP),
    ("subscriptions:record", ()): (RECORDERS, RECORDERS),
    ("subscriptions:check", ()): (NEVER, RECORDERS),
    ("subscriptions:price-line", ()): (RECORDERS, NEVER),
    ("subscriptions:detail", ("KR-49-1999-0001",)): (NOWHERE, NEVER),
    ("subscriptions:handovers", ()): (RECORDERS, NEVER),
    ("subscriptions:hand-over", ()): (RECORDERS, RECORDERS),
    ("subscriptions:payments", ()): (SIGNED_IN, NEVER),
    ("subscriptions:payments", ("?_export=csv",)): (SIGNED_IN, NEVER),
    ("subscriptions:rates", ()): (SIGNED_IN, NEVER),
    ("subscriptions:budgets", ()): (SIGNED_IN, NEVER),
    ("subscriptions:enter-budget", ()): (RECORDERS, RECORDERS),
    ("subscriptions:decisions", ()): (SIGNED_IN, NEVER),
    ("subscriptions:decisions", ("?_export=csv",)): (SIGNED_IN, NEVER),
    ("subscriptions:waivers", ()): (SIGNED_IN, NEVER),
    # Sent empty, the form comes back.
    ("subscriptions:imports", ()): (IMPORTS, IMPORTS),
    ("subscriptions:import-example", ("subscriptions", "csv")): (RECORDERS, NEVER),
    ("subscriptions:import-example", ("payments", "xlsx")): (RECORDERS, NEVER),
    ("subscriptions:import-example", ("agencies", "csv")): (SYSTEM, NEVER),
    ("subscriptions:import-records", ("subscriptions", "csv")): (RECORDERS, NEVER),
    ("subscriptions:import-records", ("payments", "xlsx")): (RECORDERS, NEVER),
    ("subscriptions:import-records", ("agencies", "csv")): (SYSTEM, NEVER),
    ("subscriptions:import-example", ("rates", "csv")): (CHANGES_RATES, NEVER),
    ("subscriptions:import-records", ("rates", "csv")): (CHANGES_RATES, NEVER),
    ("subscriptions:renewals", ()): (SIGNED_IN, NEVER),
    ("subscriptions:renewals", ("?_export=csv",)): (SIGNED_IN, NEVER),
    ("subscriptions:renewal-calendar", ()): (SIGNED_IN, NEVER),
}

# What is otherwise in a register of two countries: nobody's role there holds for all of it.
OF_TWO_COUNTRIES = {
    ("subscriptions:imports", ()): (RECORDERS, RECORDERS),
    ("subscriptions:import-example", ("rates", "csv")): (SYSTEM, NEVER),
    ("subscriptions:import-records", ("rates", "csv")): (SYSTEM, NEVER),
}


def at_jeju(rule: Rule) -> str:
    """A rule as a row of the table."""
    return " ".join("login" if title == ANONYMOUS else rule(title, "own") for title in ORDER)


TABLE: dict[Row, tuple[str, str]] = {
    **PLAIN,
    **{row: (at_jeju(gets), at_jeju(posts)) for row, (gets, posts) in OBJECTS.items()},
}
# Pages and acts, without the files that a query asks of a page.
ADDRESSES = {row: answers for row, answers in TABLE.items() if not any(a.startswith("?") for a in row[1])}

# Addresses of the Django admin: who is not staff is sent to its own sign-in page, whatever he asks for.
ADMIN = "admin"


def address_of(row: Row, world: Mapping[str, str]) -> str:
    """The address of a row, its words in brackets replaced; a last argument may be a query."""
    name, arguments = row
    query = arguments[-1] if arguments and arguments[-1].startswith("?") else ""
    wanted = arguments[:-1] if query else arguments
    return reverse(name, args=[world.get(argument, argument) for argument in wanted]) + query


def named(patterns: Iterable[URLPattern | URLResolver], namespace: str = "") -> Iterator[tuple[str, bool]]:
    """The name of every URL below these patterns, with its namespace; and whether something stands in it.

    The Django admin's are one: "admin".
    """
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            below = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            if pattern.app_name == ADMIN:
                yield ADMIN, False
            else:
                yield from named(pattern.url_patterns, below)
        else:
            yield f"{namespace}{pattern.name or pattern.pattern}", bool(pattern.pattern.converters)


def names_of(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[str]:
    return (name for name, _has_object in named(patterns))


def differences() -> tuple[set[str], set[str]]:
    """URLs that the table does not list, and rows of the table whose URL is gone."""
    ours = set(names_of(get_resolver().url_patterns))
    listed = {name for name, _arguments in TABLE} | {ADMIN}
    return ours - listed, listed - ours


def without_position() -> tuple[set[str], set[str]]:
    """URLs in which something stands that is neither tried in each position nor said to be of no agency; and the reverse."""
    with_object = {name for name, has_object in named(get_resolver().url_patterns) if has_object}
    placed = {name for name, _arguments in OBJECTS} | set(NOT_OF_AN_AGENCY)
    return with_object - placed, placed - with_object
