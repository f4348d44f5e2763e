"""`manage.py remove_old_exports`: delete old exports and uploads, and what killed processes have left; for every night."""

import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit.events import Kind, record
from oversight.exports.jobs import remove_old
from subscriptions.attachments.sweeping import Doubtful, sweep
from subscriptions.importing.jobs import remove_old as remove_old_uploads


class Command(BaseCommand):
    help = (
        "Delete exported files after EXPORTS_DAYS days, uploaded ones after IMPORTS_DAYS,"
        " and what interrupted runs have left; of attachments, files without a row and those that somebody removed, after a day."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        removed, left = remove_old(now - datetime.timedelta(days=settings.EXPORTS_DAYS))
        if removed:
            record(Kind.COMMAND, name="remove_old_exports", after={"files": removed})
        self.stdout.write(f"{removed} files removed, {left} left-overs")
        removed, left = remove_old_uploads(now - datetime.timedelta(days=settings.IMPORTS_DAYS))
        self.stdout.write(f"{removed} uploads removed, {left} left-overs")
        try:
            swept = sweep(now - datetime.timedelta(days=1))
        except Doubtful as doubt:
            raise CommandError(str(doubt)) from doubt
        if swept:
            record(Kind.COMMAND, name="remove_old_exports", after={"attachments": swept})
        self.stdout.write(f"{swept} left-overs of attachments removed")
