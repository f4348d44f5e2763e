"""What a person may see: every query over agency data starts at `visible_to(user)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from agencies.models import User


def within_any(paths: list[str], lookup: str = "path") -> Q:
    """The condition that the path at `lookup` lies in one of the subtrees; no subtree, nothing."""
    condition = Q(pk__in=[])
    for path in paths:
        condition |= Q(**{f"{lookup}__within": path})
    return condition


class VisibleQuerySet(models.QuerySet):
    """A queryset over records of agencies. `agency_lookup` leads from the record to its agency ("" for agencies themselves)."""

    agency_lookup = "agency"

    def visible_to(self, user: User | AnonymousUser, *roles: str) -> Self:
        """The records of the agencies that `user` has a role at, or one above; only by `roles` when some are named."""
        if not user.is_authenticated:
            return self.none()
        sight: Sight = user.sight(*roles)
        if sight.everything:
            return self
        from agencies.models import Agency

        agencies = Agency.objects.filter(within_any(sight.paths))
        if not self.agency_lookup:
            return self.filter(within_any(sight.paths))
        return self.filter(**{f"{self.agency_lookup}__in": agencies.values("pk")})


class Sight:
    """The subtrees of agencies that a person's roles reach."""

    def __init__(self, paths: list[str], everything: bool) -> None:
        self.paths = sorted(
            path for path in set(paths) if not any(path != p and path.startswith(p) for p in paths)
        )
        self.everything = everything

    def covers(self, path: str) -> bool:
        return self.everything or any(path.startswith(p) for p in self.paths)
