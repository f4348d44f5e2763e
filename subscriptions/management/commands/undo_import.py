"""`manage.py undo_import NUMBER`: take back a whole import of a file; see docs/importing.md."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError

from subscriptions.import_models import FileImport
from subscriptions.importing.commands import user_named
from subscriptions.importing.kinds import KINDS
from subscriptions.importing.undoing import Touched


class Command(BaseCommand):
    help = (
        "Takes back what an import created (records become void, payments, agencies and exchange rates are deleted) and makes"
        " what it changed as it was, while nobody has touched any of it since."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "number",
            type=int,
            help="the number of the import, as the command or the page of the import said it",
        )
        parser.add_argument("--user", help="who takes it back; without it, the first system administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        run = FileImport.objects.filter(pk=options["number"]).first()
        if run is None:
            raise CommandError(f"There is no import {options['number']}.")
        try:
            KINDS[run.kind].undo(run, by=user_named(options["user"]))
        except Touched as touched:
            raise CommandError(
                f"Nothing is undone: {', '.join(touched.references)} were worked on since."
            ) from touched
        except PermissionDenied as denied:
            raise CommandError("This import is undone already, or not yours to undo.") from denied
        gone = "void" if KINDS[run.kind].has_status else "deleted"
        self.stdout.write(f"{run.new:,} records {gone}, {run.changed:,} as they were before")
