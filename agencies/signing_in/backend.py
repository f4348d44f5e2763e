"""Who makes a request, with what every page says of that person, in the one query that each page makes anyway."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from agencies.models import Notice, User


class Backend(AuthenticationBackend):
    """Accounts and passwords; the person of a request comes with the number of notices not read yet."""

    def get_user(self, user_id: Any) -> User | None:
        unread = (
            Notice.objects.filter(recipient=OuterRef("pk"), read_at=None)
            .order_by()
            .values("recipient")
            .annotate(number=Count("pk"))
            .values("number")
        )
        people = User.objects.annotate(unread=Coalesce(Subquery(unread, output_field=IntegerField()), 0))
        user = people.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
