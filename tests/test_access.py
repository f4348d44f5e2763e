"""Who reaches which address: every URL against every role, and what must not show through between agencies."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import unescape
from io import BytesIO
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import models, transaction
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, include, path, reverse
from django.utils import timezone
from openpyxl import load_workbook

from agencies.invitations import invite
from agencies.models import Agency, Delivery, DepartmentContact, Membership, Notice, SavedView, User
from catalog.models import Product
from catalog.proposing import propose
from oversight.explorer.question import Filters, Question
from oversight.exports.jobs import start
from oversight.round_models import Round
from oversight.rounds import asking
from oversight.snapshots.freezing import freeze
from policies.models import Policy, PolicyVersion, Waiver
from sources.models import Report, Source
from subscriptions import commenting, paying, recording
from subscriptions.attachments.storing import attach
from subscriptions.importing import jobs
from subscriptions.importing.running import run
from subscriptions.models import Budget, Finding, Payment, PriceLine, Subscription
from subscriptions.renewals import deciding
from subscriptions.upload_models import Upload
from tests.roles import ROLES

ANONYMOUS = "anonymous"
JEJU, SEOUL = "KR-49", "KR-11"

# What each role gets, in this order. "login" is a redirect to the sign-in page, any other redirect is 302.
ORDER = [ANONYMOUS, *ROLES]
#                   anon   none adm  sib  abv  appr off  com  c-j  sys
EVERYBODY = "        200    200  200  200  200  200  200  200  200  200"
SIGNED_IN = "        login  200  200  200  200  200  200  200  200  200"
DONE = "             302    302  302  302  302  302  302  302  302  302"
NEVER = "            login  405  405  405  405  405  405  405  405  405"
NOWHERE = "          login  404  404  404  404  404  404  404  404  404"
RECORDERS = "        login  403  200  200  200  403  403  403  403  200"
WRITES_POLICIES = "  login  403  403  403  403  403  200  403  403  200"
READS_DRAFT = "      login  404  404  404  404  404  200  404  404  200"
NOT_EVEN_OFFICERS = "login  403  403  403  403  403  403  403  403  403"
SEES_JEJU = "        login  404  200  404  200  200  200  200  200  200"
SEES_SEOUL = "       login  404  404  200  200  404  200  200  404  200"
SEES_NATION = "      login  404  404  404  200  404  200  200  404  200"
EDITS_JEJU = "       login  404  200  404  200  403  403  403  403  200"
EDITS_SEOUL = "      login  404  404  200  200  404  403  403  404  200"
APPROVES_JEJU = "    login  404  403  404  403  200  403  403  403  200"
SETTLES_JEJU = "     login  404  403  404  403  403  200  403  403  200"
REFUSES_JEJU = "     login  404  403  404  403  200  200  403  403  200"
VOID_SEOUL = "       login  404  404  403  403  404  403  403  404  403"
VOID = "             login  404  403  404  403  403  403  403  403  403"
FOLLOWS_UP = "       login  403  302  302  302  302  302  403  403  302"
FINDS_SHARED = "     login 404  404  404  404  404  404  302  302  302"  # with the committee of Jeju
STARTS_JEJU = "      login  404  200  404  200  200  403  403  403  200"
NOTES_JEJU = "       login  404  200  404  200  200  200  403  403  200"
NOTES_SEOUL = "      login  404  404  200  200  404  200  403  404  200"
SAID_IT = "          login  404  200  404  403  403  403  403  403  403"
FREEZES = "          login  403  403  403  403  403  403  200  200  200"
NO_PASSWORD = "      login  403  403  403  403  403  403  403  403  403"  # nor a code: nothing could be asked
ADMINISTERS = "      login  403  200  200  200  403  403  403  403  200"
ADMINISTERS_JEJU = " login  403  200  404  200  403  403  403  403  200"
SEES_ALL = "         login  404  404  404  200  404  200  200  404  200"
AUDITS = "           login  403  403  403  403  403  403  403  403  200"
CHANGES_RATES = "    login  403  403  403  403  403  200  403  403  200"
ASKS = "             login  403  403  403  403  403  200  200  200  200"
SEES_ROUND = "       login  404  200  200  200  200  200  200  200  200"
SEES_DRAFT_ROUND = " login  404  404  404  404  404  200  200  404  200"
RUNS_ROUND = "       login  404  403  403  403  403  200  200  403  200"
NOT_ANY_MORE = "     login  404  403  403  403  403  403  403  403  403"
IMPORTS_ITS_OWN = "  login  403  200  404  404  403  403  403  403  404"
OWNS = "             login  404  200  404  404  404  404  404  404  404"
SENT_TO_JEJU = "     login  404  200  404  200  404  404  404  404  200"


def done(page: str) -> str:
    """What POST answers where GET shows a form that may be left empty: the act is done."""
    return page.replace("200", "302")


# (name of the URL, its arguments): GET, POST. A word in brackets stands for the reference of a subscription, see `world`.
TABLE: dict[tuple[str, tuple[str, ...]], tuple[str, str]] = {
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
    ("password-forgotten-sent", ()): (EVERYBODY, EVERYBODY.replace("200", "405")),
    ("password-new", ("x", "y")): (EVERYBODY, EVERYBODY),  # a link that does not hold
    ("account-email", ()): (SIGNED_IN, DONE.replace("302", "login", 1)),
    # Single sign-on is off; tests/agencies/test_single_sign_on.py has it on.
    ("sso", ()): (NOWHERE, NEVER),
    ("sso-start", ()): (EVERYBODY.replace("200", "405"), EVERYBODY.replace("200", "404")),
    ("sso-callback", ()): (EVERYBODY.replace("200", "404"), EVERYBODY.replace("200", "405")),
    ("sso-prove", ()): (NOWHERE, NOWHERE),
    ("sso-link", ()): (NEVER, NOWHERE),
    ("sso-unlink", ("1",)): (NOWHERE, NOWHERE),
    ("sso-signed-out", ()): (EVERYBODY.replace("200", "404"), EVERYBODY.replace("200", "405")),
    ("set_language", ()): (DONE, DONE),
    ("alive", ()): (EVERYBODY, EVERYBODY.replace("200", "405")),
    ("ready", ()): (EVERYBODY, EVERYBODY.replace("200", "405")),
    # Browsers send reports, not people: an empty one is of no known type.
    ("csp-reports", ()): (EVERYBODY.replace("200", "405"), EVERYBODY.replace("200", "415")),
    ("account_inactive", ()): (EVERYBODY, EVERYBODY.replace("200", "405")),
    ("account_reauthenticate", ()): (NO_PASSWORD, NO_PASSWORD),
    ("mfa_index", ()): (SIGNED_IN, NEVER),
    ("mfa_authenticate", ()): (SIGNED_IN.replace("200", "302"), SIGNED_IN.replace("200", "302")),
    ("mfa_reauthenticate", ()): (NO_PASSWORD, NO_PASSWORD),
    ("mfa_activate_totp", ()): (SIGNED_IN, SIGNED_IN),
    ("mfa_deactivate_totp", ()): (NOWHERE, NOWHERE),
    ("mfa_view_recovery_codes", ()): (NOWHERE, NEVER),
    ("mfa_generate_recovery_codes", ()): (SIGNED_IN, SIGNED_IN),
    ("mfa_download_recovery_codes", ()): (NOWHERE, NOWHERE),
    ("usersessions_list", ()): (SIGNED_IN, DONE.replace("302", "login", 1)),
    ("agencies:people", ()): (ADMINISTERS, NEVER),
    ("agencies:invite", ()): (ADMINISTERS, ADMINISTERS),
    ("agencies:withdraw", ("[invitation]",)): (ADMINISTERS_JEJU, done(ADMINISTERS_JEJU)),
    ("agencies:person", ("[approver]",)): (ADMINISTERS_JEJU, NEVER),
    ("agencies:give-role", ("[approver]",)): (ADMINISTERS_JEJU, ADMINISTERS_JEJU),
    ("agencies:take-role", ("[approver]", "[approver's role]")): (ADMINISTERS_JEJU, done(ADMINISTERS_JEJU)),
    ("agencies:close-account", ("[approver]",)): (ADMINISTERS_JEJU, done(ADMINISTERS_JEJU)),
    ("agencies:reopen-account", ("[approver]",)): (ADMINISTERS_JEJU, done(ADMINISTERS_JEJU)),
    ("agencies:accept", ("[token]",)): (EVERYBODY, EVERYBODY),
    ("agencies:accept", ("no-such-token",)): (
        EVERYBODY.replace("200", "404"),
        EVERYBODY.replace("200", "404"),
    ),
    ("audit:events", ()): (AUDITS, NEVER),
    ("audit:changes", ()): (AUDITS, NEVER),
    ("agencies:options", ()): (SIGNED_IN, NEVER),
    ("catalog:list", ()): (SIGNED_IN, NEVER),
    ("catalog:options", ()): (SIGNED_IN, NEVER),
    ("catalog:vendor_options", ()): (SIGNED_IN, NEVER),
    ("catalog:detail", ("chatgpt",)): (SIGNED_IN, NEVER),
    ("catalog:detail", ("no-such-tool",)): (NOWHERE, NEVER),
    ("sources:list", ()): (SIGNED_IN, NEVER),
    ("sources:detail", ("a",)): (SIGNED_IN, NEVER),
    ("sources:detail", ("unpublished",)): ("login 404 404 404 404 404 404 404 404 200", NEVER),
    ("oversight:report", ("ai-subscriptions-2025",)): (SIGNED_IN, NEVER),
    ("oversight:report", ("unpublished",)): ("login 404 404 404 404 404 404 404 404 200", NEVER),
    ("oversight:report", ("no-such-report",)): (NOWHERE, NEVER),
    ("policies:list", ()): (SIGNED_IN, NEVER),
    ("policies:detail", ("deepseek-block",)): (SIGNED_IN, NEVER),
    ("policies:detail", ("no-such-policy",)): (NOWHERE, NEVER),
    ("policies:compare", ("deepseek-block",)): (SIGNED_IN, NEVER),
    ("policies:compare", ("draft-rule",)): (READS_DRAFT, NEVER),
    ("policies:new", ()): (WRITES_POLICIES, WRITES_POLICIES),
    ("policies:preview", ()): (NEVER, WRITES_POLICIES),
    # Who may write gets no further than asking: an empty request names no row and no fact.
    ("policies:conditions", ()): (NEVER, WRITES_POLICIES.replace("200", "404")),
    ("policies:values", ()): (WRITES_POLICIES.replace("200", "404"), NEVER),
    ("policies:statements", ()): (WRITES_POLICIES, NEVER),
    ("policies:edit", ("draft-rule", "1")): (READS_DRAFT, READS_DRAFT),
    ("policies:edit", ("deepseek-block", "1")): (NOT_EVEN_OFFICERS, NOT_EVEN_OFFICERS),
    ("policies:edit", ("deepseek-block", "9")): (NOWHERE, NOWHERE),
    ("policies:act", ("draft-rule", "1", "put-into-force")): (READS_DRAFT, READS_DRAFT),
    ("policies:act", ("draft-rule", "1", "discard")): (READS_DRAFT, READS_DRAFT),
    ("policies:act", ("deepseek-block", "1", "retire")): (WRITES_POLICIES, WRITES_POLICIES),
    ("policies:act", ("deepseek-block", "1", "revise")): (WRITES_POLICIES, WRITES_POLICIES),
    ("policies:act", ("deepseek-block", "1", "discard")): (NOT_EVEN_OFFICERS, NOT_EVEN_OFFICERS),
    ("policies:act", ("deepseek-block", "1", "no-such-step")): (NOWHERE, NOWHERE),
    ("oversight:spending", ()): (SIGNED_IN, NEVER),
    # Statements name the 17 governments, so their pages are everybody's; the nation's is for whoever sees all of it.
    ("oversight:agency", ("KR-49",)): (SIGNED_IN, NEVER),
    ("oversight:agency", ("KR-11",)): (SIGNED_IN, NEVER),
    ("oversight:agency", ("KR",)): (SEES_NATION, NEVER),
    ("oversight:agency", ("KR-00",)): (NOWHERE, NEVER),
    ("oversight:tool-use", ("chatgpt",)): (SIGNED_IN, NEVER),
    ("oversight:tool-use", ("no-such-tool",)): (NOWHERE, NEVER),
    ("oversight:vendor", ("openai",)): (SIGNED_IN, NEVER),
    ("oversight:vendor", ("no-such-vendor",)): (NOWHERE, NEVER),
    ("oversight:country", ("US",)): (SIGNED_IN, NEVER),
    ("oversight:country", ("unknown",)): (SIGNED_IN, NEVER),
    ("oversight:country", ("XX",)): (NOWHERE, NEVER),
    ("oversight:explore", ()): (SIGNED_IN, NEVER),
    ("oversight:explore-print", ()): (SIGNED_IN, NEVER),
    # Sent empty, the form comes back.
    ("oversight:explore-save", ()): (SIGNED_IN, SIGNED_IN),
    ("oversight:explore-saved", ("[shared view]",)): (FINDS_SHARED, NEVER),
    ("oversight:explore-saved", ("0",)): (NOWHERE, NEVER),
    ("oversight:records", ()): (SIGNED_IN, NEVER),
    ("oversight:freeze", ()): (FREEZES, FREEZES),
    ("oversight:snapshots", ()): (SIGNED_IN, NEVER),
    ("oversight:snapshot", ("[snapshot of all]",)): (SEES_ALL, NEVER),
    ("oversight:snapshot", ("[snapshot of Jeju]",)): (SEES_JEJU, NEVER),
    ("oversight:snapshot", ("[snapshot of Seoul]",)): (SEES_SEOUL, NEVER),
    ("oversight:snapshot-compare", ("[snapshot of all]",)): (SEES_ALL, NEVER),
    ("oversight:snapshot-compare", ("[snapshot of Jeju]",)): (SEES_JEJU, NEVER),
    ("oversight:snapshot-compare", ("[snapshot of Seoul]",)): (SEES_SEOUL, NEVER),
    ("oversight:exports", ()): (SIGNED_IN, DONE.replace("302", "login", 1)),
    # An export is its owner's alone, here the administrator's; it waits, so there is no file yet.
    ("oversight:export", ("[export]",)): (OWNS, NEVER),
    ("oversight:export-again", ("[export]",)): (NEVER, done(OWNS)),
    ("oversight:export-file", ("[export]",)): (NOWHERE, NEVER),
    ("oversight:rounds", ()): (SIGNED_IN, NEVER),
    ("oversight:round-new", ()): (ASKS, ASKS),
    ("oversight:round", ("[round]",)): (SEES_ROUND, NEVER),
    ("oversight:round", ("[round of Seoul]",)): (SEES_SEOUL, NEVER),
    ("oversight:round", ("[draft round]",)): (SEES_DRAFT_ROUND, NEVER),
    ("oversight:round", ("0",)): (NOWHERE, NEVER),
    ("oversight:round-edit", ("[draft round]",)): (SEES_DRAFT_ROUND, SEES_DRAFT_ROUND),
    ("oversight:round-edit", ("[round]",)): (NOT_ANY_MORE, NOT_ANY_MORE),
    ("oversight:round-act", ("[draft round]", "open")): (SEES_DRAFT_ROUND, done(SEES_DRAFT_ROUND)),
    ("oversight:round-act", ("[round]", "remind")): (RUNS_ROUND, done(RUNS_ROUND)),
    ("oversight:round-act", ("[round]", "due")): (RUNS_ROUND, RUNS_ROUND),
    ("oversight:round-act", ("[round]", "close")): (RUNS_ROUND, done(RUNS_ROUND)),
    ("oversight:round-act", ("[round]", "cancel")): (RUNS_ROUND, RUNS_ROUND),
    # Not closed yet, so that there is nothing to publish; who runs it is told so.
    ("oversight:round-act", ("[round]", "publish")): (NOT_ANY_MORE, done(RUNS_ROUND)),
    ("oversight:round-act", ("[round]", "no-such-act")): (NOWHERE, NOWHERE),
    ("oversight:round-return", ("[round]", "KR-49")): (SEES_JEJU, NEVER),
    ("oversight:round-return", ("[round]", "KR-11")): (SEES_SEOUL, NEVER),
    ("oversight:round-return", ("[draft round]", "KR-49")): (NOWHERE, NEVER),
    # Jeju has subscriptions, and nothing is typed: none of these is filed.
    ("oversight:round-file", ("[round]", "KR-49", "confirm")): (EDITS_JEJU, EDITS_JEJU),
    ("oversight:round-file", ("[round]", "KR-49", "nil")): (EDITS_JEJU, EDITS_JEJU),
    ("oversight:round-file", ("[round]", "KR-11", "cannot-say")): (EDITS_SEOUL, EDITS_SEOUL),
    ("oversight:round-file", ("[round]", "KR-49", "no-such-way")): (NOWHERE, NOWHERE),
    ("subscriptions:list", ()): (SIGNED_IN, NEVER),
    ("subscriptions:findings", ()): (SIGNED_IN, NEVER),
    ("subscriptions:record", ()): (RECORDERS, RECORDERS),
    ("subscriptions:check", ()): (NEVER, RECORDERS),
    ("subscriptions:price-line", ()): (RECORDERS, NEVER),
    ("subscriptions:detail", ("[active]",)): (SEES_JEJU, NEVER),
    ("subscriptions:detail", ("[seoul]",)): (SEES_SEOUL, NEVER),
    ("subscriptions:detail", ("KR-49-1999-0001",)): (NOWHERE, NEVER),
    ("subscriptions:edit", ("[active]",)): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:edit", ("[seoul]",)): (EDITS_SEOUL, EDITS_SEOUL),
    # What is void is not edited, but brought back first.
    ("subscriptions:edit", ("[void]",)): (VOID, VOID),
    ("subscriptions:act", ("[requested]", "approve")): (APPROVES_JEJU, done(APPROVES_JEJU)),
    # These ask for a reason or a day, so an empty form comes back.
    ("subscriptions:act", ("[waiting]", "officer-approve")): (SETTLES_JEJU, SETTLES_JEJU),
    ("subscriptions:act", ("[requested]", "refuse")): (REFUSES_JEJU, REFUSES_JEJU),
    ("subscriptions:act", ("[active]", "end")): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:act", ("[active]", "void")): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:act", ("[seoul]", "void")): (EDITS_SEOUL, EDITS_SEOUL),
    ("subscriptions:act", ("[approved]", "activate")): (STARTS_JEJU, done(STARTS_JEJU)),
    ("subscriptions:act", ("[void]", "reopen")): (EDITS_JEJU, done(EDITS_JEJU)),
    # An act that the record's status does not allow is in sight, but allowed to nobody.
    ("subscriptions:act", ("[active]", "approve")): (VOID, VOID),
    ("subscriptions:act", ("[active]", "no-such-act")): (NOWHERE, NOWHERE),
    ("subscriptions:act", ("[requested]", "withdraw")): (EDITS_JEJU, done(EDITS_JEJU)),
    ("subscriptions:review", ("[requested]",)): (SEES_JEJU, NEVER),
    ("subscriptions:review", ("[seoul]",)): (SEES_SEOUL, NEVER),
    # Sent empty, the form comes back to those who may write.
    ("subscriptions:notes", ("[active]",)): (SEES_JEJU, NOTES_JEJU),
    ("subscriptions:notes", ("[seoul]",)): (SEES_SEOUL, NOTES_SEOUL),
    ("subscriptions:timeline", ("[active]",)): (SEES_JEJU, NEVER),
    ("subscriptions:timeline", ("[seoul]",)): (SEES_SEOUL, NEVER),
    ("subscriptions:contract", ("[requested]",)): (SEES_JEJU, NEVER),
    ("subscriptions:contract", ("[active]",)): (NOWHERE, NEVER),
    ("subscriptions:strike", ("[comment]",)): (SAID_IT, SAID_IT),
    ("subscriptions:attachment", ("[attachment]",)): (SEES_JEJU, NEVER),
    ("subscriptions:remove-attachment", ("[attachment]",)): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:handovers", ()): (RECORDERS, NEVER),
    ("subscriptions:hand-over", ()): (RECORDERS, RECORDERS),
    ("subscriptions:record-payment", ("[active]",)): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:record-payment", ("[seoul]",)): (EDITS_SEOUL, EDITS_SEOUL),
    # Nothing is paid for what is only asked for.
    ("subscriptions:record-payment", ("[requested]",)): (VOID, VOID),
    ("subscriptions:payments", ()): (SIGNED_IN, NEVER),
    ("subscriptions:payment", ("[payment]",)): (SEES_JEJU, NEVER),
    ("subscriptions:payment", ("[payment of Seoul]",)): (SEES_SEOUL, NEVER),
    ("subscriptions:correct-payment", ("[payment]",)): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:correct-payment", ("[payment of Seoul]",)): (EDITS_SEOUL, EDITS_SEOUL),
    ("subscriptions:remove-payment", ("[payment]",)): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:remove-payment", ("[payment of Seoul]",)): (EDITS_SEOUL, EDITS_SEOUL),
    ("subscriptions:rates", ()): (SIGNED_IN, NEVER),
    ("subscriptions:import-rates", ()): (CHANGES_RATES, CHANGES_RATES),
    ("subscriptions:budgets", ()): (SIGNED_IN, NEVER),
    ("subscriptions:enter-budget", ()): (RECORDERS, RECORDERS),
    ("subscriptions:budget", (JEJU, "2026")): (SEES_JEJU, NEVER),
    ("subscriptions:budget", (SEOUL, "2026")): (SEES_SEOUL, NEVER),
    ("subscriptions:budget", (JEJU, "1999")): (NOWHERE, NEVER),
    ("subscriptions:correct-budget", (JEJU, "2026")): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:correct-budget", (SEOUL, "2026")): (EDITS_SEOUL, EDITS_SEOUL),
    ("subscriptions:remove-budget", (JEJU, "2026")): (EDITS_JEJU, EDITS_JEJU),
    ("oversight:plan", ()): (SIGNED_IN, NEVER),
    ("subscriptions:follow-up", ()): (NEVER, FOLLOWS_UP),
    ("subscriptions:finding", ("[finding]",)): (SEES_JEJU, NEVER),
    ("subscriptions:finding", ("[finding of Seoul]",)): (SEES_SEOUL, NEVER),
    ("subscriptions:compliance", ("KR-49",)): (SEES_JEJU, NEVER),
    ("subscriptions:compliance", ("KR-11",)): (SEES_SEOUL, NEVER),
    ("subscriptions:decisions", ()): (SIGNED_IN, NEVER),
    ("subscriptions:ask-waiver", ("[active]",)): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:ask-waiver", ("[seoul]",)): (EDITS_SEOUL, EDITS_SEOUL),
    ("subscriptions:waivers", ()): (SIGNED_IN, NEVER),
    ("subscriptions:waiver", ("[waiver]",)): (SEES_JEJU, NEVER),
    ("subscriptions:waiver-act", ("[waiver]", "grant")): (SETTLES_JEJU, SETTLES_JEJU),
    ("subscriptions:waiver-act", ("[waiver]", "refuse")): (SETTLES_JEJU, SETTLES_JEJU),
    # Not granted yet, so there is nothing to revoke.
    ("subscriptions:waiver-act", ("[waiver]", "revoke")): (VOID, VOID),
    ("subscriptions:waiver-act", ("[waiver]", "no-such-act")): (NOWHERE, NOWHERE),
    ("subscriptions:what-if", ("deepseek-block", "1")): (WRITES_POLICIES, NEVER),
    ("subscriptions:what-if", ("draft-rule", "9")): (NOWHERE, NEVER),
    # Sent empty, the form comes back.
    ("subscriptions:imports", ()): (RECORDERS, RECORDERS),
    ("subscriptions:import-example", ("subscriptions", "csv")): (RECORDERS, NEVER),
    ("subscriptions:import-example", ("payments", "xlsx")): (RECORDERS, NEVER),
    ("subscriptions:import-example", ("agencies", "csv")): (NOT_EVEN_OFFICERS[:-3] + "200", NEVER),
    ("subscriptions:import-records", ("subscriptions", "csv")): (RECORDERS, NEVER),
    ("subscriptions:import-records", ("payments", "xlsx")): (RECORDERS, NEVER),
    ("subscriptions:import-records", ("agencies", "csv")): (NOT_EVEN_OFFICERS[:-3] + "200", NEVER),
    # An import is its owner's alone, here the administrator's; it has been tried, so there is nothing to undo.
    ("subscriptions:import", ("[import]",)): (IMPORTS_ITS_OWN, NEVER),
    ("subscriptions:import-columns", ("[import]",)): (IMPORTS_ITS_OWN, IMPORTS_ITS_OWN),
    ("subscriptions:import-problems", ("[import]",)): (IMPORTS_ITS_OWN, NEVER),
    ("subscriptions:import-start", ("[import]",)): (NEVER, done(IMPORTS_ITS_OWN)),
    ("subscriptions:import-again", ("[import]",)): (NEVER, done(IMPORTS_ITS_OWN)),
    ("subscriptions:import-undo", ("[import]",)): (
        IMPORTS_ITS_OWN.replace("200", "404"),
        IMPORTS_ITS_OWN.replace("200", "404"),
    ),
    ("subscriptions:import-discard", ("[import]",)): (IMPORTS_ITS_OWN, done(IMPORTS_ITS_OWN)),
    # What ends has an administrator who decides on it; one that nobody decided not to renew is not decided anew.
    ("subscriptions:renewals", ()): (SIGNED_IN, NEVER),
    ("subscriptions:renewal-calendar", ()): (SIGNED_IN, NEVER),
    ("subscriptions:renew", ("[ending]",)): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:renew", ("[seoul]",)): (VOID_SEOUL, VOID_SEOUL),
    ("subscriptions:let-end", ("[ending]",)): (EDITS_JEJU, EDITS_JEJU),
    ("subscriptions:reconsider", ("[ending]",)): (VOID, VOID),
    ("subscriptions:reconsider", ("[let end]",)): (EDITS_JEJU, done(EDITS_JEJU)),
    ("subscriptions:reminder-plan", ("[ending]",)): (EDITS_JEJU, done(EDITS_JEJU)),
    ("subscriptions:reminder-plan", ("[seoul]",)): (EDITS_SEOUL, done(EDITS_SEOUL)),
    # A notice is its recipient's alone, here the administrator's.
    ("agencies:notices", ()): (SIGNED_IN, NEVER),
    ("agencies:notice", ("[notice]",)): (NEVER, done(OWNS)),
    ("agencies:notices-read", ()): (NEVER, DONE.replace("302", "login", 1)),
    ("agencies:notice-preferences", ()): (SIGNED_IN, SIGNED_IN),
    ("agencies:deliveries", ()): (SIGNED_IN, NEVER),
    ("agencies:delivery", ("[delivery]",)): (SENT_TO_JEJU, NEVER),
    ("agencies:departments", ()): (ADMINISTERS, NEVER),
    ("agencies:new-department", ()): (ADMINISTERS, ADMINISTERS),
    ("agencies:department", ("[department]",)): (ADMINISTERS_JEJU, ADMINISTERS_JEJU),
    ("agencies:delete-department", ("[department]",)): (ADMINISTERS_JEJU, done(ADMINISTERS_JEJU)),
    ("agencies:save-view", ()): (NEVER, DONE.replace("302", "login", 1)),
    ("agencies:forget-view", ("0",)): (NEVER, NOWHERE),
}

# Addresses of the Django admin: who is not staff is sent to its own sign-in page, whatever he asks for.
ADMIN = "admin"


def names_of(patterns: Iterable[URLPattern | URLResolver], namespace: str = "") -> Iterator[str]:
    """The name of every URL below these patterns, with its namespace; the Django admin's are one: "admin"."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            below = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            if pattern.app_name == ADMIN:
                yield ADMIN
            else:
                yield from names_of(pattern.url_patterns, below)
        else:
            yield f"{namespace}{pattern.name or pattern.pattern}"


def differences() -> tuple[set[str], set[str]]:
    """URLs that the table does not list, and rows of the table whose URL is gone."""
    ours = set(names_of(get_resolver().url_patterns))
    listed = {name for name, _arguments in TABLE} | {ADMIN}
    return ours - listed, listed - ours


def test_every_url_is_listed():
    assert differences() == (set(), set())


@pytest.mark.parametrize(
    ("added", "noticed"),
    [
        (path("forgotten/", lambda request: HttpResponse(), name="forgotten"), "forgotten"),
        (path("forgotten/<int:pk>/", lambda request: HttpResponse()), "forgotten/<int:pk>/"),
        (path("x/", include(([path("", lambda r: HttpResponse(), name="y")], "new"))), "new:y"),
    ],
)
def test_an_unlisted_url_is_noticed(added: Any, noticed: str):
    import govtrack.urls

    more = ModuleType("more_urls")
    more.urlpatterns = [*govtrack.urls.urlpatterns, added]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=more):
        assert differences() == ({noticed}, set())


@pytest.fixture
def people(report_data: None, make_user: Any) -> dict[str, Any]:
    call_command("check_policies", verbosity=0)
    return {title: make_user(*role, username=title) for title, role in ROLES.items()}


@pytest.fixture
def world(people: dict[str, Any]) -> dict[str, str]:
    """What stands for the words in brackets: references of subscriptions, numbers of a waiver and of findings."""
    administrator, approver = people["administrator"], people["approver"]
    today, tomorrow = recording.today(), recording.today() + datetime.timedelta(days=1)

    def new(code: str = JEJU, **fields: Any) -> Subscription:
        """One that passes every policy, unless its fields say otherwise."""
        known = {"started_on": today, "data_class": "open", "personal_data": False, **fields}
        agency, chatgpt = Agency.objects.get(code=code), Product.objects.get(code="chatgpt")
        return Subscription(agency=agency, product=chatgpt, **known)

    def prices() -> list[PriceLine]:
        return [PriceLine(amount=30_000, vat=PriceLine.Vat.INCLUDED, seats=10)]

    requested = recording.request(new(contract_number="2026-17"), prices(), by=administrator)
    waiting = recording.request(new(personal_data=True), prices(), by=administrator)
    approved = recording.request(new(started_on=tomorrow), prices(), by=administrator)
    recording.approve(approved.subscription, by=approver)
    Subscription.objects.filter(pk=approved.subscription.pk).update(started_on=today)
    active = recording.declare(new(), prices(), by=administrator)
    void = recording.declare(new(), prices(), by=administrator)
    recording.void(void.subscription, by=administrator, reason="twice")
    seoul = recording.declare(new(SEOUL), prices(), by=people["sibling"])
    said = commenting.comment(active.subscription, by=administrator, text="Said")
    filed = attach(active.subscription, SimpleUploadedFile("a.pdf", b"%PDF-1.7 %%EOF"), by=administrator)
    ending = recording.declare(new(ends_on=tomorrow), prices(), by=administrator)
    let_end = recording.declare(new(ends_on=tomorrow), prices(), by=administrator)
    deciding.let_end(let_end.subscription, by=administrator, reason="not used")
    jeju = Agency.objects.get(code=JEJU)
    contact = DepartmentContact.objects.create(agency=jeju, department="IT", email="it@jeju.example")
    sent = Delivery.objects.create(day=today, address=contact.email, language="ko", contact=contact)
    told = Notice.objects.create(recipient=administrator, key="subscription_requested")
    report = Report.objects.create(code="unpublished", title_ko="미공개", title_en="Unpublished")
    Source.objects.create(
        code="unpublished", report=report, label_ko="미공개", label_en="Unpublished", published_at=None
    )
    rule = Policy.objects.create(code="draft-rule", owner=Agency.objects.get(code="KR"))
    PolicyVersion.objects.create(
        policy=rule, scope=rule.owner, title_ko="초안", title_en="Draft", effect="warn", effective_from=today
    )
    states = {
        "requested": requested,
        "waiting": waiting,
        "approved": approved,
        "active": active,
        "void": void,
        "ending": ending,
        "let end": let_end,
        "seoul": seoul,
    }
    waiver = Waiver.objects.create(
        policy=Policy.objects.get(code="deepseek-block"),
        agency=Agency.objects.get(code=JEJU),
        reason="needed",
        requested_by=administrator,
        valid_from=today,
        valid_until=tomorrow,
    )
    findings = {
        code: Finding.objects.filter(subscription__agency__code=code).first() for code in (JEJU, SEOUL)
    }
    payments = [
        paying.record(
            Payment(subscription=one.subscription, paid_on=today, amount=98_765_432, currency="KRW"),
            by=by,
            on=today,
        )
        for one, by in ((active, administrator), (seoul, people["sibling"]))
    ]
    for code in (JEJU, SEOUL):
        Budget.objects.create(agency=Agency.objects.get(code=code), year=2026, won=55_555_555)
    view = SavedView.objects.create(
        owner=people["committee"],
        title="Shared",
        page="oversight:explore",
        query="agency=KR-49",
        shared_with=Agency.objects.get(code=JEJU),
    )
    snapshots = {
        name: freeze(people["committee"], Question(filters=Filters(agency=agency)), name)
        for name, agency in (
            ("all", None),
            ("Jeju", Agency.objects.get(code=JEJU)),
            ("Seoul", Agency.objects.get(code=SEOUL)),
        )
    }
    invitation, token = invite(
        "Invited", Agency.objects.get(code=JEJU), "approver", by=people["administrator"]
    )
    rounds = rounds_of(people["committee"])
    return {
        **{name: str(round_.pk) for name, round_ in rounds.items()},
        **{f"[snapshot of {name}]": str(snapshot.pk) for name, snapshot in snapshots.items()},
        "[export]": str(start(administrator, "", 1).pk),
        "[import]": str(a_tried_import(administrator).pk),
        **{f"[{state}]": recorded.subscription.reference for state, recorded in states.items()},
        "[comment]": str(said.pk),
        "[attachment]": str(filed.pk),
        "[payment]": str(payments[0].pk),
        "[payment of Seoul]": str(payments[1].pk),
        "[waiver]": str(waiver.pk),
        "[notice]": str(told.pk),
        "[delivery]": str(sent.pk),
        "[department]": str(contact.pk),
        "[shared view]": str(view.pk),
        "[finding]": str(findings[JEJU].pk),
        "[finding of Seoul]": str(findings[SEOUL].pk),
        "[approver]": str(people["approver"].pk),
        "[approver's role]": str(people["approver"].memberships.get().pk),
        "[invitation]": str(invitation.pk),
        "[token]": token,
    }


def rounds_of(member: User) -> dict[str, Round]:
    """An open round of the nation's governments, one of Seoul alone, and a draft."""
    today = timezone.localdate()
    dates = {"period_from": today.replace(month=1, day=1), "period_until": today, "due_on": today}

    def new(code: str, title: str, kinds: Iterable[str]) -> Round:
        scope = Agency.objects.get(code=code)
        return asking.create(
            Round(title_ko=title, title_en=title, scope=scope, kinds=list(kinds), **dates), by=member
        )

    governments = Agency.METROPOLITAN_AND_PROVINCIAL
    return {
        "[round]": asking.open_round(new("KR", "Governments", governments), by=member, on=today),
        "[round of Seoul]": asking.open_round(new(SEOUL, f"{MARK} round", ()), by=member, on=today),
        "[draft round]": new("KR", f"{MARK} draft", governments),
    }


def a_tried_import(owner: User) -> Upload:
    data = b"agency,tool\nKR-49,chatgpt\n"
    report = run(data, "f.csv", owner, trial=True)
    return Upload.objects.create(
        owner=owner,
        kind="subscriptions",
        file_name="f.csv",
        file=jobs.store(data),
        header=["agency", "tool"],
        columns=["agency", "product"],
        step="trial",
        report=report.as_json(),
    )


def client_of(people: dict[str, Any], title: str, **options: Any) -> Client:
    client = Client(**options)
    if title != ANONYMOUS:
        client.force_login(people[title])
    return client


def answer(response: Any) -> str:
    if response.status_code == 302 and response["Location"].startswith(reverse("account_login")):
        return "login"
    return str(response.status_code)


@pytest.mark.parametrize("title", ORDER)
def test_access(world: dict[str, str], people: dict[str, Any], title: str):
    place, wrong = ORDER.index(title), []
    for (name, arguments), answers in TABLE.items():
        address = reverse(name, args=[world.get(argument, argument) for argument in arguments])
        for method, row in zip(("get", "post"), answers, strict=True):
            case = " ".join([method, name, *arguments])
            with transaction.atomic():  # each request meets the same state
                response = getattr(client_of(people, title), method)(address)
                found = answer(response)
                if response.streaming:
                    b"".join(response)  # a file that is read to its end is closed
                transaction.set_rollback(True)
            if found != row.split()[place]:
                wrong.append(f"{case}: {found}, not {row.split()[place]}")
    assert "\n".join(wrong) == ""


@pytest.mark.parametrize(
    "path_in_admin", ["", "subscriptions/subscription/", "agencies/user/", "no/such/page/"]
)
def test_only_staff_reach_the_django_admin(people: dict[str, Any], path_in_admin: str):
    address = reverse("admin:index") + path_in_admin
    found = {title: client_of(people, title).get(address).status_code for title in ORDER}
    expected = 404 if path_in_admin == "no/such/page/" else 200
    assert found == {**dict.fromkeys(ORDER, 302), "sysadmin": expected}


def test_a_form_without_its_token_is_refused(world: dict[str, str], people: dict[str, Any]):
    """No address that takes POST takes it from another site's page."""
    found = {}
    client = client_of(people, "sysadmin", enforce_csrf_checks=True)
    for name, arguments in TABLE:
        if name == "csp-reports":  # what browsers send by themselves has no token, and changes nothing
            continue
        address = reverse(name, args=[world.get(argument, argument) for argument in arguments])
        found[address] = client.post(address).status_code
    assert set(found.values()) == {403}


# What must not show through. Everything that Seoul typed holds MARK, and an office of Seoul is called so.
MARK = "Zebra"


@pytest.fixture
def marked(world: dict[str, str], people: dict[str, Any]) -> Iterable[Subscription]:
    """A subscription of an office of Seoul in which every text holds MARK, with its finding, waiver and decisions."""
    names = {
        f"{form}_{language}": f"{MARK} office" for form in ("name", "short") for language in ("ko", "en")
    }
    office = Agency.objects.create(
        code=MARK.upper(), parent=Agency.objects.get(code=SEOUL), kind=Agency.Kind.OFFICE, **names
    )
    clerk = User.objects.create(username=MARK, first_name=MARK, last_name=MARK)
    Membership.objects.create(user=clerk, agency=office, role="administrator")
    Membership.objects.create(user=clerk, agency=office, role="approver")
    texts = {
        field.name: f"{MARK} {field.name}"
        for field in Subscription._meta.concrete_fields
        if type(field) in (models.CharField, models.TextField)
        and field.name not in ("reference", "status", "data_class", "payment_route", "provenance")
    }
    deepseek = Product.objects.get(code="deepseek")
    line = PriceLine(amount=123_456_789, vat=PriceLine.Vat.INCLUDED, seats=7_654_321)
    subscription = Subscription(
        agency=office, product=deepseek, started_on=recording.today(), payer=office, **texts
    )
    recording.declare(subscription, [line], by=clerk)
    paid = Payment(
        subscription=subscription, paid_on=recording.today(), amount=8_642_097, document_number=f"{MARK} slip"
    )
    paying.record(paid, by=clerk, on=recording.today())
    Budget.objects.create(agency=office, year=recording.today().year, won=7_531_908, note=f"{MARK} book")
    own = Subscription(agency=office, started_on=recording.today(), payer=office)
    own.product = propose("Proposed tool", "Proposed vendor", by=clerk)  # for all to see
    recording.request(own, [], by=clerk)
    recording.refuse(own, by=people["sysadmin"], reason=f"{MARK} reason")
    Waiver.objects.create(
        policy=Policy.objects.get(code="deepseek-block"),
        agency=office,
        product=deepseek,
        reason=f"{MARK} waiver",
        requested_by=clerk,
        decided_by=people["officer"],
        decided_at=timezone.now(),
        status=Waiver.Status.GRANTED,
        valid_from=recording.today(),
        valid_until=recording.today(),
    )
    call_command("check_policies", verbosity=0)
    return Subscription.objects.filter(agency=office)


def text_of(response: Any) -> str:
    """All that a page or a file says, so that it can be searched."""
    body = b"".join(response) if response.streaming else response.content
    if "spreadsheet" in response["Content-Type"]:
        book = load_workbook(BytesIO(body))
        return "\n".join(str(cell) for sheet in book for row in sheet.values for cell in row)
    return unescape(body.decode())


WAYS = 3


def crawl(client: Client, limit: int = 700) -> dict[str, str]:
    """The text of every page and file that links lead to from home; fails on a link that leads nowhere."""
    found: dict[str, str] = {}
    asked: Counter[str] = Counter()
    waiting = [reverse("home"), *CONSIDERED]
    while waiting:
        address = waiting.pop(0)
        if address in found:
            continue
        asked[urlsplit(address).path] += 1
        response = client.get(address, follow=True)
        assert response.status_code == 200, f"{address}: {response.status_code}"
        found[address] = text_of(response)
        assert len(found) < limit, "the links do not come to an end"
        if "text/html" in response["Content-Type"]:
            for link in re.findall(r'href="([^"]*)"', response.content.decode()):
                target = urljoin(address, unescape(link)).partition("#")[0]
                if not target.startswith("/") or target.startswith("/static/") or not is_new_page(target):
                    continue
                # A page that is narrowed down in many ways says the same of another agency in each.
                if asked[urlsplit(target).path] < WAYS:
                    waiting.append(target)
    return found


def is_new_page(target: str) -> bool:
    """Sort orders and pages of a list are one list: they hold what it holds. The months of a calendar do not come to an end."""
    query = parse_qs(urlsplit(target).query)
    return not set(query) & {"sort", "page", "month"}


# Addresses that no link leads to, among them what a curious person would type.
CONSIDERED = [
    "/agencies/options/?agency=z",
    f"/agencies/options/?agency={MARK[:4]}",
    "/agencies/options/?agency=KR-11",
    "/catalog/options/?product=x",
    f"/subscriptions/?q={MARK[:4]}",
    f"/findings/?state=&q={MARK[:4]}",
    "/subscriptions/?_export=csv",
    "/subscriptions/?_export=xlsx",
    "/spending/?_export=csv",
    "/spending/?_export=xlsx",
    *(
        f"/spending/explore/?measure=subscriptions&by=agency&_export={kind}"
        for kind in ("csv", "xlsx", "json")
    ),
    *(f"/spending/explore/?measure={measure}&by=product&then=agency" for measure in ("annual_cost", "seats")),
    "/spending/explore/print/?measure=findings&by=vendor&then=place",
    f"/spending/explore/?measure=subscriptions&text={MARK[:4]}",
    "/policies/deepseek-block/",
    "/reports/ai-subscriptions-2025/?source=a&accounts=all",
    f"/payments/?q={MARK[:4]}",
    "/payments/?_export=csv",
    "/spending/plan/?by=month&_export=csv",
]


@pytest.mark.parametrize("title", ["administrator", "approver", "committee-jeju", "nobody"])
def test_nothing_shows_through_from_another_agency(marked, people: dict[str, Any], title: str):
    """No page, file, suggestion or choice for the people of Jeju holds anything that an office of Seoul recorded."""
    pages = crawl(client_of(people, title))
    forbidden = [
        MARK,
        "123,456,789",
        "123456789",
        "7,654,321",
        "7654321",
        "8,642,097",
        "8642097",
        "7,531,908",
        SEOUL + "-2",
    ]
    seen = {
        address: [word for word in forbidden if word.lower() in text.lower().replace(address.lower(), "")]
        for address, text in pages.items()
    }
    assert {address: words for address, words in seen.items() if words} == {}
    assert len(pages) > 20
