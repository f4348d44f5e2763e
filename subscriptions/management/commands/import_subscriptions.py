"""`manage.py import_subscriptions FILE`: record and change subscriptions from a CSV or XLSX file; see docs/importing.md."""

from argparse import ArgumentParser
from functools import partial
from typing import Any

from subscriptions.importing import running
from subscriptions.importing.columns import COLUMNS
from subscriptions.importing.commands import ImportCommand
from subscriptions.models import Status


class Command(ImportCommand):
    kind = "subscriptions"
    help = (
        "Records new subscriptions and changes those that are there, all of the file's or none. The columns are known by their"
        " Korean or English headers: " + ", ".join(COLUMNS) + "."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--in-use",
            action="store_true",
            help="new records without a status are in use already; otherwise they are drafts",
        )

    def running(self, options: dict[str, Any]) -> Any:
        return partial(running.run, new_as=Status.ACTIVE if options["in_use"] else Status.DRAFT)
