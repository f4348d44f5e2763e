"""`manage.py import_payments FILE`: record and change payments from a CSV or XLSX file; see docs/importing.md."""

from subscriptions.importing.commands import ImportCommand
from subscriptions.importing.payments import COLUMNS


class Command(ImportCommand):
    kind = "payments"
    help = (
        "Records new payments and changes those that are there, all of the file's or none. The columns are known by their"
        " Korean or English headers: " + ", ".join(COLUMNS) + "."
    )
