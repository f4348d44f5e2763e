"""Who records does not rule: the roles that one person does not hold over the same agency, and who appoints who rules."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from agencies.models import Agency, Membership, Role, User

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
    held = Membership.objects.filter(user=person, role__in=others).select_related("agency").order_by("pk")
    for membership in held:
        upper, lower = sorted((membership.agency.path, agency.path), key=len)
        if lower.startswith(upper):
            return membership
    return None


def check_duties(person: User, role: str, agency: Agency) -> None:
    """Raises ValidationError where the person would both record and rule over some agency."""
    if (held := other_side(person, role, agency)) is not None:
        raise ValidationError(
            _(
                "This person is %(role)s at %(agency)s already. Nobody both records for an agency and rules over it, "
                "unless a system administrator says so."
            )
            % {"role": held.get_role_display(), "agency": held.agency}
        )
