"""`manage.py restore FILE`: the register as it was when FILE was written, and whether its audit trail is as it was sealed."""

from pathlib import Path
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from audit.events import Kind, record
from audit.models import Seal
from govtrack import backups


class Command(BaseCommand):
    help = (
        "Put back what `backup` wrote. Stop the server and the worker first."
        " Exit codes: 1 it cannot be done, 2 a register or a file would be overwritten, 3 it is done, but the audit trail"
        " in it is not as it was sealed."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--force", action="store_true", help="Replace the register that is there.")
        parser.add_argument("--check", action="store_true", help="Only see whether FILE is whole.")

    def handle(self, *args: Any, file: Path, force: bool, check: bool, **options: Any) -> None:
        try:
            if check:
                manifest = backups.look_at(file)
                self.stdout.write(
                    f"{file} is whole: {len(manifest['parts'])} parts as of {manifest['made_at']}"
                )
                return
            target = backups.database_file()
            before = _head()
            connection.close()
            manifest = backups.restore(file, target, backups.kept_folders(), force)
        except backups.InTheWay as error:
            raise CommandError(str(error), returncode=2) from error
        except (backups.Unusable, OSError) as error:
            raise CommandError(str(error)) from error
        rows = sum(backups.counts(target).values())
        self.stdout.write(
            f"{target} is as of {manifest['made_at']}: {rows:,} rows, {len(manifest['parts']) - 1} files."
            " Run migrate, then check_policies: code and date may be newer."
        )
        self._leave_a_trace(file, manifest["made_at"], before)
        self._verify_trail()

    def _leave_a_trace(self, file: Path, made_at: str, before: str) -> None:
        """End the sessions that were open when the backup was made, and note the restore in the trail that was put back."""
        try:
            ended = Session.objects.count()
            with transaction.atomic():
                UserSession.objects.all().delete()
                Session.objects.all().delete()
                after = {"file": file.name, "as of": made_at, "sessions": ended, "head": _head()}
                record(Kind.COMMAND, name="restore", before={"head": before}, after=after)
        except DatabaseError as error:
            self.stderr.write(
                f"The sessions in the backup were not ended, and the trail does not tell of it: {error}"
            )
        else:
            self.stdout.write(
                f"{ended:,} sessions ended. Close again the accounts that were closed since the backup."
            )

    def _verify_trail(self) -> None:
        """Say whether the trail that was put back is as it was sealed; an older one's tables may first have to be migrated."""
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("The audit trail is of older code: run verify_audit after migrate.")
            return
        try:
            call_command("verify_audit", stdout=self.stdout, stderr=self.stderr)
        except CommandError as error:
            raise CommandError(f"The register was put back. {error}", returncode=3) from error


def _head() -> str:
    """The number and hash of the last seal; nothing where there is none, or no register."""
    try:
        last = Seal.objects.order_by("-number").values_list("number", "hash").first()
    except DatabaseError:
        return ""
    return f"{last[0]} {last[1]}" if last else ""
