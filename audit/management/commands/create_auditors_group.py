"""`manage.py create_auditors_group`: the group of those who read the audit trail and nothing besides."""

from typing import Any

from django.core.management.base import BaseCommand

from audit.auditors import create_auditors_group


class Command(BaseCommand):
    help = "Create the group “Auditors”, or give it its right again."

    def handle(self, *args: Any, **options: Any) -> None:
        group = create_auditors_group()
        self.stdout.write(f"group: {group.name} ({group.permissions.count()} rights)")
