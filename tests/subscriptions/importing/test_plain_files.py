"""Payments, agencies and exchange rates from files: what a row means, what is refused, the same file twice, and the undo."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from agencies.models import Agency, Recheck, User
from audit.models import Event
from figures.files import csv_lines
from sources.models import Source
from subscriptions import paying
from subscriptions.import_models import FileImport
from subscriptions.importing import agencies, payments
from subscriptions.importing.kinds import KINDS
from subscriptions.importing.refusing import Refused
from subscriptions.importing.report import Changed, Report
from subscriptions.importing.undoing import Touched
from subscriptions.models import ExchangeRate, Payment, RegisterPricing, Status, Subscription
from tests.subscriptions.factories import ProductFactory, SubscriptionFactory, agency_at, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "in_english", "history_agrees")]

PAID = """참조 번호,지급일,금액(만원),통화,환율,전표번호
P1-1,2026.1.31.,120,,,A-1
P1-1,2026-02-28,△38.5,,,A-2
P1-1,2026-03-31,,USD,"1,449.5",A-3
P1-2,20260301,5,,,
"""
ROUND = PAID.replace("A-2", "A-2").replace(",,USD", ",$150.25,USD")


@pytest.fixture
def by(db: None) -> User:
    product = ProductFactory(code="tool-a")
    for reference, path in (("P1-1", "KR/P1"), ("P1-2", "KR/P1/C1"), ("P2-1", "KR/P2")):
        SubscriptionFactory(reference=reference, agency=agency_at(path), product=product)
    return person("administrator", agency_at("KR/P1"))


def pay(text: str, by: User, **options: Any) -> Report:
    return payments.run(text.encode(), "지급.csv", by, **options)


def take_rates(text: str) -> Report:
    officer = person("policy_officer", agency_at("KR"))
    return KINDS["rates"].run(text.encode(), "환율.csv", officer)


def kept(model: Any, *names: str) -> list[Any]:
    return list(model.objects.order_by("pk").values_list(*names))


def told(report: Report) -> list[tuple[int, str, str]]:
    return [(one.line, one.column, one.message) for one in report.problems]


def test_payments_from_their_file_to_the_undo(by: User) -> None:
    trial = pay(ROUND, by, trial=True)
    assert (told(trial), trial.new, Payment.objects.count()) == ([], 4, 0)
    first = pay(ROUND, by, expected=trial.digest)
    stored = kept(Payment, "subscription__reference", "amount", "currency", "rate", "won", "document_number")
    assert stored == [
        ("P1-1", 1_200_000, "KRW", None, 1_200_000, "A-1"),
        ("P1-1", -385_000, "KRW", None, -385_000, "A-2"),
        ("P1-1", 15_025, "USD", 1_449_500_000, 217_787, "A-3"),
        ("P1-2", 50_000, "KRW", None, 50_000, ""),
    ]
    with pytest.raises(Changed):
        pay(ROUND, by, expected=trial.digest)
    again = pay(ROUND, by)
    assert (again.new, again.changed, again.left) == (0, 0, 4)
    # Without the columns of the rate and the number, both stay, and so does what they came to in won.
    short = pay("reference,date,amount,currency\nP1-1,2026-03-31,150.25,USD\nP1-2,2026-03-01,50000,\n", by)
    assert (short.changed, short.left) == (0, 2)
    second = pay(ROUND.replace("1,449.5", "1,450").replace("△38.5", "(39)"), by)
    assert [(row.line, row.act, row.fields) for row in second.rows] == [
        (3, "changed", ["amount", "won"]),
        (4, "changed", ["rate", "won"]),
    ]
    assert Payment.objects.get(document_number="A-3").won == 217_863
    with pytest.raises(Touched) as touched:
        payments_undo(first, by)
    assert len(touched.value.references) == 2
    payments_undo(second, by)
    assert (
        kept(Payment, "subscription__reference", "amount", "currency", "rate", "won", "document_number")
        == stored
    )
    undone = FileImport.objects.get(pk=second.run.pk)  # type: ignore[union-attr]
    assert (undone.state, undone.kind, undone.changed) == ("undone", "payments", 2)
    events = Event.objects.filter(kind="import", actor=by.username).order_by("pk")
    assert [one["after"] for one in events.values("after")] == [
        {"what": "imported", "kind": "payments", "new": 4, "changed": 0, "left": 0},
        {"what": "imported", "kind": "payments", "new": 0, "changed": 0, "left": 4},
        {"what": "imported", "kind": "payments", "new": 0, "changed": 0, "left": 2},
        {"what": "imported", "kind": "payments", "new": 0, "changed": 2, "left": 2},
        {"what": "undone", "kind": "payments", "new": 0, "changed": 2},
    ]
    with pytest.raises(PermissionDenied):
        payments_undo(second, by)


def test_payments_of_a_file_follow_the_registers_rate_as_typed_ones_do(by: User) -> None:
    """Without a rate they follow it; the actual rate ends that; an edited export is priced anew; an undo puts all back."""
    assert pay("ref,date,amount,currency,document\nP1-1,2026-03-31,150,USD,A\n", by).new == 1
    assert Payment.objects.get().won is None
    assert take_rates("currency,date,rate\nUSD,2026-03-31,1000\n").payments == 1
    header, row = "".join(csv_lines(KINDS["payments"].records(by))).splitlines()
    assert (row, Payment.objects.get().won) == ("P1-1,2026-03-31,150.00,USD,,,A", 150_000)
    assert pay(f"{header}\n{row}\n", by).left == 1
    edited = pay(f"{header}\n{row.replace('150', '160')}\n", by)
    assert ([one.fields for one in edited.rows], Payment.objects.get().won) == ([["amount", "won"]], 160_000)
    actual = pay("ref,date,amount,currency,rate,document\nP1-1,2026-03-31,160,USD,1000,A\n", by)
    assert [one.fields for one in actual.rows] == [["rate", "won"]]
    assert take_rates("currency,date,rate\nUSD,2026-03-31,2000\n").payments == 0
    assert (Payment.objects.get().won, RegisterPricing.objects.count()) == (160_000, 0)
    payments_undo(actual, by)
    assert (Payment.objects.get().won, RegisterPricing.objects.get().rate) == (
        320_000,
        ExchangeRate.objects.get(),
    )
    # What was charged counts from now on, also where it comes to as much.
    charged = pay("ref,date,amount,currency,won,document\nP1-1,2026-03-31,160,USD,320000,A\n", by)
    assert ([one.fields for one in charged.rows], RegisterPricing.objects.count()) == ([["won"]], 0)
    back = pay("ref,date,amount,currency,won,document\nP1-1,2026-03-31,160,USD,,A\n", by)
    assert (back.changed, RegisterPricing.objects.count()) == (1, 1)
    payments_undo(back, by)
    assert (Payment.objects.get().won, RegisterPricing.objects.count()) == (320_000, 0)


def payments_undo(report: Report, by: User) -> None:
    KINDS["payments"].undo(report.run, by=by)


def test_the_commands(by: User, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "지급.csv"
    path.write_text(ROUND.replace("전표번호", "증빙"))
    call_command("import_payments", str(path), user=by.username, column=["증빙=document_number"])
    number = FileImport.objects.get().pk
    assert capsys.readouterr().out == f"4 created, 0 changed, 0 as they were; import {number}\n"
    call_command("undo_import", str(number), user=by.username)
    assert capsys.readouterr().out == "4 records deleted, 0 as they were before\n"
    path.write_text("code,parent\nC1,P2\n")
    person("sysadmin")
    call_command("import_agencies", str(path), dry_run=True)
    assert capsys.readouterr().out == "0 created, 1 changed, 0 as they were (a dry run: nothing is kept)\n"
    assert Agency.objects.get(code="C1").path == "KR/P1/C1/"


def test_undone_payments_are_gone_and_can_be_imported_again(by: User) -> None:
    report = pay(ROUND, by)
    payments_undo(report, by)
    assert Payment.objects.count() == 0
    assert Payment.history.filter(history_type="-").count() == 4
    assert pay(ROUND, by).new == 4


def test_what_is_wrong_with_payments(by: User) -> None:
    """The messages are the form's own where it has one."""
    header = "reference,date,amount,currency,rate,document number\n"
    rows = [
        ("P2-1,2026-01-01,5,,,", "reference", "There is no such record among those you may change."),
        ("P1-1,soon,5,,,", "paid_on", "Write the day as 2024-01-31."),
        ("P1-1,,5,,,", "paid_on", "This field is required."),
        ("P1-1,2026-01-01,,,,", "amount", "This field is required."),
        ("P1-1,2026-01-01,5,,1449.5,", "rate", "A payment in won takes no rate."),
        ("P1-1,2026-01-01,5,XXZ,,", "currency", "“XXZ” is not a currency of ISO 4217."),
        ("P1-1,2026-01-01,1.5,,,", "amount", "Type a whole number."),
        ("P1-1,2026-01-01,9,,,B-1\nP1-1,2026-01-02,9,,,B-1", "document_number",
         "Line 2 is the same payment. Give document numbers to tell them apart."),
        ("P1-1,2026-01-01,9,,,\nP1-1,2026-01-01,9,,,", "document_number",
         "Line 2 is the same payment. Give document numbers to tell them apart."),
    ]  # fmt: skip
    for row, column, message in rows:
        report = pay(header + row + "\n", by)
        assert told(report)[-1][1:] == (column, message), row
        assert (report.run, Payment.objects.count()) == (None, 0)
    with pytest.raises(Refused):
        pay("reference,date\nP1-1,2026-01-01\n", by)
    with pytest.raises(Refused):
        pay(ROUND, person("approver", agency_at("KR/P1")))
    over = pay(header + "P1-1,2026-01-01,5,,,,,more\n", by)
    assert told(over) == [(2, "", "There are 8 cells where the header has 6.")]


TREE = """code,full name in Korean,full name in English,kind,parent,active from
C9-1,구 사무소,Nine Office,Office,C9,2024-01-01
C9,구 시,Nine City,시,P1,
P1,,,,KR,
"""


@pytest.mark.past_history
def test_what_takes_no_payment_takes_none_from_a_file(by: User) -> None:
    """A draft has no payments; one that is recorded can be put right after its record was declared void."""
    header, paid = "reference,date,amount,document number\n", "P1-1,2026-01-01,5,A\n"
    assert pay(header + paid, by).new == 1
    Subscription.objects.filter(reference="P1-1").update(status=Status.VOID)
    assert pay(header + paid.replace("5", "6"), by).changed == 1
    Subscription.objects.filter(reference="P1-2").update(status=Status.DRAFT)
    report = pay(header + paid + "P1-2,2026-01-01,5,\nP1-1,2026-01-01,5,B\n", by)
    wrong = "Only a subscription that was approved, is in use or has ended takes payments."
    assert [one for one in told(report) if one[2] == wrong] == [
        (3, "reference", wrong),
        (4, "reference", wrong),
    ]
    assert kept(Payment, "subscription__reference", "amount") == [("P1-1", 6)]


def test_agencies_from_their_file_to_the_undo(by: User) -> None:
    root = person("sysadmin")
    filled = TREE.replace("P1,,,,KR,", "P1,하나 도,Province One,도,KR,")
    report = agencies.run(filled.encode(), "기관.csv", root)
    assert (told(report), report.new, report.changed) == ([], 2, 1)
    places = dict(Agency.objects.filter(code__in=("P1", "C9", "C9-1")).values_list("code", "path"))
    assert places == {"P1": "KR/P1/", "C9": "KR/P1/C9/", "C9-1": "KR/P1/C9/C9-1/"}
    new = Agency.objects.get(code="C9-1")
    assert (new.kind, new.short_ko, new.parent.code) == ("office", "구 사무소", "C9")  # type: ignore[union-attr]
    assert Recheck.objects.exists()  # what policies look at in P1 has changed
    again = agencies.run(filled.encode(), "기관.csv", root)
    assert (again.new, again.changed, again.left) == (0, 0, 3)
    moved = agencies.run(b"code,parent\nC9-1,P2\n", "b.csv", root)
    assert Agency.objects.get(code="C9-1").path == "KR/P2/C9-1/"
    KINDS["agencies"].undo(moved.run, by=root)
    assert Agency.objects.get(code="C9-1").path == "KR/P1/C9/C9-1/"
    SubscriptionFactory(reference="C9-2026-1", agency=Agency.objects.get(code="C9"))
    with pytest.raises(Touched):
        KINDS["agencies"].undo(report.run, by=root)
    assert Agency.objects.filter(code="C9-1").exists()


def test_a_code_that_is_nearly_right_is_suggested(by: User) -> None:
    """Only of what the person may change."""
    near = pay(
        "reference,date,amount\nP1-3,2026-01-01,5\n p1 -1,2026-01-01,5\nP2-1,2026-01-01,5\nX,2026-01-01,5\n",
        by,
    )
    assert [one.suggestion for one in near.problems] == ["P1-2", "P1-1", "P1-1", ""]
    tree = agencies.run(b"code,parent\nC1,P11\nP1,ZZZ\n", "t.csv", person("sysadmin"))
    assert [one.suggestion for one in tree.problems] == ["P1", ""]


def test_what_is_wrong_with_agencies(by: User) -> None:
    root = person("sysadmin")
    rows = [
        (
            "X1,이름,Name,city,NONE,",
            "parent",
            "There is no agency with this code, neither here nor in the file.",
        ),
        ("x y,이름,Name,city,KR,", "code", "Use capital letters, digits and hyphens."),
        ("X1,,Name,city,KR,", "name_ko", "This field is required."),
        ("X1,이름,Name,city,X2,\nX2,이름,Name,city,X1,", "parent", "An agency cannot be below itself."),
        ("X1,이름,Name,city,KR,\nX1,이름,Name,city,KR,", "code", "Line 2 is the same agency."),
        ("P1,이름,Name,province,C1,", "parent", "An agency cannot be below itself."),
    ]
    before = kept(Agency, "code", "path")
    for row, column, message in rows:
        report = agencies.run((TREE.splitlines()[0] + "\n" + row + "\n").encode(), "a.csv", root)
        assert (column, message) in [one[1:] for one in told(report)], row
        assert kept(Agency, "code", "path") == before
    with pytest.raises(Refused):
        agencies.run(TREE.encode(), "a.csv", by)


RATES = '통화,기준일,매매기준율(원)\nUSD,2026-06-01,"1,400"\nJPY(100),2026.6.1,943.21\n'


def pay_in_dollars() -> None:
    """A payment at the register's rate, which there is none of yet."""
    payment = Payment(
        subscription=Subscription.objects.get(reference="P1-1"),
        paid_on=datetime.date(2026, 6, 3),
        amount=10_000,
        currency="USD",
    )
    paying.price(payment)
    payment.save()
    paying.keep_pricing(payment)


def test_exchange_rates_from_their_file_to_the_undo(by: User) -> None:
    officer = person("policy_officer", agency_at("KR"))
    kind = KINDS["rates"]
    pay_in_dollars()

    def won() -> int | None:
        return Payment.objects.get().won

    def taken(text: str, **options: Any) -> Report:
        return kind.run(text.encode(), "환율.csv", officer, **options)

    with pytest.raises(Refused):
        kind.run(RATES.encode(), "환율.csv", by)
    with pytest.raises(Refused):
        taken("currency,day\nUSD,2026-06-01\n")
    trial = taken(RATES, trial=True)
    assert (told(trial), trial.new, won(), ExchangeRate.objects.count()) == ([], 2, None, 0)
    first = taken(RATES, expected=trial.digest)
    assert kept(ExchangeRate, "currency", "rate") == [("USD", 1_400_000_000), ("JPY", 9_432_100)]
    assert (first.new, first.payments, won()) == (2, 1, 140_000)
    assert Payment.history.latest().history_user == officer
    again = taken(RATES)
    assert (again.new, again.changed, again.left, again.payments) == (0, 0, 2, 0)
    nearer = "USD,2026-06-02,1600\n"
    second = taken(RATES.replace("943.21", "950") + nearer)
    assert [(row.act, row.label, row.fields) for row in second.rows] == [
        ("changed", "JPY · 2026-06-01", ["rate"]),
        ("new", "USD · 2026-06-02", []),
    ]
    assert won() == 160_000
    assert set(ExchangeRate.history.values_list("history_user", flat=True)) == {officer.pk}
    bad = taken(
        "currency,day,rate,source\nUSX,2026-06-01,1,\nEUR,2026-13-01,1,\nEUR,2999-01-01,1,\nEUR,2026-06-01,0,\n"
        "GBP,2026-06-01,1,none\nUSD,2026-06-02,1,\nUSD,2026-06-02,2,\nKRW,2026-06-01,1,\n"
    )
    assert [(one.line, one.column, one.value) for one in bad.problems] == [
        (2, "currency", "USX"),
        (3, "day", "2026-13-01"),
        (4, "day", "2999-01-01"),
        (5, "rate", "0"),
        (6, "source", "none"),
        (8, "rate", "2"),
        (9, "currency", "KRW"),
    ]
    assert (bad.run, ExchangeRate.objects.count()) == (None, 3)
    with pytest.raises(Touched):
        kind.undo(first.run, by=officer)
    Recheck.objects.all().delete()
    kind.undo(second.run, by=officer)
    assert won() == 140_000  # by the rate of the day before, as it was
    assert kept(ExchangeRate, "currency", "rate") == [("USD", 1_400_000_000), ("JPY", 9_432_100)]
    assert set(Recheck.objects.values_list("about", "code")) == {
        (Recheck.About.EXCHANGE_RATE, "JPY"),
        (Recheck.About.EXCHANGE_RATE, "USD"),
    }


def test_the_command_of_exchange_rates(by: User, tmp_path: Path, capsys: Any) -> None:
    """All errors are told with their lines and nothing is kept; a good file twice changes nothing; a source for all rows."""
    person("sysadmin")
    for code in ("bok", "bank"):
        Source.objects.create(code=code, label_ko=code, label_en=code)
    pay_in_dollars()
    path = tmp_path / "r.csv"

    def command(text: str, **options: Any) -> list[str]:
        path.write_text(text)
        call_command("import_exchange_rates", str(path), **options)
        return str(capsys.readouterr().out).splitlines()

    def last() -> int:
        return FileImport.objects.latest("pk").pk

    bad = (
        "통화;기준일;매매기준율\nUSD;2026-06-01;1400\nUSX;2026-06-01;1\nEUR;2026-13-01;1\nJPY(100);2026-06-01;0\n"
        "USD;2026-06-01;1401\nKRW;2026-06-01;1\nGBP;2999-01-01;1\n"
    )
    with pytest.raises(CommandError, match=r"6 errors\. Nothing is imported\."):
        command(bad)
    assert [line.split(": ")[:2] for line in capsys.readouterr().err.splitlines()] == [
        [f"r.csv, line {number}", column]
        for number, column in enumerate(("Currency", "Day", *["Won for one unit"] * 2, "Currency", "Day"), 3)
    ]
    with pytest.raises(CommandError, match=r"2 errors"):
        command(RATES, source="bo")
    assert capsys.readouterr().err.splitlines() == [
        f"r.csv, line {number}: Code of the source: There is no source “bo”." for number in (2, 3)
    ]
    assert not ExchangeRate.objects.exists()
    told = "0 changed, 0 as they were"
    assert command("\ufeff" + RATES, dry_run=True) == [f"2 created, {told} (a dry run: nothing is kept)"]
    more = "1 payments got another amount in won"
    assert command("\ufeff" + RATES) == [more, f"2 created, {told}; import {last()}"]
    assert Recheck.objects.filter(about=Recheck.About.EXCHANGE_RATE, code="USD").exists()
    assert command(RATES) == [f"0 created, 0 changed, 2 as they were; import {last()}"]
    # The source counts for rows that name none, with or without a column for it.
    assert command(RATES, source="bok") == [f"0 created, 2 changed, 0 as they were; import {last()}"]
    command("currency,day,rate,source\nEUR,2026-06-01,1500,-\nUSD,2026-06-01,1400,bank\n", source="bok")
    stored = kept(ExchangeRate, "currency", "rate", "source__code")
    assert stored == [
        ("USD", 1_400_000_000, "bank"),
        ("JPY", 9_432_100, "bok"),
        ("EUR", 1_500_000_000, "bok"),
    ]
