"""Invitations, roles given and taken, accounts closed: by administrators of that part of the tree, never for oneself."""

import datetime
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from agencies import duties, invitations, roles
from agencies.invitations import Invitation
from agencies.models import Agency, Membership, Role, User
from agencies.people_views import IdentityForm
from agencies.signing_in import second_factor
from audit.models import Event
from tests.admin.conftest import errors_of, shown

PASSWORD = "another long enough word"
FIELDS = {"username": "new", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def jeju(make_user: Any) -> User:
    return make_user("administrator", "KR-49", username="jeju")


@pytest.fixture
def office(make_agency: Any) -> Agency:
    return make_agency("KR-49-1", parent="KR-49")


@pytest.fixture
def member(make_user: Any, office: Agency) -> User:
    return make_user("administrator", "KR-49-1", username="member")


def test_from_invitation_to_account(signed_in: Any, jeju: User) -> None:
    client = signed_in(user=jeju, language="en")
    agency = Agency.objects.get(code="KR-49")
    page = client.post("/people/invite/", {"full_name": "Kim", "agency": "KR-49", "role": "approver"})
    link = page.context["link"]
    assert link in page.content.decode()
    assert Invitation.objects.get().digest not in link
    assert "Kim" in client.get("/people/").content.decode()
    stranger = Client()
    weak = stranger.post(link, {**FIELDS, "password1": "12345", "password2": "12345"})
    assert weak.status_code == 200
    assert weak.context["form"]["username"].value() == "new"
    assert weak.context["form"].errors["password2"]
    assert stranger.post(link, FIELDS).status_code == 302
    made = User.objects.get(username="new")
    assert (str(made), made.has_role("approver", at=agency)) == ("Kim", True)
    assert stranger.get(link).status_code == 404
    assert stranger.post(link, {**FIELDS, "username": "twice"}).status_code == 404
    assert stranger.post("/accounts/login/", {"login": "new", "password": PASSWORD}).status_code == 302


def test_an_invitation_ends(signed_in: Any, jeju: User) -> None:
    agency = Agency.objects.get(code="KR-49")
    offered, late = invitations.invite("A", agency, Role.APPROVER, by=jeju)
    assert round((offered.valid_until - offered.invited_at) / datetime.timedelta(days=1), 3) == 7
    Invitation.objects.update(valid_until=timezone.now() - datetime.timedelta(seconds=1))
    withdrawn, token = invitations.invite("B", agency, Role.APPROVER, by=jeju)
    assert Client().get(f"/invitations/{token}/").status_code == 200
    assert signed_in(user=jeju).post(f"/people/invitations/{withdrawn.pk}/withdraw/").status_code == 302
    for gone in (late, token):
        assert Client().get(f"/invitations/{gone}/").status_code == 404


def test_taken_names_are_not_tried_without_end(settings: Any, jeju: User) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"accept_invitation": "3/h/ip,2/h/key"}
    agency = Agency.objects.get(code="KR-49")
    first, second = (invitations.invite(name, agency, Role.APPROVER, by=jeju)[1] for name in "AB")

    def tries(token: str, address: str) -> int:
        taken = {**FIELDS, "username": "jeju"}
        return Client().post(f"/invitations/{token}/", taken, REMOTE_ADDR=address).status_code

    assert [tries(first, f"10.0.0.{n}") for n in range(3)] == [200, 200, 429]
    assert [tries(second, "10.0.0.0") for _ in range(2)] == [200, 200]
    assert [tries(token, "10.0.0.0") for token in (second, "no-such-token")] == [429, 429]
    assert Client().get(f"/invitations/{second}/").status_code == 200  # read as often as one likes


def test_no_two_names_differ_in_capital_letters_alone(
    signed_in: Any, make_user: Any, jeju: User, member: User
) -> None:
    """Signing in minds none, so that of two such accounts neither would get in."""
    member.set_password(PASSWORD)
    member.save()
    invitation, token = invitations.invite("A", Agency.objects.get(code="KR-49"), Role.APPROVER, by=jeju)
    told = "해당 사용자 이름은 이미 존재합니다."
    for name in ("MEMBER", "member"):
        refused = Client().post(f"/invitations/{token}/", {**FIELDS, "username": name})
        assert refused.context["form"].errors == {"username": [told]}
        assert IdentityForm({"username": name}).errors == {"username": [told]}
    with pytest.raises(CommandError, match="already taken"):
        call_command("createsuperuser", username="MEMBER", email="a@agency.example", interactive=False)
    with pytest.raises(ValidationError):
        invitations.accept(invitation, "Member", PASSWORD)
    page = f"/admin/agencies/user/{jeju.pk}/change/"
    root = signed_in("sysadmin")
    answer = root.post(page, {**shown(root.get(page)), "username": "meMber"})
    assert errors_of(answer)["username"] == [told]
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=jeju.pk).update(username="MEMBER")
    # The attempts at any spelling are attempts at this account.
    Client().post("/accounts/login/", {"login": "MEMBER", "password": "wrong"})
    assert Event.objects.latest("pk").about == "member"
    assert Client().post("/accounts/login/", {"login": "MEMBER", "password": PASSWORD}).status_code == 302


def test_who_no_longer_administers_has_invited_nobody(jeju: User) -> None:
    invitation, token = invitations.invite("A", Agency.objects.get(code="KR-49"), Role.APPROVER, by=jeju)
    jeju.memberships.all().delete()
    assert Client().post(f"/invitations/{token}/", FIELDS).status_code == 200
    assert not User.objects.filter(username="new").exists()
    assert invitation.accepted_by is None


def test_who_has_left_has_invited_nobody(
    make_user: Any, signed_in: Any, jeju: User, office: Agency, member: User
) -> None:
    """Closed by an administrator or in the administration; opening the account again does not bring the links back."""
    tokens = [invitations.invite("A", office, Role.APPROVER, by=by)[1] for by in (jeju, member, member)]
    User.objects.filter(pk=jeju.pk).update(is_active=False)
    assert Client().post(f"/invitations/{tokens[0]}/", FIELDS).status_code == 200
    jeju.refresh_from_db()
    chief = make_user("administrator", "KR")
    roles.reopen(jeju, by=chief)
    roles.close(member, by=jeju)
    root, page = signed_in("sysadmin"), f"/admin/agencies/user/{jeju.pk}/change/"
    sent = shown(root.get(page))
    sent.pop("is_active")
    assert root.post(page, sent).status_code == 302
    for person in (jeju, member):
        person.refresh_from_db()
        roles.reopen(person, by=chief)
    assert [Client().get(f"/invitations/{token}/").status_code for token in tokens] == [404] * 3
    assert not User.objects.filter(username="new").exists()


def test_only_within_ones_own_part_of_the_tree(make_user: Any, jeju: User, office: Agency) -> None:
    seoul = make_user("administrator", "KR-11")
    above = Agency.objects.get(code="KR")
    for agency in (above, Agency.objects.get(code="KR-11")):
        with pytest.raises(PermissionDenied):
            invitations.invite("A", agency, Role.APPROVER, by=jeju)
        with pytest.raises(PermissionDenied):
            roles.give(seoul, Role.APPROVER, agency, by=jeju)
    with pytest.raises(PermissionDenied):
        roles.take(seoul.memberships.get(), by=jeju)
    with pytest.raises(PermissionDenied):
        roles.close(seoul, by=jeju)
    for role in (Role.APPROVER, Role.POLICY_OFFICER, Role.COMMITTEE_MEMBER):
        other = make_user(role, "KR-49")
        with pytest.raises(PermissionDenied):
            invitations.invite("A", office, Role.APPROVER, by=other)


def test_nobody_raises_their_own_role(signed_in: Any, jeju: User, office: Agency) -> None:
    with pytest.raises(PermissionDenied):
        roles.give(jeju, Role.APPROVER, office, by=jeju)
    with pytest.raises(PermissionDenied):
        roles.take(jeju.memberships.get(), by=jeju)
    client = signed_in(user=jeju)
    for act in ("roles/give/", f"roles/{jeju.memberships.get().pk}/take/", "close/"):
        assert (
            client.post(f"/people/{jeju.pk}/{act}", {"agency": "KR-49", "role": "approver"}).status_code
            == 403
        )
    assert Membership.objects.filter(user=jeju).count() == 1


def test_a_change_of_roles_signs_out(signed_in: Any, jeju: User, member: User) -> None:
    member.set_password(PASSWORD)
    member.save()

    def signed() -> Client:
        client = Client()
        client.post("/accounts/login/", {"login": "member", "password": PASSWORD})
        assert client.get("/").status_code == 200
        return client

    administrator, office = signed_in(user=jeju), Agency.objects.get(code="KR-49-1")
    theirs = signed()
    answer = administrator.post(f"/people/{member.pk}/roles/give/", {"agency": "KR-49-1", "role": "approver"})
    assert answer.status_code == 302
    assert theirs.get("/").status_code == 302
    again = administrator.post(f"/people/{member.pk}/roles/give/", {"agency": "KR-49-1", "role": "approver"})
    assert again.status_code == 200  # they have it already: said, not done twice
    theirs = signed()
    role = member.memberships.get(role="approver")
    assert administrator.post(f"/people/{member.pk}/roles/{role.pk}/take/").status_code == 302
    assert theirs.get("/").status_code == 302
    theirs = signed()
    assert administrator.post(f"/people/{member.pk}/close/").status_code == 302
    assert theirs.get("/").status_code == 302
    assert Client().post("/accounts/login/", {"login": "member", "password": PASSWORD}).status_code != 500
    member.refresh_from_db()
    assert (member.is_active, member.has_role("administrator", at=office)) == (False, True)
    assert administrator.post(f"/people/{member.pk}/reopen/").status_code == 302
    signed()


def test_who_has_a_role_elsewhere_is_closed_by_none_of_both(make_user: Any, jeju: User, member: User) -> None:
    Membership.objects.create(
        user=member, role=Role.APPROVER, agency=make_user("approver", "KR-11").memberships.get().agency
    )
    with pytest.raises(PermissionDenied):
        roles.close(member, by=jeju)
    roles.close(member, by=make_user("administrator", "KR"))


def test_it_is_asked_who_it_is(settings: Any, signed_in: Any, jeju: User, member: User) -> None:
    """What was sent is kept and done after the password."""
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    jeju.set_password(PASSWORD)
    jeju.save()
    client = signed_in(user=jeju)
    asked = client.post(f"/people/{member.pk}/close/")
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    member.refresh_from_db()
    assert member.is_active
    assert client.post(asked["Location"], {"password": "wrong"}).status_code == 200
    client.post(asked["Location"], {"password": PASSWORD, "next": f"/people/{member.pk}/close/"})
    member.refresh_from_db()
    assert not member.is_active
    assert client.post(f"/people/{member.pk}/reopen/").status_code == 302  # asked just now


def test_a_new_password_is_kept_nowhere(settings: Any, signed_in: Any, make_user: Any, jeju: User) -> None:
    """It is asked who it is on the way to the page; where that was too long ago when it was sent, it is typed again."""
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    root = make_user("sysadmin", username="root")
    root.set_password(PASSWORD)
    root.save()
    nobody = make_user("approver", "KR-49")
    secret = "a secret that nobody keeps"
    typed = dict.fromkeys(("password1", "password2", "new_password1", "new_password2"), secret)
    pages = {
        "/admin/agencies/user/add/": root,
        f"/admin/agencies/user/{jeju.pk}/password/": root,
        "/accounts/password/": nobody,
    }
    for page, who in pages.items():
        client = signed_in(user=who)
        for answer in (client.get(page), client.post(page, {**typed, "username": "new"})):
            assert answer["Location"] == f"/accounts/reauthenticate/?next={quote(page, safe='')}"
        assert secret not in str(dict(client.session))
        assert "account_reauthentication_state" not in client.session
        if who == root:
            done = client.post(answer["Location"], {"password": PASSWORD, "next": page})
            assert done["Location"] == page
            assert client.get(page).status_code == 200
    assert not User.objects.filter(username="new").exists()


def test_a_lost_second_factor_is_reset(settings: Any, signed_in: Any, make_user: Any, jeju: User) -> None:
    """By a system administrator who is asked; the person is told and signed out, and the trail tells of it."""
    jeju.set_password(PASSWORD)
    jeju.save()
    theirs = Client()
    theirs.post("/accounts/login/", {"login": "jeju", "password": PASSWORD})
    assert theirs.get("/").status_code == 200
    for kind in (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES):
        Authenticator.objects.create(user=jeju, type=kind, data={})
    root = make_user("sysadmin", username="root")
    root.set_password(PASSWORD)
    root.save()
    client, address = signed_in(user=root, language="en"), f"/people/{jeju.pk}/second-factor/reset/"
    for page in (f"/people/{jeju.pk}/", f"/admin/agencies/user/{jeju.pk}/change/"):
        assert address in client.get(page).text
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    asked = client.post(address)
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    assert is_mfa_enabled(jeju)
    client.post(asked["Location"], {"password": PASSWORD, "next": address})
    assert (is_mfa_enabled(jeju), theirs.get("/").status_code) == (False, 302)
    event = Event.objects.filter(kind="account", about_id=str(jeju.pk)).latest("pk")
    assert (event.actor, event.before) == ("root", {"second factor": ["recovery_codes", "totp"]})
    assert jeju.notices.latest("pk").key == "account.factor-reset"
    assert "no second factor" in client.post(address).text  # said, not done twice
    with pytest.raises(PermissionDenied):
        second_factor.take_away(root, by=root)
    with pytest.raises(PermissionDenied):
        second_factor.take_away(root, by=jeju)


def test_a_place_in_the_tree_brings_nobody_both_sides(make_agency: Any, make_user: Any, jeju: User) -> None:
    """Whoever records at one place and rules at another does neither over the other's when agencies move or merge."""
    first, second = (make_agency(f"KR-49-{n}", parent="KR-49") for n in "12")
    deep, seoul = make_agency("KR-49-11", parent="KR-49-1"), make_agency("KR-11")
    person = make_user("administrator", "KR-49-1", username="both")
    Membership.objects.create(user=person, agency=second, role=Role.POLICY_OFFICER)
    make_user("policy_officer", "KR-11")  # others' roles do not matter
    make_user("administrator", "KR-11")

    def refused(agency: Agency, **place: Agency | None) -> bool:
        moved = Agency.objects.get(pk=agency.pk)
        for name, value in place.items():
            setattr(moved, name, value)
        try:
            moved.full_clean()
        except ValidationError as error:
            return "would then both record for an agency and rule over it" in str(error)
        return False

    with override("en"):
        brings = [(second, first), (second, deep), (first, second)]
        assert [refused(agency, parent=above) for agency, above in brings] == [True] * 3
        brings = [(first, second), (second, first), (deep, second)]
        assert [refused(agency, successor=other) for agency, other in brings] == [True] * 3
        harmless = [(first, seoul), (second, None), (seoul, first), (deep, second)]
        assert [refused(agency, parent=above) for agency, above in harmless] == [False] * 4
        assert not refused(seoul, successor=second)
    # One that is new.
    names = dict.fromkeys(("name_ko", "name_en", "short_ko", "short_en"), "x")
    new = Agency(code="NEW", kind="office", parent=first, successor=second, **names)
    with pytest.raises(ValidationError):
        new.full_clean(exclude=["path"])
    new.successor = None
    with CaptureQueriesContext(connection) as asked:
        new.full_clean(exclude=["path"])
    assert not any("agencies_membership" in query["sql"] for query in asked)  # each row of a file of new ones
    # However many officers there are, only who records too is looked at.
    officers = User.objects.bulk_create([User(username=f"officer {n}") for n in range(300)])
    Membership.objects.bulk_create(
        [Membership(user=one, agency=seoul, role="policy_officer") for one in officers]
    )
    with mock.patch.object(duties, "_meet", return_value=False) as met:
        assert not refused(deep, parent=seoul)
    assert met.call_count == 1
    # What somebody was given knowingly stands in nobody's way.
    Membership.objects.create(user=person, agency=first, role=Role.POLICY_OFFICER)
    assert not refused(deep, name_en="Another name")
    # Nor is a role given that a merger has made the other side.
    Agency.objects.filter(pk=seoul.pk).update(successor=second)
    officer = make_user("policy_officer", "KR-49-2", username="after the merger")
    assert duties.other_side(officer, Role.APPROVER, seoul) is not None


def test_what_stands_against_a_role_is_told_where_it_may_be_known(
    signed_in: Any, make_user: Any, jeju: User, member: User
) -> None:
    """Whose page hides a role does not learn of it from why another is refused."""
    person = make_user("policy_officer", "KR", username="both")
    Membership.objects.create(
        user=person, agency=Agency.objects.get(code="KR-49"), role=Role.COMMITTEE_MEMBER
    )
    client = signed_in(user=jeju, language="en")
    sent = {"agency": "KR-49", "role": "approver"}
    text = client.post(f"/people/{person.pk}/roles/give/", sent).content.decode()
    assert "A role that this person holds elsewhere does not go together with this one." in text
    assert "This person is" not in text
    above = make_user("administrator", "KR", username="above")
    with pytest.raises(ValidationError, match="Policy officer"), override("en"):
        roles.give(person, Role.APPROVER, Agency.objects.get(code="KR-49"), by=above)


def test_who_records_does_not_rule(
    signed_in: Any, make_user: Any, jeju: User, office: Agency, member: User
) -> None:
    """System administrators alone appoint policy officers, and let somebody hold both sides only by saying so."""
    here = Agency.objects.get(code="KR-49")
    officer = make_user("policy_officer", "KR-49-1", username="officer")
    root = make_user("sysadmin", username="root")
    above = make_user("administrator", "KR", username="above")
    for by in (jeju, above):
        for act in (
            lambda by=by: roles.give(member, Role.POLICY_OFFICER, office, by=by),
            lambda by=by: roles.take(officer.memberships.get(), by=by),
            lambda by=by: roles.close(officer, by=by),
            lambda by=by: invitations.invite("A", office, Role.POLICY_OFFICER, by=by),
        ):
            with pytest.raises(PermissionDenied):
                act()
    # Over the same agency, from above or from below; elsewhere it does not matter.
    for role, agency in ((Role.ADMINISTRATOR, here), (Role.APPROVER, office)):
        with pytest.raises(ValidationError):
            roles.give(officer, role, agency, by=jeju)
        with pytest.raises(ValidationError):
            roles.give(officer, role, agency, by=jeju, knowingly=True)
    roles.give(officer, Role.COMMITTEE_MEMBER, office, by=jeju)
    seoul = make_user("administrator", "KR-11").memberships.get().agency
    roles.give(officer, Role.ADMINISTRATOR, seoul, by=above)
    with pytest.raises(ValidationError):
        roles.give(member, Role.POLICY_OFFICER, here, by=root)
    client = signed_in(user=root, language="en")
    sent = {"agency": "KR-49", "role": "policy_officer"}
    refused = client.post(f"/people/{member.pk}/roles/give/", sent)
    assert "Nobody both records for an agency and rules over it" in refused.content.decode()
    # The Django admin gives the same answer, and leads to nothing else.
    added = client.post(
        "/admin/agencies/membership/add/", {"user": member.pk, "agency": here.pk, "role": "policy_officer"}
    )
    assert "Nobody both records" in added.content.decode()
    assert not member.memberships.filter(role="policy_officer").exists()
    assert client.post(f"/people/{member.pk}/roles/give/", {**sent, "knowingly": "on"}).status_code == 302
    assert member.memberships.filter(role="policy_officer").exists()
    told = (
        Event.objects.filter(kind="role", actor="root").order_by("pk").values_list("after", flat=True).first()
    )
    assert told == {
        "knowingly": {"role": "policy_officer", "agency": "KR-49", "beside": "administrator", "at": "KR-49-1"}
    }
    page = signed_in(user=jeju).get(f"/people/{member.pk}/roles/give/").context["form"]
    assert [role for role, _label in page.fields["role"].choices] == [
        "administrator",
        "approver",
        "committee_member",
    ]
    assert "knowingly" not in page.fields


def test_an_officer_invited_by_an_administrator_of_before_is_not_let_in(make_user: Any, jeju: User) -> None:
    root = make_user("sysadmin", username="root")
    _one, token = invitations.invite("A", Agency.objects.get(code="KR-49"), Role.POLICY_OFFICER, by=root)
    Invitation.objects.update(invited_by=jeju)
    assert Client().post(f"/invitations/{token}/", FIELDS).status_code == 200
    assert not User.objects.filter(username="new").exists()
    Invitation.objects.update(invited_by=root)
    assert Client().post(f"/invitations/{token}/", FIELDS).status_code == 302
