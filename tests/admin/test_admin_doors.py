"""Who decides about roles and rules in the admin is asked who it is; gives nothing to themselves; and signs others out."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from agencies.admin_roles import check_giver
from agencies.admin_scope import AskedAgain
from agencies.models import Agency, Membership, User
from policies.models import PolicyVersion, Waiver
from tests.admin import rows
from tests.admin.conftest import errors_of, permission
from tests.admin.test_admin_pages import address

PASSWORD = "a long enough word"
ASKED = {Agency, Group, Membership, PolicyVersion, User, Waiver}


def test_it_is_asked_who_it_is_before_roles_and_rules_change(
    db: None, settings: Any, make_user: Any, signed_in: Any
) -> None:
    """Every way in which a row is added, changed or deleted: one by one, or some of a list."""
    registered = admin.site._registry.items()
    assert {model for model, its_admin in registered if isinstance(its_admin, AskedAgain)} == ASKED
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    root = make_user("sysadmin", username="root")
    root.set_password(PASSWORD)
    root.save()
    client = signed_in(user=root)
    group = Group.objects.create(name="kept")
    ways = [("add", ()), ("changelist", ()), ("change", (group.pk,)), ("delete", (group.pk,))]
    for model in ASKED:
        for way, of in ways:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{way}"
            answer = client.post(reverse(name, args=of))
            assert answer["Location"].startswith("/accounts/reauthenticate/?next="), name
        assert client.get(address(model, "changelist")).status_code == 200
    # Kept, and sent on once the password is given.
    chosen = {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}
    asks = client.post(address(Group, "changelist"), chosen)["Location"]
    client.post(asks, {"password": "wrong"})
    assert Group.objects.exists()
    client.post(asks, {"password": PASSWORD, "next": address(Group, "changelist")})
    assert not Group.objects.exists()


def test_a_role_given_with_its_agency_signs_out(db: None, sysadmin: Any, make_user: Any, send: Any) -> None:
    member, other = make_user("approver", "KR-49"), make_user("committee_member", "KR-49")
    for person in (member, other):
        person.set_password(PASSWORD)
        person.save()
    here = address(Agency, "change", Agency.objects.get(code="KR-49").pk)

    def signed(person: User) -> Client:
        client = Client()
        client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
        return client

    def inside() -> tuple[int, int]:
        return first.get("/").status_code, second.get("/").status_code

    first, second = signed(member), signed(other)
    send(sysadmin, here, {"short_en": "J"})
    assert inside() == (200, 200)
    send(sysadmin, here, rows={"memberships": [{"user": member.pk, "role": "committee_member"}]})
    assert (member.memberships.count(), inside()) == (2, (302, 200))
    # Handed from one to the other: both are signed out.
    first, handed = signed(member), member.memberships.get(role="approver")
    shown = sysadmin.get(here).context["inline_admin_formsets"]
    places = {form.instance.pk: form.prefix for formset in shown for form in formset.formset.initial_forms}
    assert inside() == (200, 200)
    send(sysadmin, here, {f"{places[handed.pk]}-user": other.pk})
    handed.refresh_from_db()
    assert (handed.user, inside()) == (other, (302, 302))


def test_rights_of_groups_are_given_by_system_administrators_alone(
    db: None, staff: Any, sysadmin: Any, send: Any
) -> None:
    """Whoever else could change a group would put any right into their own."""
    client = staff("KR-49", *(f"auth.{right}_group" for right in ("view", "add", "change", "delete")))
    group, may_audit = client.user.groups.first(), permission("audit.view_event")
    before = set(group.permissions.all())
    sent = {"name": group.name, "permissions": [may_audit.pk]}
    assert client.post(address(Group, "change", group.pk), sent).status_code == 403
    assert client.post(address(Group, "add"), {**sent, "name": "Mine"}).status_code == 403
    assert client.get(address(Group, "changelist")).status_code == 403
    assert (set(group.permissions.all()), Group.objects.filter(name="Mine").exists()) == (before, False)

    def member() -> Client:
        client.user.set_password(PASSWORD)
        client.user.save()
        one = Client()
        one.post("/accounts/login/", {"login": client.user.username, "password": PASSWORD})
        assert one.get("/").status_code == 200
        return one

    # A change signs its members out: of rights, not of the name.
    inside = member()
    send(sysadmin, address(Group, "change", group.pk), {"name": "Another name"})
    assert inside.get("/").status_code == 200
    assert sysadmin.post(address(Group, "change", group.pk), sent).status_code == 302
    assert (list(group.permissions.all()), inside.get("/").status_code) == ([may_audit], 302)
    inside = member()
    sysadmin.post(address(Group, "delete", group.pk), {"post": "yes"})
    assert (Group.objects.filter(pk=group.pk).exists(), inside.get("/").status_code) == (False, 302)


def test_accounts_are_managed_by_who_administers_all_that_they_do(
    db: None, staff: Any, make_user: Any
) -> None:
    """A new password for somebody with more rights than one's own would be a way to these."""
    rights = [f"agencies.{right}_user" for right in ("view", "change")]
    person = make_user("administrator", "KR-49")
    words = {"usable_password": "true", "password1": "brand-new word 9", "password2": "brand-new word 9"}
    password = f"/admin/agencies/user/{person.pk}/password/"
    for role, of_role in (("committee_member", 403), ("approver", 403), ("administrator", 302)):
        client = staff("KR-49", *rights, role=role)
        client.user.groups.filter(name__startswith="besides").update(name=f"rights of the {role}")
        assert client.get(address(User, "change", person.pk)).status_code == 200  # to look at
        assert client.post(password, words).status_code == of_role, role
        person.refresh_from_db()
        assert person.check_password(words["password1"]) == (of_role == 302)


def test_nobody_gives_themselves_a_role_or_one_where_they_do_not_administer(
    db: None, staff: Any, sysadmin: Any, make_user: Any, send: Any
) -> None:
    rights = [f"agencies.{right}_membership" for right in ("add", "change", "delete")]
    jeju = staff("KR-49", *rights)
    here = Agency.objects.get(code="KR-49")
    below = rows.agency("KR-49-1", parent=here)
    member = make_user("approver", "KR-49-1")

    def gives(client: Any, person: models.Model, agency: Agency, role: str = "committee_member") -> Any:
        return send(
            client, address(Membership, "add"), {"user": person.pk, "agency": agency.pk, "role": role}
        )

    count = Membership.objects.count()
    own = "Your own roles are changed by another administrator."
    assert errors_of(gives(jeju, jeju.user, here))["__all__"] == [own]
    assert errors_of(gives(sysadmin, sysadmin.user, here))["__all__"] == [own]
    # In sight by a lower role, administered nowhere.
    reader = staff("KR-49", *rights, role="committee_member")
    assert reader.get(address(Membership, "add")).status_code == 403
    told = "Roles are given by administrators of the agency, or of one above it."
    with pytest.raises(ValidationError, match=told), override("en"):
        check_giver(reader.user, [member], [below])
    assert reader.post(address(Membership, "delete", member.memberships.get().pk)).status_code == 403
    assert jeju.post(address(Membership, "delete", jeju.user.memberships.get().pk)).status_code == 403
    assert Membership.objects.count() == count + 1  # the reader's own
    assert gives(jeju, member, below).status_code == 302
    assert Membership.objects.count() == count + 2


def test_a_new_password_is_chosen_on_ones_own_page(db: None, sysadmin: Any) -> None:
    sent = {"old_password": "x", "new_password1": PASSWORD, "new_password2": PASSWORD}
    for door, page in (("", ""), ("done/", "done/")):
        for answer in (
            sysadmin.get(f"/admin/password_change/{door}"),
            sysadmin.post(f"/admin/password_change/{door}", sent),
        ):
            assert (answer.status_code, answer["Location"]) == (302, f"/accounts/password/{page}")


def test_the_old_address_of_an_account_is_told(db: None, sysadmin: Any, make_user: Any, send: Any) -> None:
    """The link for a forgotten password goes to the new one from then on."""
    jeju = make_user("administrator", "KR-49", email="jeju@agency.example")
    page = address(User, "change", jeju.pk)
    send(sysadmin, page, {"first_name": "J"})
    assert not jeju.notices.exists()
    assert send(sysadmin, page, {"email": "new@agency.example"}).status_code == 302
    told = jeju.notices.values_list("key", "email")
    assert list(told) == [("account.email", "jeju@agency.example")]
