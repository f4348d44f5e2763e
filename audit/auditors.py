"""Who reads the trail: system administrators, and members of staff in the group "Auditors", who need no other right for it."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group, Permission

from audit import events

GROUP = "Auditors"
READ = "audit.view_event"


def may_audit(user: Any) -> bool:
    return user.is_active and (user.is_superuser or (user.is_staff and user.has_perm(READ)))


def create_auditors_group() -> Group:
    """Make the group, or give it again exactly this right. Its members also need "staff status"."""
    group, _created = Group.objects.get_or_create(name=GROUP)
    before = set(group.permissions.values_list("codename", flat=True))
    wanted = Permission.objects.filter(content_type__app_label="audit", codename="view_event")
    group.permissions.set(wanted)
    after = set(group.permissions.values_list("codename", flat=True))
    if before != after:
        # As wherever the rights of a group change (`agencies.signing_in.session_limits`, an app further on).
        for session in UserSession.objects.filter(user__groups=group):
            session.end()
        told = {"permissions": sorted(before)}, {"permissions": sorted(after)}
        events.record(events.Kind.ACCOUNT, about=group, before=told[0], after=told[1])
    return group
