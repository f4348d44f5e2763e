"""Backup and restore on SQLite: of one moment under write load, whole or not at all, and never over something unasked."""

import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
import threading
import time
from contextlib import closing

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from agencies.models import User
from audit import heads
from audit.events import Kind, record
from audit.models import Event
from audit.sealing import seal_all
from govtrack import backups
from subscriptions.models import Payment, Subscription
from tests.audit import behind

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="only on SQLite: PostgreSQL has tools of its own"
)

# Money that moves between two accounts, with a line for each move: at every moment the sum is the same.
TABLES = """PRAGMA journal_mode = WAL;
CREATE TABLE account (id INTEGER PRIMARY KEY, won INTEGER);
CREATE TABLE move (id INTEGER PRIMARY KEY, account INTEGER REFERENCES account, won INTEGER);
INSERT INTO account VALUES (1, 1000000), (2, 0);
CREATE TABLE filler (text TEXT);
"""


@pytest.fixture
def busy(tmp_path):
    """A database of some megabytes that a thread writes to all the time."""
    file, stop, wrote = tmp_path / "busy.sqlite3", threading.Event(), []
    with closing(sqlite3.connect(file)) as database:
        database.executescript(TABLES)
        database.executemany("INSERT INTO filler VALUES (?)", (("x" * 1000,) for _ in range(3000)))
        database.commit()

    def write():
        with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            while not stop.is_set():
                database.execute("BEGIN IMMEDIATE")
                database.execute("UPDATE account SET won = won - 1 WHERE id = 1")
                database.execute("INSERT INTO move (account, won) VALUES (1, -1), (2, 1)")
                database.execute("UPDATE account SET won = won + 1 WHERE id = 2")
                database.execute("COMMIT")
                wrote.append(1)

    thread = threading.Thread(target=write)
    thread.start()
    while len(wrote) < 20:
        time.sleep(0.01)
    yield file, wrote
    stop.set()
    thread.join()


def sums(file):
    with closing(sqlite3.connect(file)) as database:
        return database.execute(
            "SELECT (SELECT sum(won) FROM account), (SELECT won FROM account WHERE id = 2),"
            " (SELECT count(*) FROM move WHERE account = 2), (SELECT sum(won) FROM move)"
        ).fetchone()


def test_a_backup_under_write_load_is_of_one_moment(busy, tmp_path):
    source, wrote = busy
    folder, elsewhere = tmp_path / "exports", tmp_path / "elsewhere"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "파일.xlsx").write_bytes(b"content")
    moments = []
    for number in range(3):
        file, target = tmp_path / f"backup-{number}", elsewhere / f"{number}.sqlite3"
        before = len(wrote)
        backups.back_up(file, source, {"EXPORTS_DIR": folder, "MEDIA_ROOT": tmp_path / "none"})
        assert len(wrote) > before  # nobody waited
        backups.restore(file, target, {"EXPORTS_DIR": elsewhere / "exports"}, force=number > 0)
        total, second, moves, balance = sums(target)
        assert (total, moves, balance) == (1_000_000, second, 0)
        assert (elsewhere / "exports" / "deep" / "파일.xlsx").read_bytes() == b"content"
        moments.append(second)
    assert moments == sorted(set(moments))
    assert (file.stat().st_mode & 0o777, list(tmp_path.glob(".backup-*"))) == (0o600, [])


def test_a_copy_of_the_file_alone_is_not(busy, tmp_path):  # the control: what is being written is not in it
    source, wrote = busy
    shutil.copy(source, tmp_path / "copy.sqlite3")
    copied = tmp_path / "copy.sqlite3"
    try:
        found = sums(copied)
    except sqlite3.DatabaseError:
        return
    assert found[1] < len(wrote)


@pytest.mark.django_db(transaction=True)
def test_the_register_comes_back_as_it_was(make_user, make_agency, signed_in, tmp_path, settings):
    """By the commands, over a register that went on since: rows, sums and triggers are those of the backup."""
    settings.EXPORTS_DIR = tmp_path / "exports"
    settings.KEPT_FOLDERS = ["EXPORTS_DIR"]
    jeju = make_user("administrator", "KR-49", username="jeju")
    client = signed_in(user=jeju)
    assert client.get("/people/").status_code == 200
    seal_all()
    file, database = tmp_path / "backup", backups.database_file()
    call_command("backup", str(file), verbosity=0)
    before, expected = backups.counts(database), User.objects.count()
    make_user("administrator", "KR-11", username="later")
    record(Kind.SETTING, name="later")
    seal_all()
    head_before = "{seals} {hash}".format(**heads.head())
    with pytest.raises(CommandError) as refused:
        call_command("backup", str(file))
    assert refused.value.returncode == 2
    with pytest.raises(CommandError) as refused:
        call_command("restore", str(file))
    assert (refused.value.returncode, User.objects.count()) == (2, expected + 1)
    call_command("restore", str(file), "--check", verbosity=0)
    said = io.StringIO()
    call_command("restore", str(file), "--force", verbosity=0, stdout=said)
    assert "The audit trail is as it was sealed." in said.getvalue()
    # But the sessions of then, and what says that it was put back.
    assert (Session.objects.count(), client.get("/people/").status_code) == (0, 302)
    told = Event.objects.filter(kind="command").get()
    then = heads.head()
    assert (told.about, told.after["file"], told.after["head"]) == (
        "restore",
        "backup",
        f"{then['seals']} {then['hash']}",
    )
    assert told.before["head"] == head_before
    before |= {
        "audit_event": before["audit_event"] + 1,
        "django_session": 0,
        "usersessions_usersession": 0,
    }
    now = backups.counts(database)
    assert (User.objects.count(), now | {"django_session": 0}) == (expected, before)
    assert not User.objects.filter(username="later").exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'")
        assert cursor.fetchone()[0] > 0
    assert (Subscription.objects.count(), Payment.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_bent_trail_is_told_when_it_is_put_back(make_user, tmp_path, settings):
    """The control beside it: somebody changed what is sealed before the backup was made."""
    settings.KEPT_FOLDERS = []
    make_user("administrator", "KR-49", username="jeju")
    seal_all()
    behind.run("audit_seal", "UPDATE audit_seal SET hash = %s WHERE number = 1", "0" * 64)
    file = tmp_path / "backup"
    call_command("backup", str(file), verbosity=0)
    with pytest.raises(CommandError, match=r"was put back.*not as it was sealed") as told:
        call_command("restore", str(file), "--force", verbosity=0, stdout=io.StringIO())
    assert (told.value.returncode, User.objects.filter(username="jeju").count()) == (3, 1)


@pytest.mark.django_db(transaction=True)
def test_a_restore_that_leaves_sessions_or_no_trace_says_so(signed_in, tmp_path, settings, monkeypatch):
    """As over the tables of much older code: what can be done is done, and what is left to do is told."""
    settings.KEPT_FOLDERS = []
    signed_in("sysadmin")
    file = tmp_path / "backup"

    def restored():
        call_command("backup", str(file), "--force", verbosity=0)
        with pytest.raises(CommandError) as told:
            call_command("restore", str(file), "--force", verbosity=0, stdout=io.StringIO())
        return told.value.returncode, str(told.value), Session.objects.count()

    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER held BEFORE DELETE ON django_session BEGIN SELECT RAISE(ABORT, 'held'); END"
        )
    kept = restored()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER held")
    assert (kept[0], kept[2]) == (4, 1)
    assert "were NOT ended (held)" in kept[1]
    assert "DELETE FROM django_session" in kept[1]

    def no_table(*args, **kwargs):
        raise OperationalError("no such table: audit_event")

    monkeypatch.setattr("govtrack.management.commands.restore.record", no_table)
    code, told, sessions = restored()
    assert (code, sessions) == (4, 0)
    assert "does not tell of it (no such table: audit_event)" in told
    assert "NOT ended" not in told


def cut(data):
    return data[: len(data) // 2]


def changed(data):
    at = data.index(b"SQLite format 3") + 5000
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def with_member(name):
    def change(data):
        buffer = io.BytesIO(data)
        with tarfile.open(fileobj=buffer, mode="a") as tar:
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
        return buffer.getvalue()

    return change


@pytest.mark.parametrize(
    "change", [cut, changed, with_member("more"), with_member("../../outside"), lambda data: b"no archive"]
)
def test_what_is_no_whole_backup_touches_nothing(tmp_path, change):
    source, target, file = tmp_path / "source", tmp_path / "target" / "x.sqlite3", tmp_path / "backup"
    with closing(sqlite3.connect(source)) as database:
        database.executescript(TABLES)
    backups.back_up(file, source, {})
    assert backups.look_at(file)["parts"].keys() == {"database.sqlite3"}
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(backups.Unusable):
        backups.restore(file, target, {})
    assert (target.exists(), (tmp_path / "outside").exists()) == (False, False)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "files/MEDIA_ROOT/../outside",
        "files/MEDIA_ROOT/../../../outside",
        "files/MEDIA_ROOT/{top}/outside",
        "files/MEDIA_ROOT/link/outside",
        "files/x",
    ],
)
def test_nothing_is_put_outside_of_the_folders(tmp_path, name, force):
    """A backup that is whole, made by somebody who chose the names in it; the control is a name like ours."""
    folder, file, target = tmp_path / "media", tmp_path / "backup", tmp_path / "x.sqlite3"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with closing(sqlite3.connect(tmp_path / "source")) as database:
        database.executescript("CREATE TABLE a (b)")
    content = (tmp_path / "source").read_bytes()
    for member, refused in ((name.format(top=tmp_path), True), ("files/MEDIA_ROOT/in/side", False)):
        of_our_own_making(file, {"database.sqlite3": content, member: b"evil"})
        if refused:
            with pytest.raises(backups.Unusable):
                backups.restore(file, target, {"MEDIA_ROOT": folder}, force)
        else:
            backups.restore(file, target, {"MEDIA_ROOT": folder}, force)
        assert ((tmp_path / "outside").exists(), target.exists()) == (False, not refused)
    assert (folder / "in" / "side").read_bytes() == b"evil"


def of_our_own_making(file, parts):
    """An archive as `backup` writes it, with these parts."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    manifest = {"format": backups.FORMAT, "made_at": "2026-01-01", "parts": sums}
    with tarfile.open(file, "w") as tar:
        for name, content in (parts | {"manifest.json": json.dumps(manifest).encode()}).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_a_damaged_database_is_not_backed_up(tmp_path):
    source = tmp_path / "source"
    with closing(sqlite3.connect(source)) as database:
        database.executescript(TABLES.replace("PRAGMA journal_mode = WAL;", ""))
        database.executemany("INSERT INTO filler VALUES (?)", (("x" * 1000,) for _ in range(300)))
        database.execute("INSERT INTO move (account, won) VALUES (99, 1)")
        database.commit()
    with pytest.raises(backups.Unusable, match="refers to none"):
        backups.back_up(tmp_path / "backup", source, {})
    assert not (tmp_path / "backup").exists()
