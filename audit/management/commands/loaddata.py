"""`manage.py loaddata`: Django's own, which writes past all history; that it ran is an event, which keeps a hash of each row."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.commands import loaddata
from django.db import connection, router

from audit import fixtures
from audit.agreement import tracked
from audit.events import Kind, record
from audit.models import Event


class Command(loaddata.Command):
    def loaddata(self, fixture_labels: Sequence[str]) -> None:
        self._loaded: dict[Any, set[int]] = {}
        super().loaddata(fixture_labels)
        if self.using == router.db_for_write(Event) == connection.alias:
            after = {
                "fixtures": [Path(label).name for label in fixture_labels],
                "rows": self.loaded_object_count,
            }
            known = tracked()
            kept = fixtures.hashes_of({model: keys for model, keys in self._loaded.items() if model in known})
            record(
                Kind.COMMAND,
                name=fixtures.COMMAND,
                after={**after, **({fixtures.KEPT: kept} if kept else {})},
            )

    def save_obj(self, obj: Any) -> bool:
        saved: bool = super().save_obj(obj)
        if saved:
            self._loaded.setdefault(type(obj.object), set()).add(obj.object.pk)
        return saved
