"""`manage.py import_exchange_rates FILE`: take in exchange rates from a CSV or XLSX file; see docs/money.md."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation

from sources.models import Source
from subscriptions.importing.commands import user_named
from subscriptions.importing.reading import LARGEST_FILE
from subscriptions.importing.refusing import Refused
from subscriptions.rates import HEADERS, import_rates


class Command(BaseCommand):
    help = (
        "Takes in all rates of a file, or none where anything is wrong with one. Columns: "
        + "; ".join(f"{titles[0]} (or {', '.join(titles[1:])})" for titles in HEADERS.values())
        + ". The same file twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV or XLSX file")
        parser.add_argument("--dry-run", action="store_true", help="check the file and keep nothing")
        parser.add_argument("--source", help="the code of the source of rows that name none")
        parser.add_argument("--user", help="whose change it is; without it, the first system administrator's")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        by = user_named(options["user"])
        source = None
        if options["source"]:
            source = Source.objects.readable_by(by).filter(code=options["source"]).first()
            if source is None:
                raise CommandError(f"There is no source {options['source']!r}.")
        with translation.override("en"):
            try:
                with path.open("rb") as file:
                    data = file.read(LARGEST_FILE + 1)
                report = import_rates(data, by, timezone.localdate(), source, trial=options["dry_run"])
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}") from error
            except PermissionDenied as denied:
                raise CommandError(f"{by} may not change exchange rates.") from denied
            except Refused as refused:
                where = f", line {refused.line}" if refused.line else ""
                raise CommandError(f"{path.name}{where}: {refused.reason}") from refused
            for problem in report.problems:
                self.stderr.write(f"{path.name}, line {problem.line}: {problem.message}")
            if report.problems:
                raise CommandError(
                    f"{len(report.problems) + report.more_problems:,} errors. Nothing is taken in."
                )
        done = f"{report.new:,} new, {report.changed:,} changed, {report.left:,} as they were"
        if report.done:
            self.stdout.write(f"{done}; {report.payments:,} payments got another amount in won")
        else:
            self.stdout.write(f"{done} (a dry run: nothing is kept)")
