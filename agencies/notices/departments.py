"""Who answers for what: the people and addresses of a department, else the administrators nearest to its agency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from agencies.models import Agency, DepartmentContact, Membership, Role, User
from agencies.notice_models import department_key
from agencies.sights import sights_of, who_see


@dataclass
class Told:
    """Whom to tell: people with an account, and departments by their address. `of_department`: it has a contact."""

    people: list[User] = field(default_factory=list)
    contacts: list[DepartmentContact] = field(default_factory=list)
    of_department: bool = False

    @property
    def names(self) -> list[str]:
        return [str(person) for person in self.people] + [contact.email for contact in self.contacts]


class Responsible:
    """Whom to tell of a subscription, for many at once: five queries, whatever their number."""

    def __init__(self, agencies: Iterable[Agency]) -> None:
        agencies = list(agencies)
        self.administrators = nearest_administrators(agencies)
        self.contacts: dict[tuple[int, str], DepartmentContact] = {}
        found = DepartmentContact.objects.filter(agency__among={agency.pk for agency in agencies})
        for contact in found.prefetch_related("people"):
            self.contacts[contact.agency_id, contact.key] = contact
        named = {person for contact in self.contacts.values() for person in contact.people.all()}
        self.sights = sights_of(named) if named else {}

    def of(self, agency: Agency, department: str) -> Told:
        """The department's contact where it has one, else the administrators nearest to the agency."""
        contact = self.contacts.get((agency.pk, department_key(department))) if department.strip() else None
        if contact is not None:
            # Whose role there has ended is named still, but not told.
            people = [
                person
                for person in contact.people.all()
                if person.pk in self.sights and self.sights[person.pk].covers(agency.path)
            ]
            if people or contact.email:
                return Told(people, [contact] if contact.email else [], of_department=True)
        return Told(self.administrators.get(agency.pk, []))


def nearest_administrators(agencies: Iterable[Agency]) -> dict[int, list[User]]:
    """The administrators of each agency, by its key: its own, else those of the nearest agency above that has some."""
    agencies = list(agencies)
    codes = {code for agency in agencies for code in agency.path.strip("/").split("/")}
    at: dict[str, list[User]] = defaultdict(list)
    memberships = Membership.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True)
    if len(codes) <= MANY:
        memberships = memberships.filter(agency__code__in=codes)
    for membership in memberships.select_related("user", "agency").order_by("user"):
        at[membership.agency.code].append(membership.user)
    found = {}
    for agency in agencies:
        above = reversed(agency.path.strip("/").split("/"))
        found[agency.pk] = next((at[code] for code in above if code in at), [])
    return found


def still_there(people: Iterable[User], agency: Agency) -> set[User]:
    """Those of `people` who see the agency still; where nobody does, the administrators nearest to it."""
    return {*who_see(people, agency)} or {*nearest_administrators([agency])[agency.pk]}


# Beyond this many agencies, all administrators are fetched: a statement has room for so many codes.
MANY = 500
