"""`manage.py send_reminders`: remind of renewals and waivers, and send what people were told by e-mail; for a nightly timer."""

import datetime
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from agencies.notices.digests import make_digests, send_digests
from agencies.notices.telling import REMINDERS
from policies.notices import tell_of_expiring_waivers
from subscriptions.renewals.keeping import keep_all
from subscriptions.renewals.reminding import remind


class Command(BaseCommand):
    help = (
        "Reminds departments of renewals and waivers that are due, and sends what people were told as one e-mail a day each."
        " Safe to run twice, at once, and to interrupt. Exit code 1: an e-mail failed or is in doubt; run it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--on", metavar="DATE", help="as on this day (YYYY-MM-DD) instead of today")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be sent, and to whom")

    def handle(self, *args: Any, **options: Any) -> None:
        on = timezone.localdate()
        if options["on"]:
            try:
                on = datetime.date.fromisoformat(options["on"])
            except ValueError as error:
                raise CommandError(f"--on takes a day as YYYY-MM-DD, not {options['on']!r}") from error
        if options["dry_run"]:
            with transaction.atomic():
                self._make(on, options["verbosity"] + 1)
                transaction.set_rollback(True)
            self.stdout.write("Nothing was written or sent.")
            return
        self._make(on, options["verbosity"])
        run = send_digests()
        counts = (
            f"{run.sent:,} sent, {run.failed:,} failed, {run.given_up:,} given up, {run.in_doubt:,} in doubt"
        )
        if not run.went_well:
            raise CommandError(f"e-mails: {counts}")
        self.stdout.write(f"e-mails: {counts}")

    def _make(self, on: datetime.date, verbosity: int) -> None:
        corrected, renewals, waivers = keep_all(), remind(on), tell_of_expiring_waivers(on)
        others = [f", {reminded(on):,} of {title}" for title, reminded in REMINDERS]
        made = make_digests(on)
        if verbosity:
            self.stdout.write(
                f"{corrected:,} ends of terms corrected; {renewals.told:,} reminders of renewals, {waivers:,} of waivers"
                f"{''.join(others)}; {len(made):,} e-mails made"
            )
        if renewals.nobody:
            self.stderr.write(
                f"{renewals.nobody:,} reminders of renewals reached nobody: their agencies have no administrator, here or above,"
                " and their departments no contact. They are due again at the next run."
            )
        if verbosity > 1:
            for delivery in made:
                self.stdout.write(f"  {delivery.address} ({delivery.language}): {delivery.subject}")
