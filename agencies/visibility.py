"""What a person may see: every query over agency data starts at `visible_to(user)`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from agencies.among import Among

if TYPE_CHECKING:
    from agencies.models import Agency, User


def within_any(paths: list[str], lookup: str = "path") -> Q:
    """The condition that the path at `lookup` lies in one of the subtrees; no subtree, nothing."""
    condition = Q(pk__in=[])
    for path in paths:
        condition |= Q(**{f"{lookup}__within": path})
    return condition


@models.BigAutoField.register_lookup
class InSight(Among):
    """`agency__pk__in_sight=sight`: the agency lies in one of the sight's subtrees.

    The database is given the list of their keys, however long. Asked with a subquery, it would look up each row's agency:
    four times the time at a million rows.
    """

    lookup_name = "in_sight"

    @property
    def keys(self) -> Sequence[int | str]:
        return self.rhs.agency_keys


class VisibleQuerySet(models.QuerySet):
    """A queryset over records of agencies. `agency_lookup` leads from the record to its agency ("" for agencies themselves)."""

    agency_lookup = "agency"

    def visible_to(self, user: User | AnonymousUser, *roles: str, within: Agency | None = None) -> Self:
        """The records of the agencies that `user` has a role at, or one above; only by `roles` when some are named.

        Of these only the ones of the agency `within` and all below it, when one is given.
        """
        if not user.is_authenticated:
            return self.none()
        sight: Sight = user.sight(*roles)
        if within is not None:
            sight = sight.within(within.path)
        if sight.everything:
            return self
        if not self.agency_lookup:
            return self.filter(within_any(sight.paths))
        return self.filter(**{f"{self.agency_lookup}__pk__in_sight": sight})


class Sight:
    """The subtrees of agencies that a person's roles reach."""

    def __init__(self, paths: list[str], everything: bool) -> None:
        self.paths = sorted(
            path for path in set(paths) if not any(path != p and path.startswith(p) for p in paths)
        )
        self.everything = everything
        self._parts: dict[str, Sight] = {}

    @cached_property
    def agency_keys(self) -> list[int]:
        """The keys of all agencies in the subtrees."""
        from agencies.models import Agency

        return list(Agency.objects.filter(within_any(self.paths)).order_by().values_list("pk", flat=True))

    def within(self, path: str) -> Sight:
        """What of it lies in one subtree; the same answer each time, so that its keys are fetched once."""
        if path not in self._parts:
            paths = [path] if self.covers(path) else [p for p in self.paths if p.startswith(path)]
            self._parts[path] = Sight(paths, False)
        return self._parts[path]

    def covers(self, path: str) -> bool:
        return self.everything or any(path.startswith(p) for p in self.paths)
