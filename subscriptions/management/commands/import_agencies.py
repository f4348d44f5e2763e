"""`manage.py import_agencies FILE`: record and change agencies from a CSV or XLSX file; see docs/importing.md."""

from subscriptions.importing.agencies import COLUMNS
from subscriptions.importing.commands import ImportCommand


class Command(ImportCommand):
    kind = "agencies"
    help = (
        "Records new agencies and changes those that are there, all of the file's or none. The columns are known by their"
        " Korean or English headers: " + ", ".join(COLUMNS) + "."
    )
