"""What an import did or would do, as pages and commands tell it and as an upload keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from subscriptions.import_models import FileImport
from subscriptions.importing.rows import Problem

# Enough to mend a file by. All are counted.
MOST_PROBLEMS, MOST_VERDICTS, MOST_ROWS = 2_000, 500, 500


class Changed(Exception):
    """The register is no more as it was when the import was tried or began: it would do something else now."""


@dataclass(frozen=True)
class RowVerdict:
    """That a record of the file does not pass a policy; `sentence` in the language of the import."""

    line: int
    verdict: str
    policy: str
    effect: str
    sentence: str


@dataclass(frozen=True)
class RowDone:
    """A record that is created (`act` is "new") or changed, and of the latter which columns; `label` tells the record."""

    line: int
    act: str
    label: str
    fields: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What an import did or would do. `digest` is the same for two runs that do the same."""

    new: int = 0
    changed: int = 0
    left: int = 0
    errors: int = 0
    warnings: int = 0
    problems: list[Problem] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    verdicts: list[RowVerdict] = field(default_factory=list)
    verdicts_in_all: int = 0
    rows: list[RowDone] = field(default_factory=list)
    digest: str = ""
    left_out: list[str] = field(default_factory=list)  # headers of columns that mean nothing here
    payments: int = 0  # that got another amount in won by it
    run: FileImport | None = None

    @property
    def records(self) -> int:
        """How many records the file holds, those with an error left out."""
        return self.new + self.changed + self.left

    @property
    def problems_in_all(self) -> int:
        """How many there are, of which `problems` are the first: errors before warnings."""
        return self.errors + self.warnings

    def tell(self, problems: Iterable[Problem]) -> None:
        """Count what is wrong, and keep it while there is room; an error takes the place of the last warning."""
        for problem in problems:
            full = len(self.problems) >= MOST_PROBLEMS
            if full and problem.is_error and self.errors < MOST_PROBLEMS:
                del self.problems[self._last_warning()]
                full = False
            self.errors += problem.is_error
            self.warnings += not problem.is_error
            if not full:
                self.problems.append(problem)

    def _last_warning(self) -> int:
        return next(at for at in reversed(range(len(self.problems))) if not self.problems[at].is_error)

    def count(self, line: int, act: str, label: str, fields: Iterable[str] = ()) -> None:
        """One more record that is created, changed or left: `act` is "new", "changed" or "left"."""
        setattr(self, act, getattr(self, act) + 1)
        if act != "left" and len(self.rows) < MOST_ROWS:
            self.rows.append(RowDone(line, act, label, list(fields)))

    def as_json(self) -> dict[str, Any]:
        kept = {name: value for name, value in vars(self).items() if name != "run"}
        for name in ("problems", "verdicts", "rows"):
            kept[name] = [asdict(one) for one in kept[name]]
        return kept

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> Report:
        """What `as_json` gave, again."""
        read = dict(kept)
        for name, kind in (("problems", Problem), ("verdicts", RowVerdict), ("rows", RowDone)):
            read[name] = [kind(**one) for one in read.get(name, ())]
        return cls(**read)
