"""`manage.py check_policies`: judge all subscriptions by the policies in force; meant for a nightly timer."""

import datetime
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agencies.models import Agency
from audit.events import Kind, record
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
        parser.add_argument(
            "--policy", metavar="CODE", action="append", help="only this policy; may be repeated"
        )
        parser.add_argument("--agency", metavar="CODE", help="only this agency and all below it")

    def handle(self, *args: Any, **options: Any) -> None:
        codes, agency = options["policy"], None
        if codes:
            unknown = set(codes) - set(Policy.objects.values_list("code", flat=True))
            if unknown:
                raise CommandError(f"No policy has this code: {', '.join(sorted(unknown))}")
        if options["agency"]:
            agency = Agency.objects.filter(code=options["agency"]).first()
            if agency is None:
                raise CommandError(f"No agency has this code: {options['agency']}")
        if options["on"]:
            try:
                day = datetime.date.fromisoformat(options["on"])
            except ValueError as error:
                raise CommandError(f"--on takes a day as YYYY-MM-DD, not {options['on']!r}") from error
            self._print(verdict_counts(day, codes, agency))
            return
        self._said = 0.0 if options["verbosity"] > 1 else time.monotonic()
        self._pause = 0 if options["verbosity"] > 1 else 5
        summary = check_everything(self._progress, codes, agency)
        told = {"subscriptions": summary.subscriptions, "findings open": summary.findings_open}
        chosen = {name: options[name] for name in ("policy", "agency") if options[name]}
        record(Kind.COMMAND, name="check_policies", after={**chosen, **told})
        self.stdout.write(
            f"{summary.subscriptions:,} subscriptions checked; {summary.facts_changed:,} facts changed,"
            f" {summary.findings_open:,} findings open"
        )
        self._print(summary.verdicts)

    def _progress(self, step: str, done: int, total: int) -> None:
        """At most one line in five seconds, so that a small register prints its summary alone; every step when asked."""
        if time.monotonic() - self._said > self._pause:
            self._said = time.monotonic()
            self.stdout.write(f"{step}: {done:,} of {total:,}")

    def _print(self, verdicts: dict[str, dict[str, int]]) -> None:
        for code, counts in verdicts.items():
            self.stdout.write(f"  {code}: " + ", ".join(f"{n:,} {verdict}" for verdict, n in counts.items()))
