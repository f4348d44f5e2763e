"""`manage.py backup FILE`: the register on SQLite as one file, while it is in use."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from govtrack import backups


class Command(BaseCommand):
    help = (
        "Write the database, as of one moment, and the folders of files to FILE."
        " Exit codes: 1 it cannot be done, 2 FILE exists."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--force", action="store_true", help="Replace FILE if it exists.")

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        try:
            source = backups.database_file()
            manifest = backups.back_up(file, source, backups.kept_folders(), force)
        except backups.InTheWay as error:
            raise CommandError(str(error), returncode=2) from error
        except (backups.Unusable, OSError) as error:
            raise CommandError(str(error)) from error
        megabytes = file.stat().st_size / 1024 / 1024
        self.stdout.write(
            f"{file}: {len(manifest['parts'])} parts, {megabytes:.1f} MB, as of {manifest['made_at']}"
        )
