"""What the tests of sources share: a report whose sources state what a test says."""

from collections.abc import Callable
from typing import Any

import pytest

from figures.standing import Standing
from sources.models import Report, Source, Statement


@pytest.fixture
def tell(make_agency: Callable[..., Any]) -> Callable[..., Statement]:
    """`tell("a", "spending", ["KR-11"], value=5)`: a statement of source "a"; without a value, the figure is not given."""
    report, _created = Report.objects.get_or_create(code="r", title_ko="보고서", title_en="Report")

    def tell(source: str, measure: str, subject: list[str], **fields: Any) -> Statement:
        told_by, _created = Source.objects.get_or_create(
            code=source,
            defaults={
                "report": report,
                "label_ko": f"자료 {source}",
                "label_en": f"Source {source}",
                "published_at": "2026-01-01T00:00:00Z",
            },
        )
        standing = Standing.STATED if "value" in fields else Standing.NOT_GIVEN
        code = f"{source.upper()}{told_by.statements.count() + 1}"
        given = {"code": code, "standing": standing, **fields}
        statement = Statement.objects.create(source=told_by, measure=measure, **given)
        statement.subject.set([make_agency(code) for code in subject])
        return statement

    return tell
