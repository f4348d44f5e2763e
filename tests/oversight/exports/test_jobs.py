"""Files made in the background: the whole way with a worker, and each way in which it can end."""

from __future__ import annotations

import datetime
import itertools
import os
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from openpyxl import load_workbook

from agencies.models import Membership, Role, User
from figures.files import write_xlsx
from oversight.exports import jobs
from oversight.models import ExportJob
from subscriptions.models import Payment, Subscription
from tests.oversight.explorer.reference import Record, build
from tests.subscriptions.factories import agency_at, days, person
from tests.subscriptions.test_killed_check import address

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[3]
State, Problem = ExportJob.State, ExportJob.Problem
EXPORTS = "/spending/exports/"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.EXPORTS_DIR = tmp_path / "exports"
    return settings.EXPORTS_DIR  # type: ignore[no-any-return]


@pytest.fixture
def register(transactional_db: None) -> None:
    build(
        [
            Record(1, "chat", payments=((days(-500), 1_000), (days(-100), None))),
            Record(3, "draw", payments=((days(-60), 500), (days(-30), -200))),
            Record(4, "code", payments=((days(-30), 7_000),)),
        ]
    )
    Payment.objects.filter(won=7_000).update(document_number="=cmd|'/c calc'!A1")


@pytest.fixture
def nation(register: None) -> User:
    return person(Role.COMMITTEE_MEMBER, agency_at("KR"), username="nation")


def client_of(user: User, language: str = "en") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def started(client: Client, query: str = "") -> ExportJob:
    response = client.post(EXPORTS, {"query": query})
    job = ExportJob.objects.latest("pk")
    assert response["Location"] == job.get_absolute_url()
    return job


def work() -> None:
    """A worker does what waits, and ends."""
    call_command("db_worker", "--batch", "--no-startup-delay", verbosity=0)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The worker takes the signals of the process it runs in; the tests' own come back after it."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def sheet(response: Any, tmp_path: Path) -> Any:
    file = tmp_path / "taken.xlsx"
    file.write_bytes(b"".join(response.streaming_content))
    return load_workbook(file)


def test_the_whole_way(nation: User, folder: Path, tmp_path: Path) -> None:
    client = client_of(nation)
    page = client.get("/spending/explore/records/?measure=paid&_export=xlsx").content.decode()
    assert "5 records will be written in the background" in page
    assert 'name="query" value="measure=paid"' in page
    job = started(client, "measure=paid")
    assert (job.state, job.rows_total, job.owner) == (State.WAITING, 5, nation)
    waiting = client.get(job.get_absolute_url()).content.decode()
    assert "Waiting for the worker" in waiting
    assert 'hx-trigger="every 1s"' in waiting
    assert client.get(job.get_absolute_url() + "file/").status_code == 404
    work()
    job.refresh_from_db()
    assert (job.state, job.problem, job.rows_done) == (State.DONE, "", 5)
    part = client.get(job.get_absolute_url(), headers={"HX-Request": "true"}).content.decode()
    assert "It holds 5 records." in part
    assert "hx-get" not in part
    assert "<html" not in part
    response: Any = client.get(job.get_absolute_url() + "file/")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(
        r'attachment; filename="govtrack-records-\d{4}-\d\d-\d\d.xlsx"', response["Content-Disposition"]
    )
    book = sheet(response, tmp_path)
    assert book.sheetnames == ["Records", "Citation"]
    rows = list(book["Records"].iter_rows(values_only=True))
    header = rows[0]
    assert header[0] == "Reference"
    won, day, number = (header.index(title) for title in ("Amount in won", "Paid on", "Document number"))
    assert {row[won] for row in rows[1:]} == {1_000, None, 500, -200, 7_000}
    assert {type(row[won]) for row in rows[1:]} == {int, type(None)}
    assert sorted(row[day].date() for row in rows[1:]) == sorted(
        Payment.objects.values_list("paid_on", flat=True)
    )
    # Formulas are text, with nothing that a spreadsheet would run.
    assert {row[number] for row in rows[1:] if row[number]} == {"'=cmd|'/c calc'!A1"}
    assert {cell.data_type for row in book["Records"].iter_rows() for cell in row} <= {
        "s",
        "inlineStr",
        "n",
        "d",
    }
    notes = dict(row[:2] for row in book["Citation"].iter_rows(values_only=True) if row[0])
    assert notes["Measure"] == "Spending paid"
    assert set(header) <= set(notes)
    assert notes["An empty cell"].startswith("The value is not known")
    assert [path.suffix for path in folder.iterdir()] == [".xlsx"]


def test_the_same_records_as_the_streamed_file(nation: User, tmp_path: Path) -> None:
    client = client_of(nation)
    for query in (
        "measure=paid",
        "measure=paid&without_payment=on",
        "measure=subscriptions",
        "measure=findings",
    ):
        job = started(client, query)
        work()
        response: Any = client.get(job.get_absolute_url() + "file/")
        rows = list(sheet(response, tmp_path)["Records"].iter_rows(values_only=True))
        streamed: Any = client.get(f"/spending/explore/records/?{query}&_export=json")
        written = json_rows(streamed)
        assert [tuple(_plain(cell) for cell in row) for row in rows[1:]] == [
            tuple(harmless_text(value) for value in row.values()) for row in written
        ]


def json_rows(response: Any) -> list[dict[str, Any]]:
    import json

    rows: list[dict[str, Any]] = json.loads(b"".join(response.streaming_content))["rows"]
    return rows


def _plain(cell: Any) -> Any:
    return cell.date().isoformat() if isinstance(cell, datetime.datetime) else cell


def harmless_text(value: Any) -> Any:
    """An empty text is an empty cell, and a formula has its apostrophe."""
    return f"'{value}" if str(value).startswith("=") else value or (None if value == "" else value)


def test_only_the_owner_reaches_it(nation: User) -> None:
    job = started(client_of(nation))
    work()
    other = client_of(person(Role.COMMITTEE_MEMBER, agency_at("KR")))
    address = job.get_absolute_url()
    assert [
        other.get(address).status_code,
        other.get(address + "file/").status_code,
        other.post(address + "again/").status_code,
    ] == [404, 404, 404]
    assert address not in other.get(EXPORTS).content.decode()
    assert address in client_of(nation).get(EXPORTS).content.decode()


def test_who_sees_less_by_now_opens_no_file_of_before(nation: User, folder: Path, tmp_path: Path) -> None:
    """A role that ends takes along what was made with it; from what is still seen, the file is made anew."""
    client = client_of(nation)
    job = started(client, "measure=paid")
    work()
    address = job.get_absolute_url()

    def status() -> int:
        with closing(client.get(f"{address}file/")) as answer:
            return answer.status_code

    assert status() == 200
    [left] = folder.glob("*.xlsx")
    role = nation.memberships.get()
    role.agency = agency_at("KR/P3")
    role.save()
    assert status() == 404
    assert "The file does not open any more" in client.get(address).content.decode()
    client.post(f"{address}again/")
    assert (left.exists(), folder.exists()) == (False, True)
    work()
    job.refresh_from_db()
    assert (job.state, job.sight) == (State.DONE, [agency_at("KR/P3").pk])
    book = sheet(client.get(f"{address}file/"), tmp_path)
    assert book["Records"].max_row == 1 + job.rows_done < 6
    Membership.objects.create(user=nation, role=Role.APPROVER, agency=agency_at("KR"))  # sees more
    assert status() == 200
    ExportJob.objects.update(sight=None)  # from before that was known
    assert status() == 404


def test_what_moves_out_of_sight_takes_the_file_along(nation: User) -> None:
    """The place of the owner's role stays what it was; what stood below it, and in the file, does not."""
    place, other, moving = agency_at("KR/P3"), agency_at("KR/P1"), agency_at("KR/P3/Q")
    owner = person(Role.COMMITTEE_MEMBER, place, username="of-p3")
    client = client_of(owner)
    job = started(client, "measure=paid")
    work()

    def status() -> int:
        with closing(client.get(f"{job.get_absolute_url()}file/")) as answer:
            return answer.status_code

    assert status() == 200
    moving.parent = other
    moving.save()
    assert status() == 404
    moving.successor = place  # what merged into one's own is one's own to see
    moving.save()
    assert status() == 200


def test_too_many_records_are_told_at_once_and_nothing_is_made(
    nation: User, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    assert jobs.LONGEST == 1_048_575
    for module in ("oversight.exports.jobs", "oversight.explorer.record_views"):
        monkeypatch.setattr(f"{module}.LONGEST", 4)
    client = client_of(nation)
    for response in (
        client.get("/spending/explore/records/?_export=xlsx"),
        client.post(EXPORTS, {"query": ""}),
    ):
        assert response.status_code == 400
        assert "These are 5 records, and a sheet holds 4." in response.content.decode()
    assert not ExportJob.objects.exists()
    assert not DBTaskResult.objects.exists()
    assert client.get("/spending/explore/records/?product=chat&_export=xlsx").status_code == 200


def test_records_that_have_become_too_many_stop_it(
    nation: User, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    client = client_of(nation)
    job = started(client)
    monkeypatch.setattr("oversight.exports.jobs.LONGEST", 4)
    work()
    job.refresh_from_db()
    assert (job.state, job.problem, job.file) == (State.STOPPED, Problem.TOO_LONG, "")
    assert list(folder.iterdir()) == []
    assert "These are 5 records, and a sheet holds 4." in client.get(job.get_absolute_url()).content.decode()


def test_it_is_asked_anew_in_the_owners_sight(nation: User, tmp_path: Path) -> None:
    client = client_of(nation)
    narrowed, out_of_sight, nothing = (started(client, query) for query in ("", "agency=P2", "product=chat"))
    Membership.objects.filter(user=nation).update(agency=agency_at("KR/P1"))
    work()
    for job in (narrowed, out_of_sight, nothing):
        job.refresh_from_db()
    response: Any = client.get(narrowed.get_absolute_url() + "file/")
    rows = list(sheet(response, tmp_path)["Records"].iter_rows(values_only=True))
    assert {row[1] for row in rows[1:]} == {"P1", "C2"}
    assert (out_of_sight.state, out_of_sight.problem) == (State.STOPPED, Problem.NOT_VALID)
    assert nothing.state == State.DONE
    Membership.objects.filter(user=nation).delete()
    client.post(narrowed.get_absolute_url() + "again/")  # its file opens no more
    late = started(client)
    work()
    for job in (late, narrowed):
        job.refresh_from_db()
        assert (job.state, job.problem) == (State.STOPPED, Problem.NOT_ALLOWED)


def test_a_failure_is_told_and_can_be_run_again(
    nation: User, monkeypatch: pytest.MonkeyPatch, folder: Path, caplog: Any
) -> None:
    client = client_of(nation)
    job = started(client)
    with monkeypatch.context() as broken:
        broken.setattr("oversight.exports.jobs.write_records", lambda *arguments: 1 // 0)
        work()
    job.refresh_from_db()
    assert (job.state, job.problem, job.file) == (State.FAILED, Problem.BROKEN, "")
    assert "ZeroDivisionError" in caplog.text
    page = client.get(job.get_absolute_url()).content.decode()
    assert "Something went wrong while the file was made." in page
    assert "Run again" in page
    assert list(folder.iterdir()) == []
    assert client.post(job.get_absolute_url() + "again/")["Location"] == job.get_absolute_url()
    work()
    job.refresh_from_db()
    assert (job.state, job.problem, job.attempt, job.rows_done) == (State.DONE, "", 2, 5)
    client.post(job.get_absolute_url() + "again/")
    assert ExportJob.objects.get(pk=job.pk).attempt == 2


def test_a_killed_worker_leaves_an_interrupted_job(
    nation: User, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """A worker of its own, killed while it writes; the job says so once it is silent, and can be run again."""
    client = client_of(nation)
    subscription = Subscription.objects.filter(agency__code="P1").get()
    Payment.objects.bulk_create(
        Payment(subscription=subscription, paid_on=days(-n % 300), amount=n, won=n) for n in range(25_000)
    )
    job = started(client)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "db_worker", "--no-startup-delay", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address(), "EXPORTS_DIR": str(folder)},
    )
    try:
        until = time.monotonic() + 60
        while ExportJob.objects.get(pk=job.pk).rows_done == 0 and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait(60)
    job.refresh_from_db()
    assert job.state == State.RUNNING
    assert 0 < job.rows_done < job.rows_total == 25_005
    assert not job.is_interrupted
    later = timezone.now() + ExportJob.SILENT_AFTER * 2
    monkeypatch.setattr(timezone, "now", lambda: later)
    page = client.get(job.get_absolute_url()).content.decode()
    assert "The export was interrupted" in page
    assert "hx-get" not in page
    client.post(job.get_absolute_url() + "again/")
    work()
    job.refresh_from_db()
    assert (job.state, job.rows_done, job.attempt) == (State.DONE, 25_005, 2)


def test_a_run_that_another_has_followed_writes_nothing_more(nation: User, folder: Path) -> None:
    job = started(client_of(nation))
    ExportJob.objects.filter(pk=job.pk).update(attempt=2)
    jobs.run(job.pk, 1)
    assert ExportJob.objects.get(pk=job.pk).state == State.WAITING
    jobs.run(job.pk, 2)
    jobs.run(job.pk, 2)  # sent twice
    assert ExportJob.objects.get(pk=job.pk).state == State.DONE
    assert len(list(folder.iterdir())) == 1


def test_a_run_that_is_followed_while_it_writes(
    nation: User, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(jobs, "BEAT", 0.01)
    job = started(client_of(nation))

    def slow(path: Path, columns: Any, rows: Any, form: Any, as_of: Any) -> None:
        ExportJob.objects.filter(pk=job.pk).update(attempt=2, state=State.WAITING)
        time.sleep(0.5)
        list(rows)
        pytest.fail("it went on")

    monkeypatch.setattr(jobs, "write_records", slow)
    jobs.run(job.pk, 1)
    job.refresh_from_db()
    assert (job.state, job.attempt, list(folder.iterdir())) == (State.WAITING, 2, [])


def test_progress_that_cannot_be_written_once_is_written_the_next_time(
    nation: User, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    job, written = started(client_of(nation)), jobs._Progress._written
    seen: list[int] = []
    shown: list[int] = []

    def busy_at_first(self: Any) -> bool:
        seen.append(1)
        if len(seen) == 1:
            raise OperationalError("database is locked")
        return written(self)

    def slow(path: Path, columns: Any, rows: Any, form: Any, as_of: Any) -> None:
        next(rows)
        next(rows)
        until = time.monotonic() + 10
        while not ExportJob.objects.get(pk=job.pk).rows_done and time.monotonic() < until:
            time.sleep(0.01)
        shown.append(ExportJob.objects.get(pk=job.pk).rows_done)
        path.write_bytes(b"")

    monkeypatch.setattr(jobs, "BEAT", 0.01)
    monkeypatch.setattr(jobs._Progress, "_written", busy_at_first)
    monkeypatch.setattr(jobs, "write_records", slow)
    jobs.run(job.pk, 1)
    assert "was not written" in caplog.text
    assert shown == [1]  # the second row is being written
    assert ExportJob.objects.get(pk=job.pk).state == State.DONE


def test_a_job_that_no_worker_takes_says_so(nation: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(nation)
    job = started(client)
    later = timezone.now() + ExportJob.SILENT_AFTER * 2
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert "No worker has taken it yet." in client.get(job.get_absolute_url()).content.decode()


def test_no_more_than_a_few_at_once(nation: User) -> None:
    client = client_of(nation)
    for _number in range(jobs.AT_ONCE):
        started(client)
    assert client.post(EXPORTS, {"query": ""})["Location"] == EXPORTS
    assert ExportJob.objects.count() == jobs.AT_ONCE
    started(client_of(person(Role.COMMITTEE_MEMBER, agency_at("KR"))))


def test_a_wrong_filter_starts_nothing(nation: User) -> None:
    client = client_of(nation)
    for query in ("measure=nonsense", "agency=NOWHERE", "measure=stated"):
        assert client.post(EXPORTS, {"query": query}).status_code == 400
    assert not ExportJob.objects.exists()


def test_old_files_are_removed(nation: User, folder: Path, capsys: Any) -> None:
    client = client_of(nation)
    old, new = started(client), started(client)
    work()
    long_ago = timezone.now() - datetime.timedelta(days=settings.EXPORTS_DAYS, minutes=1)
    ExportJob.objects.filter(pk=old.pk).update(finished_at=long_ago)
    left, fresh = folder / "left.part", folder / "fresh.part"
    for path in (left, fresh):
        path.write_text("")
    os.utime(left, (long_ago.timestamp(), long_ago.timestamp()))
    call_command("remove_old_exports")
    assert capsys.readouterr().out.splitlines()[0] == "1 files removed, 1 left-overs"
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.state, old.file, new.state) == (State.REMOVED, "", State.DONE)
    assert {path.name for path in folder.iterdir()} == {new.file, "fresh.part"}
    assert client.get(old.get_absolute_url() + "file/").status_code == 404
    assert "The file has been deleted" in client.get(old.get_absolute_url()).content.decode()


def test_in_the_language_it_was_asked_for_in(nation: User, tmp_path: Path) -> None:
    client = client_of(nation, "ko")
    job = started(client)
    work()
    response: Any = client.get(job.get_absolute_url() + "file/")
    book = sheet(response, tmp_path)
    assert job.language == "ko"
    assert book["Citation" if "Citation" in book.sheetnames else book.sheetnames[1]]["A1"].value != "Measure"


def test_a_long_sheet_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        with (tmp_path / "long.xlsx").open("wb") as file:
            rows = ((f"KR-49-2026-{n}", "KR-49", n, datetime.date(2026, 1, 1), None) for n in range(count))
            write_xlsx(file, itertools.chain([("a", "b", "c", "d", "e")], rows), "Rows")
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    short, long = peak(2_000), peak(20_000)
    assert long < short + 500_000


def test_what_a_reader_sees_takes_a_constant_number_of_queries(
    nation: User, django_assert_num_queries: Any
) -> None:
    client = client_of(nation)
    job = started(client)
    for page, queries in ((EXPORTS, 4), (job.get_absolute_url(), 3)):
        client.get(page)
        with django_assert_num_queries(queries):
            client.get(page, headers={"HX-Request": "true"})
