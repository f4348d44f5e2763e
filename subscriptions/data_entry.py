"""The group "Data entry": what members of staff may do in the Django admin who record for their agencies."""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from agencies.signing_in.session_limits import end_sessions_of
from audit import events

GROUP = "Data entry"

# Recorded data of one's own agencies is entered; what all agencies share, or the register derives, is looked at. Policies,
# waivers, accounts and the catalogue of tools stay with system administrators and policy officers.
ENTERED = {
    "subscriptions": {
        "subscription": ("view", "add", "change"),
        "priceline": ("view", "add", "change", "delete"),
        "usercount": ("view", "add", "change", "delete"),
        "payment": ("view", "add", "change"),
        "budget": ("view", "add", "change"),
    }
}
LOOKED_AT = {
    "agencies": ("agency", "formername", "membership"),
    "catalog": ("category", "vendor", "product", "certification"),
    "sources": ("report", "source", "statement"),
    "policies": ("policy", "policyversion", "condition", "waiver"),
    "subscriptions": ("facts", "finding", "decision", "approval", "exchangerate"),
}


def create_data_entry_group() -> Group:
    """Make the group, or give it again exactly these rights. Its members also need "staff status" and a role at an agency."""
    wanted = Q(pk__in=[])
    for app, entered in ENTERED.items():
        for model, rights in entered.items():
            codenames = [f"{right}_{model}" for right in rights]
            wanted |= Q(content_type__app_label=app, codename__in=codenames)
    for app, looked_at in LOOKED_AT.items():
        wanted |= Q(content_type__app_label=app, codename__in=[f"view_{model}" for model in looked_at])
    group, _created = Group.objects.get_or_create(name=GROUP)
    before = set(group.permissions.values_list("codename", flat=True))
    group.permissions.set(Permission.objects.filter(wanted))
    after = set(group.permissions.values_list("codename", flat=True))
    if before != after:
        end_sessions_of([group])
        told = {"permissions": sorted(before)}, {"permissions": sorted(after)}
        events.record(events.Kind.ACCOUNT, about=group, before=told[0], after=told[1])
    return group
