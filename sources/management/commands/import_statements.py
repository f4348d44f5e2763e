"""`manage.py import_statements FILE.csv`: enter what a source states, from a file; see docs/fixtures.md for its columns."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from sources.importing import COLUMNS, NotImported, import_statements


class Command(BaseCommand):
    help = (
        "Creates or changes statements by their source and code, all of the file's or none. Columns: "
        + ", ".join(COLUMNS)
        + ". `subject` holds the codes of the member agencies, with spaces between."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV file in UTF-8")
        parser.add_argument("--dry-run", action="store_true", help="check the file and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            with translation.override("en"), path.open(encoding="utf-8-sig", newline="") as lines:
                done = import_statements(lines, path.name, options["dry_run"])
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except NotImported as error:
            for line, message in error.errors:
                self.stderr.write(f"{path.name}, line {line}: {message}")
            raise CommandError("Nothing is imported.") from error
        told = f"{len(done.created)} created, {len(done.changed)} changed, {len(done.unchanged)} as they were"
        self.stdout.write(f"{told} (a dry run: nothing is kept)" if options["dry_run"] else told)
