"""`manage.py check_policies`: judge all subscriptions by the policies in force; meant for a nightly timer."""

import datetime
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from policies.models import Policy
from subscriptions.checking import check_everything, verdict_counts


class Command(BaseCommand):
    help = (
        "Recomputes the facts of all subscriptions, judges them by the policies in force today and reconciles the findings."
        " With --on another day it only reports. Safe to interrupt and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--on", metavar="DATE", help="report the verdicts of this day (YYYY-MM-DD); writes nothing"
        )
        parser.add_argument("--policy", metavar="CODE", action="append", help="with --on: only this policy")

    def handle(self, *args: Any, **options: Any) -> None:
        codes = options["policy"]
        if codes:
            unknown = set(codes) - set(Policy.objects.values_list("code", flat=True))
            if unknown:
                raise CommandError(f"No policy has this code: {', '.join(sorted(unknown))}")
        if options["on"]:
            try:
                day = datetime.date.fromisoformat(options["on"])
            except ValueError as error:
                raise CommandError(f"--on takes a day as YYYY-MM-DD, not {options['on']!r}") from error
            self._print(verdict_counts(day, codes))
            return
        if codes:
            raise CommandError("--policy goes with --on; without it everything is checked")
        summary = check_everything(self._progress if options["verbosity"] > 1 else lambda *_args: None)
        self.stdout.write(
            f"{summary.subscriptions:,} subscriptions checked; {summary.facts_changed:,} facts"
            f" changed, {summary.findings_open:,} findings open"
        )
        self._print(summary.verdicts)

    def _progress(self, step: str, done: int, total: int) -> None:
        self.stdout.write(f"{step}: {done:,} of {total:,}")

    def _print(self, verdicts: dict[str, dict[str, int]]) -> None:
        for code, counts in verdicts.items():
            self.stdout.write(f"  {code}: " + ", ".join(f"{n:,} {verdict}" for verdict, n in counts.items()))
