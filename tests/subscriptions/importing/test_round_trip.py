"""What is recorded, as a file and back: nothing changes, and what is edited in the file is all that does."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.utils import translation
from openpyxl import load_workbook

from agencies.models import Agency, User
from figures.files import csv_lines, write_xlsx
from figures.standing import Standing
from subscriptions.importing.columns import COLUMNS
from subscriptions.importing.kinds import KINDS
from subscriptions.importing.report import Report
from subscriptions.models import ExchangeRate, Payment, PriceLine, Subscription
from tests.subscriptions.factories import ProductFactory, SubscriptionFactory, agency_at, days, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

Vat, Basis, Cycle = PriceLine.Vat, PriceLine.Basis, PriceLine.Cycle


@pytest.fixture
def by(db: None) -> User:
    """One record with everything, one with nothing, and one that somebody else administers."""
    place, product = agency_at("KR/P1"), ProductFactory(code="tool-a")
    full = SubscriptionFactory(
        reference="P1-2026-1", agency=place, product=product, payer=agency_at("KR/P1/C1"), plan="Team", reseller="r",
        contract_number="=1+1", purpose="-a\nb, \"c\"; d", owner_department="총무과", data_class="open",
        personal_data=False, auto_renewal=True, notice_days=30, payment_route="contract", ends_on=days(90),
    )  # fmt: skip
    SubscriptionFactory(reference="P1-2026-2", agency=place, product=product, status="draft", started_on=None)
    SubscriptionFactory(reference="P2-2026-1", agency=agency_at("KR/P2"), product=product)
    lines: list[dict[str, Any]] = [
        {"amount": 1_234_567, "seats": 7, "vat": Vat.EXCLUDED, "starts_on": days(-5), "ends_on": days(5)},
        {"amount": 2_050, "currency": "USD", "basis": Basis.FLAT, "cycle": Cycle.USAGE},
        {"standing": Standing.WITHHELD, "cycle": Cycle.ONE_OFF},
        {"amount": 0, "vat": Vat.INCLUDED, "cycle": Cycle.QUARTERLY},
    ]
    for number, line in enumerate(lines, start=1):
        PriceLine.objects.create(subscription=full, position=number, **line)
    for number, paid in enumerate(
        (
            {"amount": 5_000, "won": 5_000, "document_number": "@A"},
            {"amount": -705, "currency": "USD", "rate": 1_449_500_000, "won": -10_219},
            {"amount": 33, "currency": "JPY"},
        )
    ):
        Payment.objects.create(subscription=full, paid_on=days(-number), **paid)  # type: ignore[misc]
    ExchangeRate.objects.create(currency="JPY", day=days(-1), rate=9_432_100)
    return person("administrator", place)


def written(kind: str, ending: str, by: User) -> bytes:
    rows = KINDS[kind].records(by)
    if ending == "csv":
        return "".join(csv_lines(rows)).encode()
    file = io.BytesIO()
    write_xlsx(file, rows, "records")
    return file.getvalue()


def taken(kind: str, data: bytes, by: User) -> Report:
    report = KINDS[kind].run(data, "export", by)
    assert [problem for problem in report.problems if problem.is_error] == []
    return report


def stored() -> list[list[dict[str, Any]]]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Subscription, PriceLine, Payment, Agency, ExchangeRate)
    ]


@pytest.mark.parametrize(("language", "ending"), [("ko", "csv"), ("en", "xlsx"), ("ko", "xlsx")])
def test_a_file_that_is_not_edited_changes_nothing(by: User, language: str, ending: str) -> None:
    before = stored()
    root = person("sysadmin")
    with translation.override(language):
        for kind, records, whose in (
            ("subscriptions", 2, by),
            ("payments", 3, by),
            ("agencies", 4, root),
            ("rates", 1, root),
        ):
            report = taken(kind, written(kind, ending, whose), whose)
            assert (report.new, report.changed, report.left, report.left_out) == (0, 0, records, [])
    assert stored() == before


def test_what_is_edited_in_the_sheet_is_all_that_changes(by: User) -> None:
    book = load_workbook(io.BytesIO(written("subscriptions", "xlsx", by)))
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    sheet.cell(2, header.index(str(COLUMNS["seats"].label)) + 1).value = 8
    sheet.cell(6, header.index(str(COLUMNS["owner_department"].label)) + 1).value = "정보화담당관"
    edited = io.BytesIO()
    book.save(edited)
    report = taken("subscriptions", edited.getvalue(), by)
    assert taken("subscriptions", written("subscriptions", "xlsx", by), by).left == 2
    assert [(row.line, row.fields) for row in report.rows] == [(2, ["amount"]), (6, ["owner_department"])]
    assert list(PriceLine.objects.order_by("pk").values_list("seats", flat=True)) == [8, None, None, None]
    draft = Subscription.objects.get(reference="P1-2026-2")
    assert (draft.owner_department, draft.version) == ("정보화담당관", 2)
