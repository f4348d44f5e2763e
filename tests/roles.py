"""The ten kinds of people that pages are tested with, seen from Jeju: who may see and do what differs for each."""

# Title: role and agency, as the fixture `make_user` takes them.
ROLES: dict[str, tuple[str | None, str | None]] = {
    "nobody": (None, None),  # an account without a role
    "administrator": ("administrator", "KR-49"),
    "sibling": ("administrator", "KR-11"),  # of Seoul: the same right at another agency
    "above": ("administrator", "KR"),
    "approver": ("approver", "KR-49"),
    "officer": ("policy_officer", "KR"),
    "committee": ("committee_member", "KR"),
    "committee-jeju": ("committee_member", "KR-49"),
    "sysadmin": ("sysadmin", None),
}
