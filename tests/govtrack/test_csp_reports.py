"""Reports of the content security policy: logged without anything of a person, and never more than the log can bear."""

import json
import logging

import pytest
from django.urls import reverse

from govtrack import csp_reports, limits

OLD = {
    "csp-report": {
        "document-uri": "https://register.example/subscriptions/KR-49-2026-0001/?q=Kim#private",
        "referrer": "https://register.example/?name=Kim",
        "violated-directive": "script-src-elem",
        "blocked-uri": "https://evil.example/steal.js?session=abc",
        "source-file": "https://register.example/subscriptions/?q=Kim",
        "line-number": 12,
    }
}
NEW = [
    {"type": "csp-violation", "user_agent": "Browser of Kim", "body": {
        "documentURL": "https://register.example/no/such/page/", "effectiveDirective": "img-src\nforged line",
        "blockedURL": "data", "sourceFile": None, "lineNumber": "x"}},
    {"type": "deprecation", "body": {}},
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_counted():
    limits.limiter.cache_clear()
    yield
    limits.limiter.cache_clear()


def send(client, data, kind="application/csp-report"):
    body = data if isinstance(data, str) else json.dumps(data)
    return client.post(reverse("csp-reports"), body, content_type=kind)


@pytest.mark.django_db
def test_a_report_is_logged_without_anything_of_a_person(client, caplog):
    caplog.set_level(logging.WARNING, "govtrack.csp")
    assert send(client, OLD).status_code == 204
    assert send(client, NEW, "application/reports+json").status_code == 204
    assert [record.getMessage() for record in caplog.records] == [
        "The policy kept subscriptions:detail from script-src-elem of https://evil.example"
        " (source: https://register.example, line 12).",
        "The policy kept an unknown page from img-srcforgedline of data (source: unknown, line unknown).",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", "application/csp-report", 400),
        ("[1]", "application/reports+json", 400),
        ("[" * 9000, "application/json", 400),
        ('{"csp-report": 5}', "application/csp-report", 400),
        ("null", "application/json", 400),
        ("{}", "application/csp-report", 204),
        ("{}", "text/plain", 415),
        ('"' + "x" * csp_reports.LARGEST + '"', "application/csp-report", 413),
    ],
)
def test_what_is_no_report_is_turned_away(client, body, kind, status):
    assert send(client, body, kind).status_code == status


@pytest.mark.django_db
def test_more_than_the_log_can_bear_is_turned_away(client, monkeypatch):
    monkeypatch.setattr(csp_reports, "LIMIT", "2/minute")
    answers = [send(client, "{}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


@pytest.mark.django_db
def test_many_in_one_are_cut(client, caplog):
    assert send(client, NEW[:1] * 50, "application/reports+json").status_code == 204
    assert len(caplog.records) == csp_reports.MOST_AT_ONCE
