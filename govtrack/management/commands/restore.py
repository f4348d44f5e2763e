"""`manage.py restore FILE`: the register as it was when FILE was written, and whether its audit trail is as it was sealed."""

from collections.abc import Iterator
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

TO_END_THEM = (
    "Do not start it. Run migrate; then DELETE FROM usersessions_usersession; DELETE FROM django_session;"
)


class Command(BaseCommand):
    help = (
        "Put back what `backup` wrote. Stop the server and the worker first."
        " Exit codes: 1 it cannot be done, 2 a register or a file would be overwritten, 3 it is done, but the audit trail"
        " in it is not as it was sealed, 4 it is done, but sessions may go on, or the audit trail does not tell of it."
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
        left = [*self._end_sessions(), *self._leave_a_trace(file, manifest["made_at"], before)]
        self._verify_trail()
        if left:
            raise CommandError(" ".join(["The register was put back.", *left]), returncode=4)

    def _end_sessions(self) -> Iterator[str]:
        """End those that were open when the backup was made, by whichever version; says what to do where that cannot be done."""
        there = connection.introspection.table_names()
        try:
            with transaction.atomic():
                self._ended = Session.objects.count() if Session._meta.db_table in there else 0
                for model in (UserSession, Session):
                    if model._meta.db_table in there:
                        model._base_manager.all()._raw_delete(connection.alias)
        except DatabaseError as error:
            self._ended = 0
            yield f"The sessions in it were NOT ended ({error}): whoever was signed in then still is. {TO_END_THEM}"
        else:
            self.stdout.write(
                f"{self._ended:,} sessions ended. Close again the accounts that were closed since the backup."
            )

    def _leave_a_trace(self, file: Path, made_at: str, before: str) -> Iterator[str]:
        """Note the restore in the trail that was put back; says so where that has no place for it."""
        after = {"file": file.name, "as of": made_at, "sessions": self._ended, "head": _head()}
        try:
            with transaction.atomic():
                record(Kind.COMMAND, name="restore", before={"head": before}, after=after)
        except DatabaseError as error:
            yield (
                f"The audit trail does not tell of it ({error}): write down outside of the register who put back which backup,"
                f" when and why, and the last seal of the register before ({before or 'none'})."
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
