"""Who of many people still sees an agency: whoever is told of it has a role there now, not only when they had to do with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from agencies.models import Agency, Membership, User, mergers, with_predecessors
from agencies.visibility import Sight


def sights_of(people: Iterable[User]) -> dict[int, Sight]:
    """The sight of each person by key, those of closed accounts left out: two queries, whatever their number."""
    open_accounts = {person.pk: person for person in people if person.is_active}
    at: dict[int, list[str]] = defaultdict(list)
    held = Membership.objects.filter(user__among=set(open_accounts)).order_by()
    for person, path in held.values_list("user", "agency__path"):
        at[person].append(path)
    merged = mergers() if at else []
    return {
        pk: Sight(with_predecessors(at[pk], merged), person.is_superuser)
        for pk, person in open_accounts.items()
    }


def who_see(people: Iterable[User], agency: Agency) -> list[User]:
    """Those of open accounts who see the agency."""
    people = list(people)
    sights = sights_of(people)
    return [person for person in people if person.pk in sights and sights[person.pk].covers(agency.path)]
