"""Statements from a file: all or none, told by line, and twice without a trace."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Product, Vendor
from sources.models import Source, Statement

HEADER = "source,code,subject,measure,value,precision,product,period_from,period_until,text_ko,text_en\n"


@pytest.fixture
def register(make_agency: Any) -> Source:
    make_agency("KR-11")
    make_agency("KR-49")
    vendor = Vendor.objects.create(code="v", name_ko="공급사", name_en="Vendor")
    Product.objects.create(code="tool", vendor=vendor, name_ko="도구", name_en="Tool")
    return Source.objects.create(code="a", label_ko="가", label_en="A", published_at="2026-01-01T00:00:00Z")


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """`run("a,X1,…")`: the file with these lines below the header, imported; what the command prints."""

    def run(lines: str, *options: str, header: str = HEADER, encoding: str = "utf-8") -> str:
        file = tmp_path / "statements.csv"
        file.write_bytes((header + lines).encode(encoding))
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("import_statements", str(file), *options, stdout=out, stderr=err)
        except CommandError as error:
            return f"{err.getvalue()}{error}"
        return out.getvalue().strip()

    return run


def kept() -> list[tuple[Any, ...]]:
    return [
        (
            s.source.code,
            s.code,
            sorted(s.subject.values_list("code", flat=True)),
            s.measure,
            s.value,
            s.precision,
            s.product and s.product.code,
            s.text_en,
        )
        for s in Statement.objects.select_related("source", "product").order_by("code")
    ]


X1 = 'a,X1,KR-11 KR-49,spending,"1,234,000",1000,,2023-01-01,2023-12-31,요지,"In short, so"\n'
X2 = "a,X2,KR-49,governments_subscribing,1,,tool,,,요지,Uses it\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_is_new_is_created(register: Source, run: Any, encoding: str) -> None:
    assert run(X1 + X2, encoding=encoding) == "2 created, 0 changed, 0 as they were"
    assert kept() == [
        ("a", "X1", ["KR-11", "KR-49"], "spending", 1_234_000, 1000, None, "In short, so"),
        ("a", "X2", ["KR-49"], "governments_subscribing", 1, 1, "tool", "Uses it"),
    ]
    first = Statement.objects.get(code="X1")
    assert (str(first.period_from), str(first.period_until)) == ("2023-01-01", "2023-12-31")
    assert first.history.first().history_change_reason == "Imported from statements.csv"


def test_twice_changes_nothing(register: Source, run: Any) -> None:
    run(X1 + X2)
    before = (kept(), Statement.history.count())
    assert run(X1 + X2) == "0 created, 0 changed, 2 as they were"
    assert (kept(), Statement.history.count()) == before


def test_what_differs_is_changed(register: Source, run: Any) -> None:
    run(X1 + X2)
    changed = X1.replace("KR-11 KR-49", "KR-11").replace("1,234,000", "1,235,000")
    assert run(changed + X2) == "0 created, 1 changed, 1 as they were"
    assert kept()[0] == ("a", "X1", ["KR-11"], "spending", 1_235_000, 1000, None, "In short, so")


def test_a_column_that_the_file_lacks_stays_as_it_is(register: Source, run: Any) -> None:
    run(X1)
    few = run("a,X1,KR-11,spending,9\n", header="source,code,subject,measure,value\n")
    assert few == "0 created, 1 changed, 0 as they were"
    assert kept() == [("a", "X1", ["KR-11"], "spending", 9, 1000, None, "In short, so")]


def test_a_dry_run_keeps_nothing(register: Source, run: Any) -> None:
    assert run(X1, "--dry-run") == "1 created, 0 changed, 0 as they were (a dry run: nothing is kept)"
    assert kept() == []


def test_every_wrong_line_is_told_of_and_nothing_is_kept(register: Source, run: Any) -> None:
    lines = (
        X1
        + "zz,X2,KR-49,users,1,,,,,,\n"
        + "a,X3,KR-99,users,many,,nope,2023-13-01,,,\n"
        + "\n"
        + "a,X4,,users,1,0,,2024-01-02,2024-01-01,,\n"
        + 'a,X5,KR-11,users,1,,,,,"two\nlines",\n'
        + "a,X1,KR-11,users,,,,,,,\n"
        + "a,X6,KR-11,nonsense,1\n"
        + "a,X7,KR-11,nonsense,1,,,,,,\n"
    )
    assert run(lines).splitlines() == [
        "statements.csv, line 3: source: No source has the code 'zz'; enter it in the administration first.",
        "statements.csv, line 4: subject: No agency has the code KR-99.",
        "statements.csv, line 4: value: Type a number such as 1,234,567.",
        "statements.csv, line 4: product: No AI tool has the code 'nope'.",
        "statements.csv, line 4: period_from: '2023-13-01' is no day; write it as 2024-01-31.",
        "statements.csv, line 6: subject: Name the member agencies by their codes, such as KR-11 KR-49.",
        "statements.csv, line 9: code: X1 of a is on line 2 already.",
        "statements.csv, line 9: Give a value when it is stated, and none when it is not.",
        "statements.csv, line 10: 5 cells where the first line has 11.",
        "statements.csv, line 11: measure: Value 'nonsense' is not a valid choice.",
        "Nothing is imported.",
    ]
    assert kept() == []


def test_the_rules_of_the_model_hold(register: Source, run: Any) -> None:
    assert run("a,X4,KR-11,users,1,0,,2024-01-02,2024-01-01,,\n").splitlines()[:-1] == [
        "statements.csv, line 2: Constraint “statement_precision_positive” is violated.",
        "statements.csv, line 2: The period ends before it begins.",
    ]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", "line 1: The file is empty."),
        ("source,code,subject\n", "line 1: The column 'measure' is missing."),
        ("source,code,subject,measure,colour\n", "line 1: There is no column 'colour'."),
        ("source,code,subject,measure,code\n", "line 1: The column 'code' is there twice."),
        (
            'source,code,subject,measure\na,"b\n',
            "line 2: This is not a CSV file in UTF-8: unexpected end of data.",
        ),
    ],
)
def test_what_is_no_such_file(register: Source, run: Any, header: str, told: str) -> None:
    assert run("", header=header).splitlines() == [f"statements.csv, {told}", "Nothing is imported."]


def test_another_encoding(register: Source, run: Any) -> None:
    told = run(X1, encoding="utf-16").splitlines()
    assert told[0].startswith("statements.csv, line 1: This is not a CSV file in UTF-8: ")
    assert told[-1] == "Nothing is imported."


def test_no_file(register: Source) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_statements", "/no/such/file.csv")


def test_the_same_code_in_two_sources(register: Source, run: Any) -> None:
    Source.objects.create(code="b", label_ko="나", label_en="B")
    assert run(X1 + X1.replace("a,X1", "b,X1")) == "2 created, 0 changed, 0 as they were"
    assert [row[0] for row in kept()] == ["a", "b"]
