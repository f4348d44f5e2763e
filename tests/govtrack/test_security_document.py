"""docs/security.md claims nothing without a test that is there."""

import re

import pytest

from tests import thorough
from tests.run import ROOT

# A claim names a file of tests, or one test in it.
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")

DOCUMENT = re.compile(r"docs/[\w/-]+(?:\.md)?")


def missing(text: str) -> list[str]:
    """What the text names that is not there."""
    wrong = []
    for file, test in NAMED.findall(text):
        path = ROOT / file
        if not path.exists() or (test and f"def {test}(" not in path.read_text()):
            wrong.append(f"{file}::{test}" if test else file)
    return wrong


def shown(reason: str) -> bool:
    """Whether a line that says yes names a test, or a page of the documents, that is there."""
    named = [file for file, _test in NAMED.findall(reason)] + DOCUMENT.findall(reason)
    return bool(named) and all((ROOT / file).exists() for file in named)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("random, new at sign-in", False),
        ("`docs/no_such.md`", False),
        ("`tests/no_such.py`", False),
        ("docs/running.md", True),
        ("docs/adr, pinned by hash", True),
        ("by role: `tests/test_fuzz.py`", True),
    ],
)
def test_yes_needs_something_that_shows_it(reason: str, expected: bool):
    assert shown(reason) == expected


def test_every_test_that_is_named_exists():
    text = (ROOT / "docs/security.md").read_text()
    assert len(NAMED.findall(text)) > 50
    assert missing(text) == []


def tried(file: str) -> bool:
    """Whether a section of `make audit` runs the file."""
    files = [ROOT / one for section in thorough.SECTIONS.values() for one in section.files]
    return any((ROOT / file).is_relative_to(one) for one in files)


def test_the_audit_runs_every_test_that_is_named():
    named = {file for file, _test in NAMED.findall((ROOT / "docs/security.md").read_text())}
    own = {
        "tests/guards.py",
        "tests/access/addresses.py",
    }  # a section of its own, and the table that a test reads
    assert [file for file in sorted(named - own) if not tried(file)] == []
    assert not tried("tests/test_fixtures.py")


def test_every_line_of_the_checklist_has_a_state_and_a_reason():
    text = (ROOT / "docs/security.md").read_text()
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in text.splitlines()
        if line.startswith("| V")
    ]
    assert {int(number) for row in rows for number in re.findall(r"V(\d+)", row[0])} == set(range(1, 18))
    assert [row[0] for row in rows if row[1] == "yes" and not shown(row[2])] == []
    for section, state, reason in rows:
        assert state in ("yes", "partly", "operator", "n/a", "**not yet**", "**not yet** here"), section
        assert reason, section


@pytest.mark.parametrize(
    "named", ["`tests/no_such_file.py`", "`tests/access/test_table.py::test_no_such_thing`"]
)
def test_a_claim_without_a_test_is_noticed(named: str):
    assert missing(named) != []
