"""docs/security.md claims nothing without a test that is there; a file of tests is no claim's proof."""

import ast
import re
from functools import cache

import pytest

from tests import thorough
from tests.run import ROOT

# A claim names one test, or another file that has to do with it.
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")

DOCUMENT = re.compile(r"docs/[\w/-]+(?:\.md)?")


def missing(text: str) -> list[str]:
    """What the text names that is not there."""
    return [
        f"{file}::{test}" if test else file for file, test in NAMED.findall(text) if not is_there(file, test)
    ]


def is_there(file: str, test: str) -> bool:
    """Whether the file is there and, of tests, the test that must be named in it."""
    is_of_tests = file.rpartition("/")[2].startswith("test_")
    if not is_of_tests or not (ROOT / file).exists():
        return (ROOT / file).exists() and not test
    return test in named_in(file)


@cache
def named_in(file: str) -> set[str]:
    """The tests that a run of the file collects."""
    body = ast.parse((ROOT / file).read_text()).body
    return {one.name for one in body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}


def shown(section: str, reason: str) -> bool:
    """Whether a line that says yes names a test that is there; where something is to be documented, a page does."""
    if missing(reason):
        return False
    documents = DOCUMENT.findall(reason) if "ocumented" in section or "nventory" in section else []
    return bool(NAMED.search(reason)) or (
        bool(documents) and all((ROOT / file).exists() for file in documents)
    )


@pytest.mark.parametrize(
    ("section", "reason", "expected"),
    [
        ("V7.2 Sessions", "random, new at sign-in", False),
        ("V5.1 Documented files", "`docs/no_such.md`", False),
        ("V5.1 Documented files", "docs/running.md", True),
        ("V5.2 Upload", "docs/running.md", False),
        ("V6.5 MFA", "`tests/no_such.py`", False),
        ("V6.5 MFA", "by role: `tests/test_fuzz.py`", False),
        ("V6.5 MFA", "by role: `tests/test_fuzz.py::test_nothing_breaks_the_site`", True),
        (
            "V6.5 MFA",
            "`tests/test_fuzz.py::test_nothing_breaks_the_site`, `tests/test_fuzz.py::faults_of`",
            False,
        ),
    ],
)
def test_yes_needs_something_that_shows_it(section: str, reason: str, expected: bool):
    assert shown(section, reason) == expected


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
    assert [row[0] for row in rows if row[1] in ("yes", "partly") and not shown(row[0], row[2])] == []
    for section, state, reason in rows:
        assert state in ("yes", "partly", "operator", "n/a", "**not yet**", "**not yet** here"), section
        assert reason, section


@pytest.mark.parametrize(
    "named",
    [
        "`tests/no_such_file.py`",
        "`tests/access/test_table.py`",
        "`tests/access/test_table.py::test_no_such_thing`",
        "`tests/access/test_table.py::cases`",
        "`tests/guards.py::test_nothing`",
    ],
)
def test_a_claim_without_a_test_is_noticed(named: str):
    assert missing(named) != []
