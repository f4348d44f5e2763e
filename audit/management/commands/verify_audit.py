"""`manage.py verify_audit`: whether the audit trail is as it was sealed; see docs/audit.md."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import heads
from audit.agreement import disagreements
from audit.verifying import Fault, verify

TOLD = {
    "unlike": "it is not as its last history says",
    "gone": "it is gone, and its history does not say so",
    "set": "it is not joined to what its last history says",
    "none": "it has no history, and is not as a fixture brought it or as it was accepted",
    "file": "its file is not what was filed",
    "lost": "its file is not there",
    "back": "it is there, and its history says that it was deleted",
}


class Command(BaseCommand):
    help = (
        "Compares every row of the audit trail with its seal and every seal with the one before; names each row that was changed,"
        " removed or put in since, and says how much is not sealed yet. Ends with code 1 when anything is wrong. Changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="a head that export_audit_head wrote before: the chain must still hold it; may be repeated",
        )
        parser.add_argument(
            "--records",
            action="store_true",
            help="also compare today's records with their last history: one changed past it, or put in without, is a fault",
        )
        parser.add_argument("--json", action="store_true", help="say the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        self._said = time.monotonic()
        as_json, faults = options["json"], list[dict[str, Any]]()

        def found(fault: Fault) -> None:
            if as_json:
                faults.append(vars(fault))
            else:
                self.stdout.write(str(fault))

        done = verify([_head(path) for path in options["head"]], found, self._progress)
        for different in disagreements() if options["records"] else ():
            done.faults += 1
            found(Fault("record", different.table, row=different.row, told=TOLD[different.what]))
        unsealed = sum(done.unsealed.values())
        oldest = f", the oldest of {done.oldest.isoformat(timespec='seconds')}" if done.oldest else ""
        if as_json:
            result = {
                "seals": done.seals,
                "rows": done.rows,
                "head": done.head,
                "faults": faults,
                "unsealed": done.unsealed,
                "oldest": done.oldest and done.oldest.isoformat(),
            }
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write(
                f"{done.rows:,} sealed rows verified by {done.seals:,} seals; {unsealed:,} not sealed yet{oldest}"
            )
            self.stdout.write(f"head: {done.seals} {done.head}" if done.seals else "nothing is sealed")
        if done.faults:
            raise CommandError(
                f"The audit trail is not as it was sealed: {done.faults:,} faults.", returncode=1
            )
        if not as_json:
            self.stdout.write("The audit trail is as it was sealed.")

    def _progress(self, done: int, total: int) -> None:
        """At most one line in five seconds, beside the result."""
        if time.monotonic() - self._said > 5:
            self._said = time.monotonic()
            self.stderr.write(f"{done:,} of {total:,} seals")


def _head(path: Path) -> dict[str, Any]:
    try:
        return heads.read(path.read_text())
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=2) from error
    except (heads.NoHead, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: {error}", returncode=2) from error
