"""`manage.py create_data_entry_group`: the group of those who record for their agencies in the Django admin."""

from typing import Any

from django.core.management.base import BaseCommand

from subscriptions.data_entry import create_data_entry_group


class Command(BaseCommand):
    help = "Create the group “Data entry”, or give it its rights again."

    def handle(self, *args: Any, **options: Any) -> None:
        group = create_data_entry_group()
        self.stdout.write(f"group: {group.name} ({group.permissions.count()} rights)")
