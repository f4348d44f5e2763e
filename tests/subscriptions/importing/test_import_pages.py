"""An import on its pages: upload, columns, dry run, import and undo, with a worker; and each way in which it can end."""

from __future__ import annotations

import csv
import datetime
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from agencies.models import User
from audit.changes import changes, history_of
from audit.models import Event
from subscriptions import paying, recording
from subscriptions.importing import jobs
from subscriptions.importing.reading import LARGEST_FILE
from subscriptions.importing.report import Report
from subscriptions.importing.rows import Problem as Told
from subscriptions.models import FileImport, Payment, Status, Subscription
from subscriptions.upload_models import KnownHeader, Upload
from tests.pages import errors_on, form_on, read
from tests.subscriptions.factories import (
    DAY,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    make_policy,
    person,
)
from tests.subscriptions.test_killed_check import address

pytestmark = [pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[3]
State, Step, Problem = Upload.State, Upload.Step, Upload.Problem
IMPORTS = "/imports/"
HEADER = "agency,tool,contract number,starts,seats,amount,per seat or flat,billed,비고\n"
GOOD = HEADER + "P1,tool-a,C-1,2026-01-01,10,1000,per seat,monthly,민원\nP1,tool-b,C-2,2026-02-01,,,,,보고\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.IMPORTS_DIR = tmp_path / "imports"
    return settings.IMPORTS_DIR  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The worker takes the signals of the process it runs in; the tests' own come back after it."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def by(transactional_db: None) -> User:
    for code in ("tool-a", "tool-b"):
        ProductFactory(code=code)
    return person("administrator", agency_at("KR/P1"))


def client_of(user: User, language: str = "en") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def work() -> None:
    call_command("db_worker", "--batch", "--no-startup-delay", verbosity=0)


def sent(client: Client, text: str | bytes, name: str = "구독.csv", kind: str = "subscriptions") -> Any:
    data = text.encode() if isinstance(text, str) else text
    return client.post(IMPORTS, {"kind": kind, "file": SimpleUploadedFile(name, data)})


def tried(client: Client, text: str | bytes, kind: str = "subscriptions", **columns: str) -> Upload:
    """A file that was uploaded, its columns as they are guessed unless said, and tried."""
    response = sent(client, text, kind=kind)
    upload = Upload.objects.latest("pk")
    page = f"{IMPORTS}{upload.pk}/columns/"
    assert response["Location"] == page
    form = form_on(client.get(page), "columns-form")
    assert client.post(page, {**form, **columns})["Location"] == upload.get_absolute_url()
    work()
    upload.refresh_from_db()
    return upload


def shown(client: Client, upload: Upload) -> str:
    return read(client.get(upload.get_absolute_url())).text


def done(client: Client, upload: Upload, act: str) -> Upload:
    assert client.post(f"{upload.get_absolute_url()}{act}/")["Location"] == upload.get_absolute_url()
    work()
    upload.refresh_from_db()
    return upload


def test_what_the_worker_does_comes_from_whoever_asked_for_it(by: User, folder: Path) -> None:
    """From which address and session a file was imported and taken back is in the trail, its changes included."""
    client = client_of(by)
    client.defaults["REMOTE_ADDR"] = "203.0.113.9"
    upload = tried(client, GOOD, column_8="purpose", in_use="in_use")
    before = Event.objects.count()
    done(client, upload, "start")
    done(client, upload, "undo")
    events = Event.objects.order_by("pk")[before:]
    assert {(event.kind, event.address, event.actor, len(event.session)) for event in events} == {
        (kind, "203.0.113.9", by.username, 16) for kind in ("import", "request")
    }
    assert [event.after["what"] for event in events if event.kind == "import"] == ["imported", "undone"]
    rows = history_of(Subscription)[:1]
    assert [change.addresses for change in changes(rows)] == [["203.0.113.9"]]
    jobs.work.func(upload.pk, upload.attempt)  # one that was asked for by code from before


def test_from_the_file_to_the_undo(by: User, folder: Path) -> None:
    make_policy(("product", "is", ["tool-b"]))
    client = client_of(by)
    assert "You have imported nothing yet." in read(client.get(IMPORTS)).text
    upload = tried(client, GOOD, column_8="purpose", in_use="in_use")
    assert (upload.step, upload.state, upload.problem, upload.rows_total) == ("trial", "done", "", 2)
    assert KnownHeader.objects.values_list("user", "header", "column").get() == (by.pk, "비고", "purpose")
    page = shown(client, upload)
    for text in (
        "The file can be imported",
        "Would be created 2",
        "Errors 0",
        "By the policies in force",
    ):
        assert text in page
    assert "Violation" in page
    assert Subscription.objects.count() == 0
    again = client.post(f"{upload.get_absolute_url()}undo/")
    assert again.status_code == 404
    assert done(client, upload, "start").state == State.DONE
    assert Subscription.objects.filter(status=Status.ACTIVE, purpose__in=("민원", "보고")).count() == 2
    assert "The file was imported" in shown(client, upload)
    # What is imported is not imported twice, nor tried again.
    client.post(f"{upload.get_absolute_url()}start/")
    assert client.get(f"{upload.get_absolute_url()}columns/")["Location"] == upload.get_absolute_url()
    assert not jobs.start(upload, Step.TRIAL)
    assert "2 records that it created are declared void" in read(
        client.get(f"{upload.get_absolute_url()}undo/")
    ).text.replace(",", "")
    assert done(client, upload, "undo").state == State.DONE
    assert Subscription.objects.filter(status=Status.VOID).count() == 2
    assert "The import was taken back" in shown(client, upload)
    assert [path.name for path in folder.iterdir()] == [upload.file]


def test_errors_are_told_with_their_row_and_as_a_file_and_the_next_file_knows_the_headers(by: User) -> None:
    client = client_of(by)
    bad = GOOD.replace("tool-a", "tool-aa").replace("2026-02-01", "=1+1").replace("=1+1", "soon")
    upload = tried(client, bad, column_8="purpose")
    page = shown(client, upload)
    assert "2 errors: nothing can be imported yet" in page
    assert "Import it" not in page
    assert client.post(f"{upload.get_absolute_url()}start/").status_code == 302
    upload.refresh_from_db()
    assert upload.step == Step.TRIAL
    response: Any = client.get(f"{upload.get_absolute_url()}problems/")
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["Row of the file", "Severity", "Column", "Value", "Message", "Suggestion"]
    assert [row[:4] for row in rows[1:]] == [
        ["2", "Error", "AI tool", "tool-aa"],
        ["3", "Error", "Starts", "soon"],
    ]
    assert rows[1][5].endswith("(tool-a)")
    corrected = tried(client, GOOD)
    assert corrected.columns[-1] == "purpose"
    assert done(client, corrected, "start").file_import is not None
    # The same file once more changes nothing, so there is nothing to confirm.
    page = shown(client, tried(client, GOOD))
    assert "The file changes nothing" in page
    assert "Import it" not in page
    # Choosing what the header says by itself forgets what was chosen.
    tried(client, GOOD, column_8="")
    assert not KnownHeader.objects.exists()


def test_errors_go_before_warnings_where_not_all_are_kept_and_page_and_file_say_how_many_there_are(
    by: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.importing.report.MOST_PROBLEMS", 3)
    report, client = Report(), client_of(by)
    for severity in "wwweeweew":
        line = report.problems_in_all + 2
        report.tell([Told(line, "amount", "", "told", is_error=severity == "e")])
        assert len(report.problems) <= 3
    assert (report.errors, report.warnings) == (4, 5)
    assert [(one.line, one.is_error) for one in report.problems] == [(5, True), (6, True), (8, True)]
    upload = Upload.objects.create(
        owner=by, kind="subscriptions", file_name="f.csv", step=Step.TRIAL, report=report.as_json()
    )
    assert "The first 3 of 9 are listed, here and in the file; errors before warnings." in shown(
        client, upload
    )
    response: Any = client.get(f"{upload.get_absolute_url()}problems/")
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    *told, last = csv.reader(io.StringIO(text))
    assert len(told) == 1 + 3
    assert last == ["", "", "", "", "The first 3 of 9; errors before warnings.", ""]


def test_exchange_rates_on_their_pages_tell_which_payments_they_changed(by: User) -> None:
    client = client_of(person("policy_officer", agency_at("KR")))
    bad = tried(client, "통화,기준일,매매기준율\nUSX,2026-06-01,1\n", kind="rates")
    assert "“USX” is not a currency of ISO 4217." in shown(client, bad)
    subscription = SubscriptionFactory(agency=agency_at("KR/P1"))
    for amount in (1_000, 2_000):
        payment = Payment(subscription=subscription, paid_on=DAY, amount=amount, currency="USD")
        paying.record(payment, by=by, on=DAY)
    good = tried(client, f"통화,기준일,매매기준율\nUSD,{DAY},1400\n", kind="rates")
    assert "got other amounts in won" not in shown(client, good)
    done(client, good, "start")
    page = shown(client, good)
    assert "The file was imported 2 payments got other amounts in won." in page
    assert "Created 1" in page


def test_what_is_no_table_is_refused_at_once(by: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(by)
    for data, message in (
        (b"%PDF-1.7", "This is neither a CSV nor an XLSX file. Save it as one of them."),
        (b"", "The submitted file is empty."),
        (b"x" * (LARGEST_FILE + 1), "The file has more than 30 MB. Divide it."),
    ):
        assert errors_on(sent(client, data)) == {"file": [message]}
    assert errors_on(sent(client, GOOD, kind="agencies"))["kind"]
    assert not Upload.objects.exists()


def test_columns_are_chosen_once_each_and_none_that_is_needed_is_missing(by: User) -> None:
    client = client_of(by)
    sent(client, GOOD)
    page = f"{IMPORTS}{Upload.objects.get().pk}/columns/"
    form = form_on(client.get(page), "columns-form")
    twice = client.post(page, {**form, "column_8": "agency"})
    assert errors_on(twice) == {"column_8": ["“agency” is chosen for this already."]}
    lacking = client.post(page, {**form, "column_0": ""})
    assert "There must be a column for the agency" in read(lacking).text
    assert Upload.objects.get().step == Step.COLUMNS


def test_an_import_that_would_do_something_else_than_its_trial_stops(by: User) -> None:
    client = client_of(by)
    upload = tried(client, GOOD)
    other = tried(client, GOOD)
    done(client, other, "start")
    done(client, upload, "start")
    assert (upload.state, upload.problem, upload.file_import) == (State.STOPPED, Problem.CHANGED, None)
    assert "The register has changed since the dry run" in shown(client, upload)
    assert Subscription.objects.count() == 2
    assert done(client, upload, "again").step == Step.TRIAL
    assert "The file changes nothing" in shown(client, upload)


def test_what_was_worked_on_since_is_named_and_not_undone(by: User) -> None:
    client = client_of(by)
    upload = done(client, tried(client, GOOD, in_use="in_use"), "start")
    record = Subscription.objects.get(contract_number="C-1")
    recording.void(record, by=by, reason="twice")
    page = shown(client, upload)
    assert "This import can no longer be undone" in page
    assert record.reference in page
    done(client, upload, "undo")
    assert (upload.state, upload.problem, upload.detail) == (
        State.STOPPED,
        Problem.TOUCHED,
        record.reference,
    )
    assert "Nothing was undone" in shown(client, upload)
    assert Subscription.objects.get(contract_number="C-2").status == Status.ACTIVE


def test_whose_role_is_gone_imports_nothing(by: User) -> None:
    client = client_of(by)
    upload = tried(client, GOOD)
    jobs.start(upload, Step.IMPORT)
    by.memberships.all().delete()
    work()
    upload.refresh_from_db()
    assert (upload.state, upload.problem) == (State.STOPPED, Problem.NOT_ALLOWED)
    assert client.get(upload.get_absolute_url()).status_code == 403


def test_a_failure_is_told_and_run_again(by: User, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    client = client_of(by)
    upload = tried(client, GOOD)
    with monkeypatch.context() as broken:
        broken.setattr("subscriptions.importing.running._close", lambda *given: 1 // 0)
        done(client, upload, "start")
    assert (upload.state, upload.problem) == (State.FAILED, Problem.BROKEN)
    assert "Something went wrong." in shown(client, upload)
    assert (Subscription.objects.count(), FileImport.objects.count()) == (0, 0)
    assert done(client, upload, "again").file_import is not None


def test_a_run_that_another_has_followed_keeps_nothing(by: User, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = tried(client_of(by), GOOD)
    jobs.start(upload, Step.IMPORT)
    upload.refresh_from_db()
    first = upload.attempt

    def followed(upload: Upload, **values: Any) -> bool:
        return False

    with monkeypatch.context() as late:
        late.setattr(jobs, "_finish", followed)
        jobs.run(upload.pk, first)
    assert Subscription.objects.count() == 0
    Upload.objects.filter(pk=upload.pk).update(state=State.WAITING, attempt=first + 1)
    jobs.run(upload.pk, first)  # the first, once more
    assert Upload.objects.get().state == State.WAITING
    jobs.run(upload.pk, first + 1)
    jobs.run(upload.pk, first + 1)  # sent twice
    assert (Upload.objects.get().state, Subscription.objects.count()) == (State.DONE, 2)


def test_a_killed_worker_leaves_nothing_and_the_import_runs_again(
    by: User, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """A worker of its own, killed while it writes; the page says so once it is silent, and can run it again."""
    client = client_of(by)
    rows = "".join(f"P1,tool-a,C-{number},2026-01-01,,,,,\n" for number in range(4_500))
    upload = tried(client, HEADER + rows)
    client.post(f"{upload.get_absolute_url()}start/")
    upload.refresh_from_db()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "db_worker", "--no-startup-delay", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address(), "IMPORTS_DIR": str(folder)},
    )
    note = folder / f"{upload.pk}-{upload.attempt}.progress"
    try:
        until = time.monotonic() + 60
        while (not note.exists() or note.read_text() in ("", "0")) and time.monotonic() < until:
            time.sleep(0.02)
        page = client.get(upload.get_absolute_url(), headers={"HX-Request": "true"}).content.decode()
    finally:
        process.kill()
        process.wait(60)
    assert "of 4,500 records written" in page
    assert 'hx-trigger="every 1s"' in page
    upload.refresh_from_db()
    assert (upload.state, upload.file_import) == (State.RUNNING, None)
    assert (Subscription.objects.count(), FileImport.objects.count()) == (0, 0)
    later = timezone.now() + Upload.SILENT_AFTER * 2
    with monkeypatch.context() as clock:
        clock.setattr(timezone, "now", lambda: later)
        page = client.get(upload.get_absolute_url()).content.decode()
        assert "Nothing was imported. Run it again." in page
        assert "hx-get" not in page
        client.post(f"{upload.get_absolute_url()}again/")
    work()
    upload.refresh_from_db()
    assert (upload.state, upload.attempt, upload.file_import is not None) == (State.DONE, 3, True)
    assert Subscription.objects.count() == 4_500


def test_old_files_are_removed_and_what_came_of_them_stays(by: User, folder: Path, capsys: Any) -> None:
    client = client_of(by)
    old, new = tried(client, GOOD), tried(client, GOOD)
    done(client, old, "start")
    long_ago = timezone.now() - datetime.timedelta(days=jobs.days_kept(), minutes=1)
    Upload.objects.filter(pk=old.pk).update(created_at=long_ago, heard_of_at=long_ago)
    left = folder / "1-1.progress"
    left.write_text("")
    os.utime(left, (long_ago.timestamp(), long_ago.timestamp()))
    call_command("remove_old_exports")
    assert "1 uploads removed, 1 left-overs" in capsys.readouterr().out
    assert [path.name for path in folder.iterdir()] == [new.file]
    assert "The file was imported" in shown(client, old)
    (folder / new.file).unlink()
    done(client, new, "start")
    assert (new.state, new.problem) == (State.STOPPED, Problem.GONE)
    page = client.post(f"{new.get_absolute_url()}discard/")
    assert page["Location"] == IMPORTS
    assert not Upload.objects.filter(pk=new.pk).exists()
    assert client.post(f"{old.get_absolute_url()}discard/").status_code == 403


def test_what_a_reader_sees_takes_a_constant_number_of_queries(
    by: User, django_assert_num_queries: Any
) -> None:
    client = client_of(by)
    pages = [done(client, tried(client, GOOD), "start").get_absolute_url()]
    for _number in range(3):
        sent(client, GOOD)
    for page, queries in ((IMPORTS, 4), (pages[0], 6)):
        client.get(page)
        with django_assert_num_queries(queries):
            client.get(page)


def test_examples_can_be_imported_as_they_are(by: User) -> None:
    client = client_of(by)
    for ending in ("csv", "xlsx"):
        response: Any = client.get(f"{IMPORTS}example/subscriptions.{ending}")
        data = b"".join(response.streaming_content) if response.streaming else response.content
        assert sent(client, data, f"example.{ending}").status_code == 302
        upload = Upload.objects.latest("pk")
        assert "" not in upload.columns
        assert len(upload.samples) == 3
    assert client.get(f"{IMPORTS}example/agencies.csv").status_code == 403
    assert client.get(f"{IMPORTS}example/subscriptions.pdf").status_code == 404
