"""`manage.py seal_audit`: seal what is new in the audit trail; once, for a timer, or all the time with --every."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from audit.sealing import AnotherSeals, seal_all
from audit.settings_seen import note_settings


class Command(BaseCommand):
    help = (
        "Seals the rows of the audit trail that are not sealed yet, each batch with a hash over its rows and the seal before."
        " Nobody who writes waits for it. Safe to interrupt and to run again, and beside another run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every",
            type=float,
            metavar="SECONDS",
            help="go on until stopped, with a pause of so many seconds",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        every = options["every"]
        if every is not None and every <= 0:
            raise CommandError("--every takes a number of seconds above 0.")
        note_settings()
        while True:
            try:
                done = seal_all()
            except AnotherSeals:
                self.stdout.write("another run seals at the same time; the rest is left to the next")
            else:
                if done.rows or every is None:
                    self.stdout.write(f"{done.rows:,} rows sealed by {done.seals:,} seals")
            if every is None:
                return
            self.stdout.flush()
            connection.close()
            try:
                time.sleep(every)
            except KeyboardInterrupt:
                return
