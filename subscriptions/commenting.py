"""What people say about a subscription: comments that stay, and that their author may strike out with a note."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction

from agencies.models import Notice, User
from agencies.sights import who_see
from subscriptions.attachments.storing import may_file
from subscriptions.models import Comment, StruckComment, Subscription

may_comment = may_file


@transaction.atomic
def comment(subscription: Subscription, *, by: User, text: str) -> Comment:
    """Say something about a subscription; those who had to do with it, and still see it, are told."""
    if not may_comment(by, subscription.agency):
        raise PermissionDenied
    made = Comment.objects.create(subscription=subscription, text=text, written_by=by)
    Notice.objects.bulk_create(
        Notice(
            recipient=person,
            key="subscription_commented",
            parameters={"reference": subscription.reference, "by": str(by)},
            url=subscription.get_absolute_url(),
        )
        for person in who_see(_involved(subscription), subscription.agency)
        if person != by
    )
    return made


@transaction.atomic
def strike(said: Comment, *, by: User, note: str) -> StruckComment:
    """Strike out one's own comment. Raises PermissionDenied for anybody else's, ValueError when that is done already."""
    # Its subscription stands for the comment, which nothing may change or lock for a change.
    Subscription.objects.select_for_update(no_key=True, of=("self",)).get(pk=said.subscription_id)
    if not may_strike(by, said):
        raise PermissionDenied
    if StruckComment.objects.filter(comment=said).exists():
        raise ValueError("struck out already")
    return StruckComment.objects.create(comment=said, note=note)


def may_strike(user: User, said: Comment) -> bool:
    return said.written_by_id == user.pk and may_comment(user, said.subscription.agency)


def _involved(subscription: Subscription) -> list[User]:
    """Whoever recorded, decided on or commented on it, or looks after it."""
    keys: set[int | None] = set(subscription.decisions.values_list("decided_by", flat=True))
    keys |= set(subscription.comments.values_list("written_by", flat=True))
    keys.add(subscription.recorded_by_id)
    responsible = getattr(subscription, "responsible", None)
    if responsible is not None:
        keys.add(responsible.person_id)
    return list(User.objects.filter(pk__in=[key for key in keys if key], is_active=True).order_by("pk"))
