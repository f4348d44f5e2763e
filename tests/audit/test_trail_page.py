"""The page of the events: narrowed by who, kind, day, object and address; the same as a file; nothing typed runs or breaks it."""

import csv
import datetime
import io
import json

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from agencies.models import User
from audit.auditors import create_auditors_group
from audit.events import Kind
from audit.models import Event
from audit.sealing import seal_all
from tests.pages import read

pytestmark = pytest.mark.django_db
DAY = datetime.datetime(2026, 3, 1, 0, 0, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def auditor(signed_in):
    return signed_in("sysadmin", language="en")


@pytest.fixture
def events(auditor):
    """Three events of the first of March and one a second before it."""
    common = {"channel": "web", "actor_id": 7}
    rows = [
        ("clerk", Kind.EXPORT, DAY, "subscriptions:list", "192.0.2.7", {}, {"rows": 12}),
        ("clerk", Kind.ROLE, DAY, "Kim", "192.0.2.7", {"role": "approver"}, {"role": "administrator"}),
        ("=cmd()", Kind.SETTING, DAY, "<b>settings</b>", None, {"DEBUG": False}, {"DEBUG": True}),
        ("other", Kind.SIGN_IN, DAY - datetime.timedelta(seconds=1), "other", "198.51.100.2", {}, {}),
    ]
    return [
        Event.objects.create(
            actor=actor, kind=kind, at=at, about=about, address=address, before=before, after=after, **common
        )
        for actor, kind, at, about, address, before, after in rows
    ]


def shown(client, **filters):
    """The cells of each row but the first column, without those of this test's own sign-in."""
    page = read(client.get(reverse("audit:events"), filters))
    rows = [
        [cell.text for cell in row.all("td", "th")] for body in page.all("tbody") for row in body.all("tr")
    ]
    return [row[1:] for row in rows if not any(cell.startswith("sysadmin-") for cell in row)]


def test_what_the_page_says(auditor, events):
    assert shown(auditor) == [
        ["Sign-in", "other", "198.51.100.2", "other", "–"],
        ["Setting change", "=cmd()", "Page", "<b>settings</b>", "DEBUG: no → yes"],
        ["Role change", "clerk", "192.0.2.7", "Kim", "Role: approver → administrator"],
        ["Export", "clerk", "192.0.2.7", "subscriptions:list", "Rows: 12"],
    ]
    assert "Nothing is sealed yet" in auditor.get(reverse("audit:events")).content.decode()
    seal_all()
    assert "Sealed last at" in auditor.get(reverse("audit:events")).content.decode()


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"by": "cler"}, [1, 0]),
        ({"kind": "export"}, [0]),
        ({"since": "2026-03-01", "until": "2026-03-01"}, [2, 1, 0]),
        ({"until": "2026-02-28"}, [3]),
        ({"about": "kim"}, [1]),
        ({"address": "192.0.2.7", "by": "clerk", "kind": "role"}, [1]),
        ({"until": "9999-12-31", "by": "other"}, [3]),
        ({"by": "nobody"}, []),
    ],
)
def test_filters_on_the_page_and_in_the_file(auditor, events, filters, found):
    with translation.override("en"):
        expected = [(events[number].get_kind_display(), events[number].actor) for number in found]
    own = {"sysadmin-none-0"}
    answer = auditor.get(reverse("audit:events"), {**filters, "_export": "csv"})
    lines = list(csv.DictReader(io.StringIO(answer.getvalue().decode().removeprefix("\ufeff"))))
    in_file = [(line["Kind"], line["By"].removeprefix("'")) for line in lines if line["By"] not in own]
    assert in_file == expected
    exports = Event.objects.filter(kind="export", about="audit:events")
    assert exports.get().after["rows"] == len(lines)
    assert [(row[0], row[1]) for row in shown(auditor, **filters)] == expected


def test_the_file_is_harmless_and_complete(auditor, events):
    answer = auditor.get(reverse("audit:events"), {"kind": "setting", "_export": "csv"})
    (line,) = csv.DictReader(io.StringIO(answer.getvalue().decode().removeprefix("\ufeff")))
    assert line["By"] == "'=cmd()"
    assert json.loads(line["Before"]) == {"DEBUG": False}
    assert line["When"] == "2026-03-01T00:00:00+09:00"
    assert auditor.get(reverse("audit:events"), {"_export": "xlsx"}).status_code == 200


@pytest.mark.parametrize("filters", [{"_export": "json"}, {"_export": "csv", "since": "x"}])
def test_what_is_refused_makes_no_file_and_no_event(auditor, filters):
    answer = auditor.get(reverse("audit:events"), filters)
    assert (answer.status_code, "No file was made" in answer.content.decode()) == (400, True)
    assert not Event.objects.filter(kind="export").exists()


def test_a_filter_that_is_not_valid_shows_nothing(auditor, events):
    filters = {"since": "2026-03-02", "until": "2026-03-01"}
    assert shown(auditor, **filters) == []
    assert (
        "The last day is before the first." in auditor.get(reverse("audit:events"), filters).content.decode()
    )
    assert auditor.get(reverse("audit:events"), {"by": "\0"}).status_code == 200
    assert auditor.get(reverse("audit:events"), {"page": "99"}).status_code == 404


def test_queries(auditor, events):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as counted:
            auditor.get(reverse("audit:events"))
        return len(counted)

    first = queries()
    for number in range(30):
        Event.objects.create(kind=Kind.EXPORT, channel="web", actor=f"clerk{number}", at=DAY)
    assert (first, queries()) == (5, 5)


def changed(client, **filters):
    page = read(client.get(reverse("audit:changes"), filters))
    rows = [
        [cell.text for cell in row.all("td", "th")] for body in page.all("tbody") for row in body.all("tr")
    ]
    return [row[1:] for row in rows]


def test_changes_of_records_say_what_was_before_and_after_and_from_where(auditor, make_agency, make_user):
    agency = make_agency("KR-49")
    other = make_agency("KR-11")
    clerk = make_user("administrator", "KR-49", username="clerk")
    page = reverse("admin:agencies_agency_change", args=[other.pk])
    fields = ("code", "kind", "parent", "name_ko", "name_en", "short_ko", "short_en")
    sent = {name: getattr(other, "parent_id" if name == "parent" else name) for name in fields}
    for prefix in ("former_names", "memberships"):
        sent |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    answer = auditor.post(page, {**sent, "name_en": "Renamed"}, REMOTE_ADDR="192.0.2.9")
    assert answer.status_code == 302, answer.context["errors"]
    agency._history_user, agency._change_reason = clerk, "as asked"
    agency.memberships.all().delete()
    agency.delete()
    own = auditor.user.username
    label = {"record": "agencies.agency"}
    deleted, renamed, *created = changed(auditor, **label)
    assert renamed == [
        "Changed",
        str(other.pk),
        own,
        "192.0.2.9",
        "full name in English: KR-11 name en → Renamed",
    ]
    assert deleted[:4] == ["Deleted", str(deleted[1]), "clerk", "–"]
    assert "code: KR-49 → deleted" in deleted[4]
    assert deleted[4].endswith("Reason: as asked")
    assert [(row[0], "code: " in row[4]) for row in created] == [("Created", True)] * 3
    assert changed(auditor, **label, kind="~", number=other.pk, by=own) == [renamed]
    assert changed(auditor, **label, until="2020-01-01") == []
    assert changed(auditor, record="no.such") == []
    assert changed(auditor) == [deleted, renamed, *created]  # agencies come first
    answer = auditor.get(reverse("audit:changes"), {**label, "kind": "~", "_export": "csv"})
    (line,) = csv.DictReader(io.StringIO(answer.getvalue().decode().removeprefix("\ufeff")))
    assert (line["By"], line["Address"], json.loads(line["After"])) == (
        own,
        "192.0.2.9",
        {"name_en": "Renamed"},
    )
    assert Event.objects.filter(kind="export").get().after["rows"] == 1
    # Where the same person wrote there in another session at the same time, nobody can tell the two apart.
    (event,) = Event.objects.filter(kind="request", after__page="admin:agencies_agency_change")
    beside = {"actor_id": event.actor_id, "at": event.at, "after": event.after, "channel": "web"}
    Event.objects.create(kind="request", address="192.0.2.66", **beside)
    assert changed(auditor, **label, kind="~")[0][3] == "192.0.2.9 or 192.0.2.66"
    answer = auditor.get(reverse("audit:changes"), {**label, "kind": "~", "_export": "csv"})
    assert "192.0.2.9, 192.0.2.66" in answer.getvalue().decode()


def test_queries_of_changes(auditor, make_agency):
    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            auditor.get(reverse("audit:changes"), {"record": "agencies.agency"})
        return len(counted)

    make_agency("KR").save()
    first = queries()
    for number in range(30):
        make_agency(f"A-{number}").save()
    assert (first, queries()) == (5, 5)


def test_auditors_read_the_trail_and_nothing_besides(signed_in, events, settings):
    call_command("create_auditors_group", verbosity=0)
    client = signed_in("committee_member", "KR", language="en")
    person = User.objects.get(pk=client.session["_auth_user_id"])
    person.memberships.all().delete()
    group = create_auditors_group()
    assert list(group.permissions.values_list("codename", flat=True)) == ["view_event"]
    person.groups.add(group)
    for page in ("audit:events", "audit:changes"):
        assert client.get(reverse(page)).status_code == 403  # without staff status
    person.is_staff = True
    person.save()
    for page in ("audit:events", "audit:changes"):
        assert client.get(reverse(page)).status_code == 200
    assert ["Export", "clerk", "192.0.2.7", "subscriptions:list", "Rows: 12"] in shown(client)
    assert client.get(reverse("audit:events"), {"_export": "csv"}).status_code == 200
    home = client.get(reverse("home")).content.decode()
    assert reverse("audit:events") in home
    subscriptions = client.get(reverse("subscriptions:list"))
    assert "<tbody" not in subscriptions.content.decode()
    assert client.get("/admin/agencies/user/").status_code == 403
    settings.SECOND_FACTOR_REQUIRED = True
    assert client.get(reverse("audit:events")).status_code == 302


def test_a_change_of_what_auditors_may_do_signs_them_out():
    group = create_auditors_group()
    person = User.objects.create_user("auditor", password="a long enough word")
    person.groups.add(group)
    client = Client()
    client.post(reverse("account_login"), {"login": "auditor", "password": "a long enough word"})
    create_auditors_group()
    assert client.get(reverse("home")).status_code == 200
    group.permissions.add(Permission.objects.get(codename="delete_agency"))
    create_auditors_group()
    assert client.get(reverse("home")).status_code == 302
