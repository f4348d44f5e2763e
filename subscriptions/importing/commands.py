"""What the commands that import files have in common: `manage.py import_… FILE --dry-run`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from agencies.models import User
from subscriptions.importing.columns import Column
from subscriptions.importing.kinds import KINDS
from subscriptions.importing.reading import LARGEST_FILE
from subscriptions.importing.refusing import Refused
from subscriptions.importing.report import Changed, Report
from subscriptions.importing.rows import Problem


class ImportCommand(BaseCommand):
    """Imports a file of the kind `kind`."""

    kind: ClassVar[str]

    @property
    def columns(self) -> Any:
        return KINDS[self.kind].vocabulary.columns

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

    def running(self, options: dict[str, Any]) -> Any:
        return KINDS[self.kind].run

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        by = user_named(options["user"])
        columns = self._chosen(options["column"])
        with translation.override("en"):
            try:
                with path.open("rb") as file:
                    data = file.read(LARGEST_FILE + 1)
                report = self.running(options)(data, path.name, by, columns=columns, trial=options["dry_run"])
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
            self.stderr.write(f"{name}, line {problem.line}: {self._text(problem)}")
        if (more := report.problems_in_all - len(report.problems)) > 0:
            self.stderr.write(f"{name}: and {more:,} more")
        if report.left_out:
            self.stdout.write(f"Columns left out: {', '.join(report.left_out)}")
        for outcome, count in sorted(report.outcomes.items()):
            self.stdout.write(f"{count:,} by the policies in force: {outcome}")
        if report.errors:
            raise CommandError(f"{report.errors:,} errors. Nothing is imported.")
        if report.payments:
            self.stdout.write(f"{report.payments:,} payments got another amount in won")
        done = f"{report.new:,} created, {report.changed:,} changed, {report.left:,} as they were"
        if report.run is None:
            self.stdout.write(f"{done} (a dry run: nothing is kept)")
        else:
            self.stdout.write(f"{done}; import {report.run.pk}")

    def _chosen(self, given: list[str]) -> dict[str, str]:
        chosen = {}
        for text in given:
            header, _equals, column = text.rpartition("=")
            if not header or (column and column not in self.columns):
                names = ", ".join(self.columns)
                raise CommandError(f"--column {text}: write HEADER=COLUMN with one of {names}.")
            chosen[header] = column
        return chosen

    def _text(self, problem: Problem) -> str:
        parts = [problem.message if problem.is_error else f"(warning) {problem.message}"]
        if problem.column:
            column: Column = self.columns[problem.column]
            parts.insert(0, f"{column.label}: ")
        if problem.suggestion:
            parts.append(f" Did you mean {problem.suggestion}?")
        return "".join(parts)


def user_named(name: str | None) -> User:
    """The user of this name, or the first system administrator."""
    if name is None:
        by = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if by is None:
            raise CommandError("There is no system administrator. Name a user with --user.")
        return by
    by = User.objects.filter(username=name, is_active=True).first()
    if by is None:
        raise CommandError(f"There is no active user {name!r}.")
    return by
