"""What follows from a change of an agency; to be called in the change's own transaction."""

from agencies.models import Agency, Recheck


def agency_changed(agency: Agency) -> None:
    """Its kind and its place in the tree decide which policies judge its subscriptions; its names are searched."""
    Recheck.ask(Recheck.About.AGENCY, agency.code)
