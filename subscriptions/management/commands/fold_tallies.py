"""`manage.py fold_tallies`: add up what has been paid since the last time; with --recount, all of it from the payments."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from subscriptions.tallies import fold, recount


class Command(BaseCommand):
    help = (
        "Adds the changes of what has been paid to its tallies, as check_policies does. With --recount makes the tallies anew"
        " from the payments, during which nobody can write any, and says what differed. Safe to interrupt and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--recount", action="store_true", help="count all payments again")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["recount"]:
            self.stdout.write(f"{fold():,} changes added up")
            return
        different = {table: rows for table, rows in recount().items() if rows}
        for table, rows in different.items():
            self.stdout.write(f"{table}: {rows:,} rows differed")
        self.stdout.write("tallies made anew" if different else "tallies equal to the payments")
