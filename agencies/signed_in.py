"""The request as views get it: the middleware sends everybody else to the login page first."""

from django.http import HttpRequest

from agencies.models import User


class SignedInRequest(HttpRequest):
    """A request of a person with an account, for the signatures of views behind LoginRequiredMiddleware."""

    user: User
