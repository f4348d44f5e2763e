"""How long a session lasts: a time without use, and a time in all, whichever ends first."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.contrib.auth.models import Group

logger = logging.getLogger("govtrack.sessions")

GetResponse = Callable[[HttpRequest], HttpResponseBase]

STARTED, SEEN = "signed_in_at", "last_seen_at"
# The session is written at most this often, in seconds: a write for each page would make every reader a writer.
PRECISION = 60


def begin(request: HttpRequest, **_signal: Any) -> None:
    """A session begins when somebody signs in."""
    request.session[STARTED] = request.session[SEEN] = int(time.time())


def sessions_end(get_response: GetResponse) -> GetResponse:
    """Sign out whoever comes back after SESSION_IDLE_SECONDS, or SESSION_LONGEST_SECONDS after signing in."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            now = int(time.time())
            session = request.session
            started, seen = session.get(STARTED, now), session.get(SEEN, now)
            if now - seen > settings.SESSION_IDLE_SECONDS or now - started > settings.SESSION_LONGEST_SECONDS:
                logout(request)
                messages.info(request, _("You were signed out since your session had ended. Sign in again."))
            elif STARTED not in session or now - seen >= PRECISION:
                session[STARTED], session[SEEN] = started, now
                _kept_if_possible(session)
        return get_response(request)

    return middleware


def _kept_if_possible(session: SessionBase) -> None:
    """Save the session now; where nothing can be written, whoever only reads goes on reading."""
    try:
        session.save()
    except (UpdateError, OperationalError) as error:
        if not isinstance(error.__context__ or error, OperationalError):
            return  # it was ended meanwhile, which Django says when it tries again
        logger.warning("A session was not saved", exc_info=True)
    session.modified = False


def end_sessions(user_id: int) -> None:
    """Sign this person out everywhere: what they may do or their password has changed, or they have left."""
    from allauth.usersessions.models import UserSession

    for session in UserSession.objects.filter(user_id=user_id):
        session.end()


def end_sessions_of(groups: Iterable[Group]) -> None:
    """The same for the members of groups of rights."""
    from allauth.usersessions.models import UserSession

    for session in UserSession.objects.filter(user__groups__in=groups).distinct():
        session.end()
