"""`manage.py remove_old_exports`: delete the files made in the background some days ago; for every night."""

import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from audit.events import Kind, record
from oversight.exports.jobs import remove_old


class Command(BaseCommand):
    help = "Delete exported files after EXPORTS_DAYS days, and what interrupted exports have left."

    def handle(self, *args: Any, **options: Any) -> None:
        removed, left = remove_old(timezone.now() - datetime.timedelta(days=settings.EXPORTS_DAYS))
        if removed:
            record(Kind.COMMAND, name="remove_old_exports", after={"files": removed})
        self.stdout.write(f"{removed} files removed, {left} left-overs")
