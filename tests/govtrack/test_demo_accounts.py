"""The demonstration's accounts: one for each role, one password, created once."""

import io
import stat

import pytest
from django.core.management import CommandError, call_command

from agencies.management.commands.create_demo_accounts import ACCOUNTS
from agencies.models import Membership, User


@pytest.fixture
def demo(settings, tmp_path, monkeypatch, make_agency):
    """A demonstration with the agencies that the accounts belong to, its files in a temporary folder."""
    settings.GOVTRACK_DEMO = True
    settings.DEMO_DIR = tmp_path / "demo"
    monkeypatch.delenv("DEMO_PASSWORD", raising=False)
    for code in ("KR-11", "KR-49"):
        make_agency(code)
    return settings.DEMO_DIR


def create() -> str:
    output = io.StringIO()
    call_command("create_demo_accounts", stdout=output)
    return output.getvalue()


def test_each_role_has_its_account(demo):
    create()
    roles = Membership.objects.values_list("user__username", "role", "agency__code")
    assert sorted(roles) == [
        ("committee", "committee_member", "KR"),
        ("committee-jeju", "committee_member", "KR-49"),
        ("jeju", "administrator", "KR-49"),
        ("jeju-approver", "approver", "KR-49"),
        ("officer", "policy_officer", "KR"),
        ("officer2", "policy_officer", "KR"),
        ("seoul", "administrator", "KR-11"),
    ]
    assert list(User.objects.filter(is_superuser=True).values_list("username", flat=True)) == ["sysadmin"]


def test_a_generated_password_is_printed_kept_privately_and_stays(demo, client):
    printed = create()
    password = (demo / "password").read_text().strip()
    assert f"password: {password} (kept in demo/password)" in printed
    assert stat.S_IMODE((demo / "password").stat().st_mode) == 0o600
    assert all(client.login(username=username, password=password) for username, _role, _code in ACCOUNTS)
    hashes = list(User.objects.order_by("pk").values_list("password", flat=True))
    assert create() == printed
    assert list(User.objects.order_by("pk").values_list("password", flat=True)) == hashes


def test_a_given_password_replaces_the_kept_one(demo, client, monkeypatch):
    create()
    monkeypatch.setenv("DEMO_PASSWORD", "given by hand")
    create()
    assert (demo / "password").read_text() == "given by hand\n"
    assert client.login(username="jeju", password="given by hand")


def test_only_in_the_demonstration(demo, settings):
    settings.GOVTRACK_DEMO = False
    with pytest.raises(CommandError, match="for the demonstration only"):
        create()
    assert User.objects.count() == 0


@pytest.mark.django_db
def test_without_agencies_it_names_what_to_load_first(settings, tmp_path):
    settings.GOVTRACK_DEMO = True
    settings.DEMO_DIR = tmp_path
    with pytest.raises(CommandError, match=r"load fixtures/agencies\.json first"):
        create()
    assert User.objects.count() == 0
