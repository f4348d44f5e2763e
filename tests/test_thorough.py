"""The table of `make audit` hides nothing that was not tried."""

import pytest

from tests import thorough

REPORT = """<testsuites><testsuite>
<testcase name="one"><properties><property name="cases" value="40" /></properties></testcase>
<testcase name="two"><failure message="no" /></testcase>
<testcase name="three"><skipped type="pytest.skip" message="{why}" /></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("why", "failures"),
    [
        ("only on PostgreSQL: SQLite has one writer at a time", 1),
        ("only on SQLite: its own", 1),
        ("PostgreSQL's server is not installed", 2),
        ("no Chromium on this machine", 2),
        ("", 2),
    ],
)
def test_what_is_skipped_fails_but_for_what_one_database_alone_has(tmp_path, why, failures):
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(why=why))
    assert thorough.counted(report) == (41, failures, 1)
    line = thorough.table({"a section": thorough.Result(41, failures, 2.0, 1)}).splitlines()[1]
    assert line.split() == ["a", "section", "41", str(failures), "1", "2"]


def test_what_is_less_than_in_full_is_told(monkeypatch, capsys):
    """Too few cases fail at full length; a shortened run says that it is one."""
    section = thorough.Section("a section", ["tests/test_thorough.py"], least=10)
    monkeypatch.setattr(thorough, "SECTIONS", {**thorough.SECTIONS, "one": section})
    monkeypatch.setattr(thorough, "attempt", lambda section: thorough.Result(9, 0, 1.0))
    assert thorough.main(["one"]) == 1
    monkeypatch.setitem(thorough.LENGTH, "EXAMPLES", "9999")
    assert thorough.main(["one"]) == 0
    assert "Not at full length: EXAMPLES=9999 of 10,000." in capsys.readouterr().out


def test_a_section_names_files_that_are_there():
    named = {file for section in thorough.SECTIONS.values() for file in section.files}
    assert [file for file in sorted(named) if not (thorough.ROOT / file).exists()] == []
