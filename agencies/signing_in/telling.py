"""People are told of what happens to their own account: on the page of notices, and by e-mail at once where they have an address.

These cannot be switched off. The worker sends the e-mail; what it does not send, the next digest takes along, to the address that
the account had when it happened. What happens while no e-mail is sent stays on the page.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_tasks import task

from agencies.models import Notice, User
from agencies.notices.digests import absolute
from agencies.notices.telling import Kind, register, texts_of

# Each event with the page where one sees to it.
MESSAGES = {
    "account.new-place": _(
        "Somebody signed in to your account with a browser or from a network that was not seen before."
    ),
    "account.after-failures": _("Somebody signed in to your account after %(count)s failed attempts."),
    "account.password": _("The password of your account was changed."),
    "account.factor-added": _("A second factor was set up for your account."),
    "account.factor-removed": _("The second factor of your account was removed."),
    "account.factor-reset": _(
        "A system administrator has reset the second factor of your account. Set up a new one."
    ),
    "account.codes": _("New recovery codes were made for your account."),
    "account.code-used": _("A recovery code was used for your account."),
    "account.email": _("The e-mail address of your account was changed."),
    "account.identity-linked": _("An identity for single sign-on was linked to your account."),
    "account.identity-unlinked": _("An identity for single sign-on was unlinked from your account."),
}
PAGES = {
    "account.password": "password_change",
    "account.factor-added": "mfa_index",
    "account.factor-removed": "mfa_index",
    "account.factor-reset": "mfa_index",
    "account.codes": "mfa_index",
    "account.code-used": "mfa_index",
    "account.email": "account-email",
    "account.identity-linked": "sso",
    "account.identity-unlinked": "sso",
}
register(Kind.SECURITY, MESSAGES)


@transaction.atomic
def tell_of(user: User, key: str, *, to: str = "", **parameters: Any) -> None:
    """Tell `user` what happened to their account; by e-mail to the account's address, or to `to` (an address it had before)."""
    url = reverse(PAGES.get(key, "usersessions_list"))
    is_sent = settings.EMAIL_IS_SENT
    notice = Notice.objects.create(
        recipient=user,
        key=key,
        parameters=parameters,
        url=url,
        email=to or user.email,
        # Old news to an old address, once e-mail is switched on.
        mail=Notice.Mail.WAITING if is_sent else Notice.Mail.SKIPPED,
    )
    if notice.email and is_sent:
        send_at_once.enqueue(notice.pk)


@task()
def send_at_once(notice: int, address: str = "") -> None:
    """Send one notice by itself, unless a digest has taken it.

    Noted before, as an attempt (`agencies.notices.digests`), and sent outside of any transaction: on SQLite a slow server would
    keep everybody else from writing. `address`: what was queued before notices kept it.
    """
    row = Notice.objects.filter(pk=notice)
    if address:
        row.filter(email="").update(email=address)
    claim = {"mail": Notice.Mail.SENDING, "mail_tried_at": timezone.now()}
    if not row.filter(mail=Notice.Mail.WAITING).exclude(recipient=None).update(**claim):
        return
    told = row.select_related("recipient__notice_preferences").get()
    assert told.recipient is not None
    try:
        with translation.override(language_of(told.recipient)):
            subject, body = written(told)
        send(subject, body, told.email)
    except Exception:
        row.update(mail=Notice.Mail.WAITING)
        raise
    row.update(mail=Notice.Mail.TAKEN)


def language_of(user: User) -> str:
    preferences = getattr(user, "notice_preferences", None)
    return preferences.language if preferences else settings.LANGUAGE_CODE


def written(notice: Notice) -> tuple[str, str]:
    """Subject and text, in the language in use."""
    context = {
        "text": texts_of([notice])[0],
        "user": notice.recipient,
        "at": timezone.localtime(notice.created_at),
        "url": absolute(notice.url),
        "sessions_url": absolute(reverse("usersessions_list")),
    }
    return gettext("[govtrack] About your account"), render_to_string("account/told.txt", context)


def send(subject: str, body: str, address: str) -> None:
    EmailMessage(subject, body, None, [address], headers={"Auto-Submitted": "auto-generated"}).send()
