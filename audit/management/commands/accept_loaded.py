"""`manage.py accept_loaded`: what an older `loaddata` brought, of which the trail keeps no hashes; see docs/audit.md."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from audit import fixtures
from audit.agreement import tracked
from audit.events import Kind, record


class Command(BaseCommand):
    help = (
        "Tells which records have no history and were brought by no fixture that the trail knows of. With --reason, notes in the"
        " trail that they are accepted as they are now, with a hash of each: once, after an update from a version whose loaddata"
        " kept none. Records that are not as a fixture brought them are not accepted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="why they are accepted; without it, nothing is"
        )

    @transaction.atomic
    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        found = fixtures.unknown(tracked())
        for model, keys in found.items():
            some = ", ".join(map(str, sorted(keys)[:20]))
            self.stdout.write(
                f"{model._meta.db_table}: {len(keys):,} ({some}{', …' if len(keys) > 20 else ''})"
            )
        rows = sum(map(len, found.values()))
        if not rows:
            self.stdout.write("There is nothing to accept.")
        elif not reason.strip():
            self.stdout.write("Nothing is accepted yet. Look at them, and say why with --reason.")
        else:
            after = {"rows": rows, "tables": [model._meta.db_table for model in found]}
            kept = fixtures.hashes_of(found)
            record(
                Kind.COMMAND,
                name=fixtures.ACCEPTED,
                after={**after, fixtures.KEPT: kept},
                reason=reason.strip(),
            )
            self.stdout.write(f"{rows:,} records are accepted as they are, and the trail says so.")
