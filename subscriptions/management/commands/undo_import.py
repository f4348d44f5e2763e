"""`manage.py undo_import NUMBER`: take back a whole import of subscriptions; see docs/importing.md."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError

from subscriptions.import_models import FileImport
from subscriptions.importing.undoing import Touched, undo
from subscriptions.management.commands.import_subscriptions import user_named


class Command(BaseCommand):
    help = "Declares void what an import created, and makes what it changed as it was, while nobody has touched any of it since."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "number", type=int, help="the number of the import, as import_subscriptions said it"
        )
        parser.add_argument("--user", help="who takes it back; without it, the first system administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        run = FileImport.objects.filter(pk=options["number"]).first()
        if run is None:
            raise CommandError(f"There is no import {options['number']}.")
        try:
            undo(run, by=user_named(options["user"]))
        except Touched as touched:
            raise CommandError(
                f"Nothing is undone: {', '.join(touched.references)} were worked on since."
            ) from touched
        except PermissionDenied as denied:
            raise CommandError("This import is undone already, or not yours to undo.") from denied
        self.stdout.write(f"{run.new:,} records void, {run.changed:,} as they were before")
