"""`manage.py import_subscriptions FILE`: record and change subscriptions from a CSV or XLSX file; see docs/importing.md."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from agencies.models import User
from subscriptions.importing.columns import COLUMNS
from subscriptions.importing.reading import LARGEST_FILE
from subscriptions.importing.refusing import Refused
from subscriptions.importing.rows import Problem
from subscriptions.importing.running import Changed, Report, run
from subscriptions.models import Status


class Command(BaseCommand):
    help = (
        "Records new subscriptions and changes those that are there, all of the file's or none. The columns are known by their"
        " Korean or English headers: " + ", ".join(COLUMNS) + "."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV or XLSX file")
        parser.add_argument(
            "--user",
            help="whose import it is, so which agencies it may name; without it, the first system administrator's",
        )
        parser.add_argument("--dry-run", action="store_true", help="check the file and keep nothing")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="HEADER=COLUMN",
            help="what a header means that does not say it itself; without a column, it is left out",
        )
        parser.add_argument(
            "--in-use",
            action="store_true",
            help="new records without a status are in use already; otherwise they are drafts",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        by = user_named(options["user"])
        columns = _columns(options["column"])
        with translation.override("en"):
            try:
                with path.open("rb") as file:
                    data = file.read(LARGEST_FILE + 1)
                report = run(
                    data,
                    path.name,
                    by,
                    columns=columns,
                    new_as=Status.ACTIVE if options["in_use"] else Status.DRAFT,
                    trial=options["dry_run"],
                )
            except Changed as error:
                raise CommandError(
                    "Somebody changed one of its records just now. Nothing is imported; run it again."
                ) from error
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}") from error
            except Refused as refused:
                where = f", line {refused.line}" if refused.line else ""
                raise CommandError(f"{path.name}{where}: {refused.reason}") from refused
            self._tell(path.name, report)

    def _tell(self, name: str, report: Report) -> None:
        for problem in report.problems:
            self.stderr.write(f"{name}, line {problem.line}: {_text(problem)}")
        told = report.errors + report.warnings
        if told > len(report.problems):
            self.stderr.write(f"{name}: and {told - len(report.problems):,} more")
        if report.left_out:
            self.stdout.write(f"Columns left out: {', '.join(report.left_out)}")
        for outcome, count in sorted(report.outcomes.items()):
            self.stdout.write(f"{count:,} by the policies in force: {outcome}")
        if report.errors:
            raise CommandError(f"{report.errors:,} errors. Nothing is imported.")
        done = f"{report.new:,} created, {report.changed:,} changed, {report.left:,} as they were"
        if report.run is None:
            self.stdout.write(f"{done} (a dry run: nothing is kept)")
        else:
            self.stdout.write(f"{done}; import {report.run.pk}")


def _columns(given: list[str]) -> dict[str, str]:
    chosen = {}
    for text in given:
        header, _equals, column = text.rpartition("=")
        if not header or (column and column not in COLUMNS):
            raise CommandError(f"--column {text}: write HEADER=COLUMN with one of {', '.join(COLUMNS)}.")
        chosen[header] = column
    return chosen


def user_named(name: str | None) -> User:
    if name is None:
        by = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if by is None:
            raise CommandError("There is no system administrator. Name a user with --user.")
        return by
    by = User.objects.filter(username=name, is_active=True).first()
    if by is None:
        raise CommandError(f"There is no active user {name!r}.")
    return by


def _text(problem: Problem) -> str:
    parts = [problem.message if problem.is_error else f"(warning) {problem.message}"]
    if problem.column:
        parts.insert(0, f"{COLUMNS[problem.column].label}: ")
    if problem.suggestion:
        parts.append(f" Did you mean {problem.suggestion}?")
    return "".join(parts)
