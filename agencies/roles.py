"""Who may give and take roles, close accounts and open them again; what each does to the sessions of that person."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from agencies import duties
from agencies.models import Agency, Membership, Role, User
from agencies.signing_in.session_limits import end_sessions
from audit import events


def people_of(administrator: User) -> QuerySet[User]:
    """The accounts with a role in the administrator's part of the tree, each once."""
    roles = Membership.objects.visible_to(administrator, Role.ADMINISTRATOR).order_by()
    return User.objects.filter(pk__in=roles.values("user"))


def roles_of(person: User, administrator: User) -> QuerySet[Membership]:
    """The roles of a person that this administrator may know of."""
    return (
        Membership.objects.visible_to(administrator, Role.ADMINISTRATOR)
        .filter(user=person)
        .select_related("agency")
        .order_by("agency__path", "role")
    )


def may_close(person: User, administrator: User) -> bool:
    """Only whoever administers all that a person does may close the account; an officer's or a system administrator's, only one
    of the latter."""
    if person == administrator:
        return False
    if administrator.is_superuser:
        return True
    if person.is_staff or person.is_superuser:
        return False
    if person.memberships.filter(role__in=duties.RULES).exists():
        return False
    known = roles_of(person, administrator).values("pk")
    return not person.memberships.exclude(pk__in=known).exists()


@transaction.atomic
def give(person: User, role: str, agency: Agency, *, by: User, knowingly: bool = False) -> Membership:
    """A role more, from the next sign-in on. Nobody gives one to themselves.

    Who records does not rule (`agencies.duties`), unless a system administrator says so `knowingly`.
    """
    _check(person, agency, by)
    duties.check_appointment(role, by)
    # Two roles that do not go together, given at the same moment, are not both given.
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if not (knowingly and by.is_superuser):
        duties.check_duties(person, role, agency, by)
    elif held := duties.other_side(person, role, agency):
        told = {"role": role, "agency": agency.code, "beside": held.role, "at": held.agency.code}
        events.record(events.Kind.ROLE, by=by, about=person, name=person.username, after={"knowingly": told})
    if Membership.objects.filter(user=person, role=role, agency=agency).exists():
        raise ValidationError(_("This person already has this role at this agency."))
    membership = Membership.objects.create(user=person, role=role, agency=agency)
    end_sessions(person.pk)
    return membership


@transaction.atomic
def take(membership: Membership, *, by: User) -> None:
    """A role less, at once: the person is signed out everywhere."""
    _check(membership.user, membership.agency, by)
    duties.check_appointment(membership.role, by)
    person = membership.user_id
    membership.delete()
    end_sessions(person)


@transaction.atomic
def close(person: User, *, by: User) -> None:
    """The person has left: no more sign-in, and no more of their invitations. Account, name and history stay."""
    from agencies import invitations

    _set_active(person, by, active=False)
    invitations.withdraw_all_of(person, by=by)
    end_sessions(person.pk)


@transaction.atomic
def reopen(person: User, *, by: User) -> None:
    _set_active(person, by, active=True)


def _check(person: User, agency: Agency, by: User) -> None:
    if person == by or not by.has_role(Role.ADMINISTRATOR, at=agency):
        raise PermissionDenied
    if person.is_superuser and not by.is_superuser:
        raise PermissionDenied


def _set_active(person: User, by: User, *, active: bool) -> None:
    if not may_close(person, by):
        raise PermissionDenied
    person.is_active = active
    person.save(update_fields=["is_active"])
