"""Who records does not rule: the roles that one person does not hold over the same agency, and who appoints who rules."""

from __future__ import annotations

import itertools
from collections import defaultdict

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils.translation import gettext as _

from agencies.models import Agency, Membership, Role, User, mergers, with_predecessors
from agencies.paths import below

# Recording and starting subscriptions; and making rules, granting waivers, approving where a rule asks for it.
RECORDS = (Role.ADMINISTRATOR, Role.APPROVER)
RULES = (Role.POLICY_OFFICER,)


def appointed_by_system_administrators(role: str) -> bool:
    """An administrator who appointed or dismissed the officer over their own agency would choose their own judge."""
    return role in RULES


def check_appointment(role: str, by: User) -> None:
    """Raises PermissionDenied where `by` gives or takes no such role, whatever they administer."""
    if appointed_by_system_administrators(role) and not by.is_superuser:
        raise PermissionDenied


def roles_for(by: User) -> list[tuple[str, str]]:
    """The choices of a form in which `by` gives a role."""
    return [
        (role.value, str(role.label))
        for role in Role
        if by.is_superuser or not appointed_by_system_administrators(role)
    ]


def other_side(person: User, role: str, agency: Agency) -> Membership | None:
    """A role of this person's with which they would both record and rule over some agency, if they got this one."""
    others = RULES if role in RECORDS else RECORDS if role in RULES else ()
    if not others:
        return None
    hold_duties()
    held = Membership.objects.filter(user=person, role__in=others).select_related("agency").order_by("pk")
    if not held:
        return None
    path, merged = Agency.objects.values_list("path", flat=True).get(pk=agency.pk), mergers()
    return next((one for one in held if _meet(one.agency.path, path, merged)), None)


def hold_duties() -> None:
    """Let nobody else give such a role or move an agency until this transaction ends: each alone might be harmless.
    SQLite has one writer anyway."""
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('agencies.duties'))")


def _meet(one: str, other: str, merged: list[tuple[str, str]]) -> bool:
    """Whether a role at the one path and a role at the other hold over some agency, those merged into them included."""
    reached = with_predecessors([other], merged)
    for path in with_predecessors([one], merged):
        for place in reached:
            upper, lower = sorted((path, place), key=len)
            if lower.startswith(upper):
                return True
    return False


def check_duties(person: User, role: str, agency: Agency, by: User) -> None:
    """Raises ValidationError where the person would both record and rule over some agency. It tells `by` which role stands
    against it where they administer; elsewhere, only that one does."""
    if (held := other_side(person, role, agency)) is None:
        return
    if not by.has_role(Role.ADMINISTRATOR, at=held.agency):
        raise ValidationError(
            _(
                "A role that this person holds elsewhere does not go together with this one. Nobody both records for an agency "
                "and rules over it, unless a system administrator says so."
            )
        )
    raise ValidationError(
        _(
            "This person is %(role)s at %(agency)s already. Nobody both records for an agency and rules over it, "
            "unless a system administrator says so."
        )
        % {"role": held.get_role_display(), "agency": held.agency}
    )


def check_place(agency: Agency) -> None:
    """Raises ValidationError where somebody would both record and rule over some agency once this one stands below its parent,
    and is followed by its successor, as they are now written in it. `hold_duties` comes before."""
    stored = Agency.objects.filter(pk=agency.pk).first() if agency.pk else None
    if stored and (stored.parent_id, stored.successor_id) == (agency.parent_id, agency.successor_id):
        return
    if stored is None and agency.successor_id is None:
        return  # who holds a role there holds it above
    both = Membership.objects.filter(
        user__in=Membership.objects.filter(role__in=RULES).values("user"), role__in=(*RECORDS, *RULES)
    ).filter(user__in=Membership.objects.filter(role__in=RECORDS).values("user"))
    held: dict[int, list[Membership]] = defaultdict(list)
    for membership in both.select_related("user", "agency").order_by("pk"):
        held[membership.user_id].append(membership)
    if not held:
        return
    place = below(agency.code, agency.parent.path if agency.parent else "")

    def moved(path: str) -> str:
        inside = stored is not None and path.startswith(stored.path)
        return place + path[len(stored.path) :] if stored and inside else path

    before = mergers()
    after = [(moved(path), moved(into)) for path, into in before if not stored or path != stored.path]
    if agency.successor:
        after.append((place, moved(agency.successor.path)))
    for of_one in held.values():
        for ruling, recording in itertools.product(of_one, of_one):
            if ruling.role not in RULES or recording.role not in RECORDS:
                continue
            now = ruling.agency.path, recording.agency.path
            if _meet(moved(now[0]), moved(now[1]), after) and not _meet(*now, before):
                raise ValidationError(
                    _(
                        "%(person)s is %(role)s at %(agency)s and %(other_role)s at %(other)s, and would then both record for "
                        "an agency and rule over it. Take one of these roles first."
                    )
                    % {
                        "person": ruling.user,
                        "role": ruling.get_role_display(),
                        "agency": ruling.agency,
                        "other_role": recording.get_role_display(),
                        "other": recording.agency,
                    }
                )
