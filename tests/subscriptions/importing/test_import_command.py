"""`manage.py import_subscriptions`: everything that is wrong, and a code that says so."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from subscriptions.models import FileImport, Subscription
from tests.subscriptions.factories import ProductFactory, agency_at, person

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def folder(db: None, tmp_path: Path) -> Path:
    agency_at("KR/P2")
    ProductFactory(code="tool-a")
    person("administrator", agency_at("KR/P1"), username="kim")
    return tmp_path


def command(path: Path, **options: Any) -> tuple[str, str, str]:
    """What it writes to the standard output and to the standard error, and what it fails with."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_subscriptions", str(path), stdout=out, stderr=err, **options)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), str(error)
    return out.getvalue(), err.getvalue(), ""


def test_dry_run_import_and_again(folder: Path) -> None:
    path = folder / "구독.csv"
    path.write_bytes("기관,도구,시작일\nP1,tool-a,2026-01-01\n".encode("cp949"))
    judged = "1 by the policies in force: clear\n"
    dry = f"{judged}1 created, 0 changed, 0 as they were (a dry run: nothing is kept)\n"
    assert command(path, user="kim", dry_run=True) == (dry, "", "")
    assert (Subscription.objects.count(), FileImport.objects.count()) == (0, 0)
    out, _err, _failure = command(path, user="kim")
    first = FileImport.objects.get()
    assert out == f"{judged}1 created, 0 changed, 0 as they were; import {first.pk}\n"
    out, _err, _failure = command(path, user="kim")
    assert out == f"0 created, 0 changed, 1 as they were; import {first.pk + 1}\n"
    assert Subscription.objects.get().imported_from == "구독.csv"


def test_undo(folder: Path) -> None:
    path = folder / "f.csv"
    path.write_text("agency,tool,starts\nP1,tool-a,2026-01-01\n")
    command(path, user="kim")
    number = FileImport.objects.get().pk
    out = io.StringIO()
    call_command("undo_import", number, user="kim", stdout=out)
    assert out.getvalue() == "1 records void, 0 as they were before\n"
    assert Subscription.objects.get().status == "void"
    with pytest.raises(CommandError, match="undone already"):
        call_command("undo_import", number, user="kim")
    with pytest.raises(CommandError, match="no import"):
        call_command("undo_import", 0, user="kim")


def test_what_a_header_means_can_be_said(folder: Path) -> None:
    path = folder / "f.csv"
    path.write_text("agency,tool,비고,plan\nP1,tool-a,for reports,Team\n")
    assert command(path, user="kim", dry_run=True)[0].splitlines()[0] == "Columns left out: 비고"
    assert (
        command(path, user="kim", column=["비고=purpose", "plan="])[0].splitlines()[0]
        == "Columns left out: plan"
    )
    stored = Subscription.objects.get()
    assert (stored.purpose, stored.plan) == ("for reports", "")
    assert command(path, user="kim", column=["비고=note"])[2].startswith(
        "--column 비고=note: write HEADER=COLUMN"
    )


def test_all_errors_and_nothing_imported(folder: Path) -> None:
    path = folder / "f.csv"
    path.write_text("agency,tool,starts\nP1,tool-b,2026-01-01\nP2,tool-a,soon\nP1,tool-a,2026-01-01\n")
    out, err, failure = command(path, user="kim")
    assert err.splitlines() == [
        "f.csv, line 2: AI tool: There is no “tool-b” among those you can choose. Did you mean Tool tool-a (tool-a)?",
        "f.csv, line 3: Starts: Write the day as 2024-01-31.",
        "f.csv, line 3: Agency: There is no “P2” among those you can choose.",
    ]
    assert (out, failure) == ("", "3 errors. Nothing is imported.")
    assert Subscription.objects.count() == 0


def test_what_cannot_be_opened_and_who_is_not_there(folder: Path) -> None:
    path = folder / "f.csv"
    assert command(path)[2] == "There is no system administrator. Name a user with --user."
    assert command(path, user="lee")[2] == "There is no active user 'lee'."
    assert command(path, user="kim")[2] == f"{path}: No such file or directory"
    path.write_text("agency,tool\nP1,=tool\n")
    assert command(path, user="kim")[2] == "f.csv, line 2: There is a formula: =tool. Keep the values only."
