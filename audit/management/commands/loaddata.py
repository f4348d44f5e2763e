"""`manage.py loaddata`: Django's own, which writes past all history; that it ran is an event."""

from collections.abc import Sequence
from pathlib import Path

from django.core.management.commands import loaddata
from django.db import connection, router

from audit.events import Kind, record
from audit.models import Event


class Command(loaddata.Command):
    def loaddata(self, fixture_labels: Sequence[str]) -> None:
        super().loaddata(fixture_labels)
        if self.using == router.db_for_write(Event) == connection.alias:
            names = [Path(label).name for label in fixture_labels]
            rows = self.loaded_object_count
            record(Kind.COMMAND, name="loaddata", after={"fixtures": names, "rows": rows})
