"""From where people sign in: whether a browser and network were seen before, and whether somebody guessed before it worked."""

from __future__ import annotations

import datetime
import ipaddress
import re
from typing import Any

from django.db import models, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from agencies.models import User
from audit.models import Event
from audit.origin import address_of

# What was not used for so long is a new one again.
FORGOTTEN_AFTER = datetime.timedelta(days=365)
# So many wrong attempts in a row before one that worked are told of.
FAILURES_TOLD = 3


class KnownPlace(models.Model):
    """A browser and network from which a person has signed in: only a keyed hash of both."""

    user = models.ForeignKey(User, models.CASCADE, related_name="known_places", verbose_name=_("user"))
    digest = models.CharField(_("hash of browser and network"), max_length=64)
    first_at = models.DateTimeField(_("first signed in at"), default=timezone.now)
    last_at = models.DateTimeField(_("last signed in at"), default=timezone.now)

    class Meta:
        verbose_name = _("known place of signing in")
        verbose_name_plural = _("known places of signing in")
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="known_place_once")]

    def __str__(self) -> str:
        return f"{self.user} {self.digest[:8]}"


def digest_of(request: HttpRequest) -> str:
    """The network is the address without its last part (/24, /48 for IPv6), the browser is its name without version numbers."""
    address = address_of(request)
    network = ""
    if address:
        length = 24 if ipaddress.ip_address(address).version == 4 else 48
        network = str(ipaddress.ip_network(f"{address}/{length}", strict=False))
    browser = re.sub(r"[\d.]+", "", request.META.get("HTTP_USER_AGENT", "")[:500])
    return salted_hmac("agencies.places", f"{network}|{browser}", algorithm="sha256").hexdigest()


def signed_in(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Remember from where somebody signed in, and tell them where it is new to them, or was guessed at before."""
    from agencies.signing_in.telling import tell_of

    now = timezone.now()
    with transaction.atomic():
        known = KnownPlace.objects.filter(user=user)
        here = digest_of(request)
        if not known.filter(digest=here).update(last_at=now):
            is_first = not known.exists()
            known.filter(last_at__lt=now - FORGOTTEN_AFTER).delete()
            _place, is_new = KnownPlace.objects.get_or_create(user=user, digest=here)
            if is_new and not is_first:
                tell_of(user, "account.new-place")
        failures = failures_before(user)
        if failures >= FAILURES_TOLD:
            tell_of(user, "account.after-failures", count=failures)


def failures_before(user: User) -> int:
    """How many wrong attempts for the account there were between the sign-in before this one and this one (50 at most)."""
    told = Event.objects.filter(about_type=user._meta.label_lower, about_id=str(user.pk))
    kinds = [Event.Kind.SIGN_IN, Event.Kind.SIGN_IN_FAILED]
    newest = list(told.filter(kind__in=kinds).order_by("-pk").values_list("kind", flat=True)[:51])
    if newest[:1] == [Event.Kind.SIGN_IN]:  # this one, where the trail heard of it first
        newest = newest[1:]
    return next((n for n, kind in enumerate(newest) if kind == Event.Kind.SIGN_IN), len(newest))
