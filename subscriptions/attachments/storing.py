"""Files are laid under random names in a folder of their own, which nothing serves, and are told by their row in the database."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from agencies.models import Agency, Role, User
from subscriptions.attachments.kinds import Kind, NotTaken, kind_of
from subscriptions.models import Attachment, RemovedAttachment, Subscription

WORKING = (Role.ADMINISTRATOR, Role.APPROVER, Role.POLICY_OFFICER)


def may_file(user: User, agency: Agency) -> bool:
    """Administrators, approvers and policy officers file and comment; committee members read."""
    return user.has_role(*WORKING, at=agency)


def may_remove(user: User, attachment: Attachment) -> bool:
    """Whoever added it, while they may still file there, and administrators."""
    agency = attachment.subscription.agency
    own = attachment.added_by_id == user.pk and may_file(user, agency)
    return own or user.has_role(Role.ADMINISTRATOR, at=agency)


def path_of(attachment: Attachment) -> Path:
    return Path(settings.ATTACHMENTS_DIR) / attachment.stored_as


def disagreements() -> Iterator[tuple[str, str, int]]:
    """Of the attachments that nobody removed: files that are not what was filed ("file"), or are not there ("lost"), each with
    its table and number."""
    for attachment in Attachment.objects.there().order_by("pk").iterator():
        try:
            with path_of(attachment).open("rb") as content:
                what = "" if hash_of(content) == attachment.sha256 else "file"
        except OSError:
            what = "lost"
        if what:
            yield what, Attachment._meta.db_table, attachment.pk


def hash_of(content: BufferedReader) -> str:
    return hashlib.file_digest(content, "sha256").hexdigest()


def attach(subscription: Subscription, file: UploadedFile[Any], *, by: User, note: str = "") -> Attachment:
    """File a file with a subscription. Raises NotTaken with the reason when it is none that is taken."""
    if not may_file(by, subscription.agency):
        raise PermissionDenied
    if file.size is None or file.size > settings.ATTACHMENT_MAX_BYTES:
        raise NotTaken(
            _("The file is larger than %(limit)s.") % {"limit": filesizeformat(settings.ATTACHMENT_MAX_BYTES)}
        )
    assert file.file is not None
    kind = kind_of(file.file)
    stored_as = secrets.token_hex(20)
    digest = _lay(file, Path(settings.ATTACHMENTS_DIR) / stored_as)
    try:
        with transaction.atomic():
            # Held, so that two at once do not exceed the limit together.
            Subscription.objects.select_for_update(no_key=True, of=("self",)).get(pk=subscription.pk)
            if subscription.attachments.filter(removal=None).count() >= settings.ATTACHMENTS_MAX:
                raise NotTaken(
                    _("A subscription has at most %(count)s files. Remove one that is not needed.")
                    % {"count": settings.ATTACHMENTS_MAX}
                )
            return Attachment.objects.create(
                subscription=subscription,
                name=name_of(file.name or "", kind),
                kind=kind,
                size=file.size,
                sha256=digest,
                stored_as=stored_as,
                note=note,
                added_by=by,
            )
    except BaseException:
        (Path(settings.ATTACHMENTS_DIR) / stored_as).unlink(missing_ok=True)
        raise


@transaction.atomic
def remove(attachment: Attachment, *, by: User, reason: str) -> RemovedAttachment:
    """Remove a file for good; that it was there, and who removed it why, is kept. Raises ValueError when it is gone already."""
    # The row itself cannot be locked for a change that it never sees; its subscription stands for it.
    Subscription.objects.select_for_update(no_key=True, of=("self",)).get(pk=attachment.subscription_id)
    if not may_remove(by, attachment):
        raise PermissionDenied
    if RemovedAttachment.objects.filter(attachment=attachment).exists():
        raise ValueError("removed already")
    removed = RemovedAttachment.objects.create(attachment=attachment, removed_by=by, reason=reason)
    transaction.on_commit(lambda: path_of(attachment).unlink(missing_ok=True))
    return removed


def name_of(sent: str, kind: Kind) -> str:
    """The name under which a file is shown and fetched: what was sent, without folders and signs, with its kind's extension."""
    base = re.split(r"[\\/]", unicodedata.normalize("NFC", sent))[-1]
    base = "".join(sign for sign in base if sign.isprintable() and sign not in '<>:"|?*')
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", base).strip(" .") or _("file")
    return f"{stem[:150]}.{kind.value}"


def _lay(file: UploadedFile[Any], target: Path) -> str:
    """Write a file in one step, so that none is ever half there; returns its SHA-256."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partly = target.with_suffix(".part")
    digest = hashlib.sha256()
    try:
        with os.fdopen(os.open(partly, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as laid:
            for chunk in file.chunks():
                digest.update(chunk)
                laid.write(chunk)
            laid.flush()
            os.fsync(laid.fileno())
        partly.replace(target)
    except BaseException:
        partly.unlink(missing_ok=True)
        raise
    return digest.hexdigest()
