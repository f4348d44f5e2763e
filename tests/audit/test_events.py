"""Events: signing in and out, roles and accounts, exports, settings, commands; who, from where, about what, what changed."""

import json

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse

from agencies.models import Agency, FormerName, User
from audit import origin
from audit.events import exported
from audit.models import Event
from audit.settings_seen import note_settings
from oversight.explorer.question import Filters, Question
from oversight.exports.jobs import run, start
from oversight.snapshots.freezing import freeze
from subscriptions.models import Subscription
from tests.subscriptions.factories import SubscriptionFactory

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-pass-phrase-nobody-guesses"


def told(*names, **conditions):
    """The events so far that meet the conditions, oldest first, by these columns."""
    return list(Event.objects.filter(**conditions).order_by("pk").values_list(*names))


@pytest.fixture
def clerk(make_user):
    user = make_user("administrator", "KR-49", username="clerk")
    user.set_password(PASSWORD)
    user.save()
    return user


def test_signing_in_and_out(clerk):
    client = Client(REMOTE_ADDR="192.0.2.7")
    login = reverse("account_login")
    client.post(login, {"login": "clerk", "password": "wrong " + PASSWORD})
    client.post(login, {"login": PASSWORD, "password": "clerk"})  # typed in the wrong field
    client.post(login, {"login": "clerk\0", "password": PASSWORD})
    client.post(login, {"login": "clerk", "password": PASSWORD})
    client.post(reverse("account_logout"))
    kinds = ("sign_in", "sign_in_failed", "sign_out")
    assert told("kind", "actor", "about", "address", kind__in=kinds) == [
        ("sign_in_failed", "", "clerk", "192.0.2.7"),
        ("sign_in_failed", "", "", "192.0.2.7"),
        ("sign_in", "clerk", "clerk", "192.0.2.7"),
        ("sign_out", "clerk", "clerk", "192.0.2.7"),
    ]
    signed_in, signed_out = told("session", "actor_id", kind__in=("sign_in", "sign_out"))
    assert signed_in == signed_out
    assert (len(signed_in[0]), signed_in[1]) == (16, clerk.pk)
    everything = json.dumps(list(Event.objects.values()), default=str)
    assert PASSWORD not in everything
    assert clerk.password not in everything


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.7"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),  # the first one is what the client made up
        (2, "6.6.6.6, 203.0.113.9, 198.51.100.2", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.7"),  # past one of the proxies
        (1, "no address", None),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_address_is_taken_from_trusted_proxies_only(hops, forwarded, address):
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR=forwarded)
    with override_settings(TRUSTED_PROXY_HOPS=hops):
        assert origin.address_of(request) == address


def test_roles_and_accounts(clerk, signed_in, make_agency):
    """In the administration, with inlines and in bulk, and on the page of one's own password."""
    make_agency("KR-11")
    client = signed_in("sysadmin")
    client.user.username = "root"
    client.user.save()
    start_of = Event.objects.order_by("-pk").first().pk
    page = reverse("admin:agencies_user_change", args=[clerk.pk])
    membership = clerk.memberships.get()
    group = Group.objects.create(name="Readers")
    formset = {"memberships-TOTAL_FORMS": 2, "memberships-INITIAL_FORMS": 1}
    rows = {
        "memberships-0-id": membership.pk,
        "memberships-0-user": clerk.pk,
        "memberships-0-agency": membership.agency_id,
        "memberships-0-role": "approver",
        "memberships-1-user": clerk.pk,
        "memberships-1-agency": Agency.objects.get(code="KR-11").pk,
        "memberships-1-role": "administrator",
    }
    joined = {"date_joined_0": "2025-01-01", "date_joined_1": "00:00:00"}
    sent = {"username": "clerk", "email": "clerk@example.org", "is_staff": "on", "groups": group.pk}
    answer = client.post(page, {**sent, **joined, **formset, **rows})
    assert answer.status_code == 302, answer.context["errors"]
    client.post(
        reverse("admin:agencies_membership_changelist"),
        {"action": "delete_selected", "_selected_action": [membership.pk], "post": "yes"},
    )
    own = Client()
    own.force_login(clerk)
    new = {"old_password": PASSWORD, "new_password1": PASSWORD + "2", "new_password2": PASSWORD + "2"}
    own.post(reverse("password_change"), new)
    found = told("kind", "actor", "before", "after", pk__gt=start_of, about="clerk")
    jeju = {"user": "clerk", "agency": "KR-49"}
    assert [event for event in found if event[0] != "sign_in"] == [
        (
            "account",
            "root",
            {"email": "", "is_active": True, "is_staff": False},
            {"email": "…", "is_active": False, "is_staff": True},
        ),
        ("role", "root", {**jeju, "role": "administrator"}, {**jeju, "role": "approver"}),
        ("role", "root", {}, {"user": "clerk", "agency": "KR-11", "role": "administrator"}),
        ("account", "root", {"groups": []}, {"groups": ["Readers"]}),
        ("role", "root", {**jeju, "role": "approver"}, {}),
    ]
    clerk.refresh_from_db()
    clerk.is_active = True
    clerk.save()
    own.force_login(clerk)
    own.post(reverse("password_change"), new)
    assert told("kind", "actor", "after", kind="password", pk__gt=start_of) == [("password", "clerk", {})]


def test_who_has_signed_in_is_not_deleted(clerk, signed_in):
    client = signed_in("sysadmin")
    Client().force_login(clerk)
    assert (
        client.post(reverse("admin:agencies_user_delete", args=[clerk.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert User.objects.filter(pk=clerk.pk).exists()


def test_data_entry_of_rows_without_history(signed_in, make_agency):
    """A former name keeps no history, so its entry is an event; an agency's change is in its history alone."""
    agency = make_agency("KR-49")
    client = signed_in("sysadmin")
    page = reverse("admin:agencies_formername_add")
    name = {"agency": agency.pk, "name_ko": "옛 이름", "name_en": "Old", "used_until": "2006-06-30"}
    assert client.post(page, name).status_code == 302
    former = FormerName.objects.get()
    client.post(reverse("admin:agencies_formername_change", args=[former.pk]), {**name, "name_en": "Older"})
    client.post(reverse("admin:agencies_formername_delete", args=[former.pk]), {"post": "yes"})
    stored = {"id": former.pk, "agency_id": agency.pk, "name_ko": "옛 이름", "used_until": "2006-06-30"}
    assert told("about_type", "about_id", "before", "after", kind="entry") == [
        ("agencies.formername", str(former.pk), {}, {**stored, "name_en": "Old"}),
        ("agencies.formername", str(former.pk), {"name_en": "Old"}, {"name_en": "Older"}),
        ("agencies.formername", str(former.pk), {**stored, "name_en": "Older"}, {}),
    ]


def test_every_export(report_data, signed_in, tmp_path):
    """From each page that gives files, in each format: the filter, and as many rows as the file has."""
    call_command("check_policies", verbosity=0)
    client = signed_in("committee_member", "KR")
    officer = signed_in("policy_officer", "KR")
    snapshot = freeze(client.user, Question(filters=Filters()), "Frozen")
    job = start(client.user, "measure=subscriptions", 1)
    run(job.pk, job.attempt)
    job.refresh_from_db()
    count = Subscription.objects.count()
    groups = len(snapshot.content["rows"])
    answers = [
        (client, "subscriptions:list", [], "_export=csv&status=active", "csv"),
        (client, "subscriptions:list", [], "_export=xlsx", "xlsx"),
        (client, "subscriptions:decisions", [], "_export=csv", "csv"),
        (officer, "subscriptions:what-if", ["deepseek-block", 1], "_export=csv", "csv"),
        (client, "oversight:spending", [], "_export=csv", "csv"),
        (client, "oversight:spending", [], "_export=xlsx", "xlsx"),
        (client, "oversight:explore", [], "measure=subscriptions&by=agency&_export=json", "json"),
        (client, "oversight:records", [], "measure=subscriptions&_export=csv", "csv"),
        (client, "oversight:records", [], "measure=subscriptions&_export=json", "json"),
        (client, "oversight:snapshot", [snapshot.pk], "_export=json", "json"),
        (client, "oversight:snapshot", [snapshot.pk], "_export=csv", "csv"),
        (client, "oversight:export-file", [job.pk], "", "xlsx"),
    ]
    for who, name, arguments, query, kind in answers:
        before = Event.objects.filter(kind="export").count()
        answer = who.get(f"{reverse(name, args=arguments)}?{query}")
        assert answer.status_code == 200, name
        body = answer.getvalue()
        event = Event.objects.filter(kind="export").order_by("pk")[before]
        assert Event.objects.filter(kind="export").count() == before + 1, name
        assert (event.actor_id, event.after["page"], event.after["file"]) == (who.user.pk, name, kind)
        assert event.after["filter"] == (query or job.query)
        if kind == "csv" and name not in ("oversight:spending", "oversight:snapshot"):
            assert event.after["rows"] == len(body.decode().strip().splitlines()) - 1, name
    rows = {
        event.after["page"] + event.after["file"]: event.after["rows"]
        for event in Event.objects.filter(kind="export")
    }
    assert rows["subscriptions:listxlsx"] == rows["oversight:recordscsv"] == count
    assert rows["oversight:export-filexlsx"] == job.rows_done
    assert rows["oversight:snapshotjson"] == groups


def test_a_file_whose_page_forgot_to_say_so_is_an_event_too(signed_in, monkeypatch):
    monkeypatch.setattr("subscriptions.finding_views.exported", lambda *given: None)
    client = signed_in("administrator", "KR-49")
    client.get(reverse("subscriptions:decisions"), {"_export": "csv"})
    assert told("after__page", "after__rows", kind="export") == [("subscriptions:decisions", None)]
    assert exported.__module__ == "audit.events"


def test_a_change_on_a_page_says_from_where(signed_in):
    """History and decisions say who and when; the event of the request adds the address, the session and the page."""
    subscription = SubscriptionFactory(status="draft", agency__code="KR-49")
    client = signed_in("administrator", "KR-49")
    address = reverse("subscriptions:act", args=[subscription.reference, "void"])
    client.get(address)
    client.post(reverse("subscriptions:check"), {})  # judged, not stored
    client.post(address, {"reason": "twice", "version": subscription.version}, REMOTE_ADDR="192.0.2.9")
    subscription.refresh_from_db()
    assert subscription.status == "void"
    (event,) = Event.objects.filter(kind="request")
    assert (event.actor_id, event.address, event.after["page"]) == (
        client.user.pk,
        "192.0.2.9",
        "subscriptions:act",
    )
    assert event.after["path"] == address
    assert event.after["rows of"] == ["subscriptions_decision", "subscriptions_historicalsubscription"]
    history = subscription.history.latest()
    assert (history.history_user_id, event.session) == (
        client.user.pk,
        told("session", kind="sign_in")[-1][0],
    )
    assert event.after["begun"] <= history.history_date.isoformat() <= event.at.isoformat()


def test_settings_are_noted_when_they_change():
    note_settings()
    assert note_settings() is None
    with override_settings(WAIVER_MAX_DAYS=30):
        note_settings()
        assert note_settings() is None
    found = told("before", "after", kind="setting")
    assert len(found) == 2
    assert found[1] == ({"WAIVER_MAX_DAYS": 365}, {"WAIVER_MAX_DAYS": 30})


def test_commands_and_imports(report_data, tmp_path):
    call_command("check_policies", verbosity=0)
    call_command("create_data_entry_group", verbosity=0)
    call_command("create_data_entry_group", verbosity=0)
    assert [one for one in told("kind", "channel", "about") if one[2] != "loaddata"] == [
        ("command", "command", "check_policies"),
        ("account", "command", "Data entry"),
    ]
    assert Event.objects.first().after["permissions"]
