"""Reasons and messages come in the reader's language."""

from __future__ import annotations

import pytest

from subscriptions.importing.reading import read_rows
from subscriptions.importing.refusing import Refused
from subscriptions.importing.running import run
from tests.subscriptions.factories import ProductFactory, agency_at, person


def test_in_korean(db: None) -> None:
    with pytest.raises(Refused, match="파일이 비어 있습니다"):
        list(read_rows(b""))
    ProductFactory(code="tool-a")
    by = person("administrator", agency_at("KR/P1"))
    report = run("기관,도구,시작일\nP1,tool-a,내일\n".encode(), "f.csv", by)
    assert [problem.message for problem in report.problems] == ["날짜를 2024-01-31 형식으로 입력해 주십시오."]
