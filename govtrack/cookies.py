"""Cookies that carry messages to the next page, under a name that settings choose as for all other cookies."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class NamedCookieStorage(CookieStorage):
    cookie_name = settings.MESSAGES_COOKIE_NAME


class MessageStorage(FallbackStorage):
    """Django's own way, messages in a signed cookie and long ones in the session, but for the cookie's name."""

    storage_classes = (NamedCookieStorage, SessionStorage)
