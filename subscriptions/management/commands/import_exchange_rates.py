"""`manage.py import_exchange_rates FILE`: record and change exchange rates from a CSV or XLSX file; see docs/money.md."""

from argparse import ArgumentParser
from functools import partial
from typing import Any

from subscriptions.importing import exchange_rates
from subscriptions.importing.commands import ImportCommand
from subscriptions.importing.exchange_rates import COLUMNS


class Command(ImportCommand):
    kind = "rates"
    help = (
        "Records new exchange rates and changes those that are there, all of the file's or none. The columns are known by"
        " their Korean or English headers: " + ", ".join(COLUMNS) + "."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--source", metavar="CODE", help="the code of the source of rows that name none")

    def running(self, options: dict[str, Any]) -> Any:
        given = {"source": options["source"]} if options["source"] else {}
        return partial(exchange_rates.run, given=given)
