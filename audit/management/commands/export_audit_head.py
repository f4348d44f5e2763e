"""`manage.py export_audit_head [FILE]`: write the head of the audit trail, to be signed off elsewhere."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import heads


class Command(BaseCommand):
    help = (
        "Writes the end of the chain of seals to a file, or shows it. Whoever keeps it elsewhere can prove with"
        " `verify_audit --head FILE` that nothing before it was changed, not even with all its seals."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="where to; it must not be there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        found = heads.head()
        if not found["seals"]:
            raise CommandError("Nothing is sealed yet: run seal_audit first.")
        path: Path | None = options["file"]
        if path is None:
            self.stdout.write(heads.written(found), ending="")
            return
        try:
            with path.open("x") as file:
                file.write(heads.written(found))
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        self.stdout.write(f"seal {found['seals']} {found['hash']}")
