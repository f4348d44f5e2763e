"""Seals hold the trail: whatever is done to sealed rows behind the register's back is found, and said which; new rows wait."""

import datetime
import json
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from agencies.models import Agency
from audit import heads, sealing, trail, triggers
from audit.events import Kind, record
from audit.models import Event, Seal
from audit.sealing import AnotherSeals, gaps, merged, seal_all
from audit.verifying import Fault, verify
from tests.audit import behind

EVENTS = "audit_event"
AGENCIES = "agencies_historicalagency"


def told() -> list[tuple[str, str, int | None]]:
    """(what, table, row) of every fault that a verification finds."""
    found: list[Fault] = []
    verify(found=found.append)
    return [(fault.what, fault.table, fault.row) for fault in found]


@pytest.fixture
def sealed(make_agency, monkeypatch):
    """Six events in three seals, and the history of three agencies; all sealed."""
    monkeypatch.setitem(trail._registered, Event, 2)
    for code in ("KR", "KR-49", "KR-11"):
        make_agency(code)
    for number in range(6):
        record(Kind.SETTING, name=f"setting {number}", after={"value": number})
    seal_all()
    return list(Event.objects.order_by("pk").values_list("pk", flat=True))


def test_every_table_of_the_trail_refuses_update_and_delete(sealed):
    assert triggers.unguarded() == []
    for table in (EVENTS, AGENCIES, "audit_seal"):
        column = "count" if table == "audit_seal" else "name_ko" if table == AGENCIES else "actor"
        for sql in (f'UPDATE {table} SET "{column}" = "{column}"', f"DELETE FROM {table}"):
            refused = pytest.raises(IntegrityError, match="append-only")
            with refused, transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
    with pytest.raises(TypeError, match="append-only"):
        Event.objects.all().delete()
    with pytest.raises(TypeError, match="append-only"):
        Seal.objects.get(number=1).save()


def test_a_trail_that_nobody_touched_is_as_sealed(sealed):
    assert told() == []
    done = verify()
    assert done.rows == Event.objects.count() + Agency.history.count()
    assert done.unsealed == {}
    assert list(Seal.objects.order_by("number").values_list("number", flat=True)) == list(
        range(1, done.seals + 1)
    )
    assert seal_all().rows == 0
    record(Kind.SETTING, name="one more")
    assert verify().unsealed == {EVENTS: 1}
    assert seal_all().rows == 1
    assert told() == []


def changed(sealed):
    behind.run(EVENTS, f"UPDATE {EVENTS} SET reason = 'bent' WHERE id = %s", sealed[2])
    return [("changed", EVENTS, sealed[2])]


@pytest.mark.parametrize("form", sorted(trail.READABLE))
def test_nothing_hides_behind_a_nul(db, monkeypatch, form):
    """Not in the rows that were sealed when the form was another, either."""
    if connection.vendor != "sqlite":
        pytest.skip("only on SQLite: PostgreSQL keeps no NUL in a text")
    monkeypatch.setitem(trail.FORMS, "sqlite", form)
    one, other = record(Kind.ROLE, name="n", reason="granted"), record(Kind.ROLE, name="위원회")
    seal_all()
    monkeypatch.undo()
    assert (told(), Seal.objects.get(table=EVENTS).form) == ([], form)
    for row, value in ((one, "reason || char(0) || 'BENT'"), (other, "char(0) || reason")):
        behind.run(EVENTS, f"UPDATE {EVENTS} SET reason = {value} WHERE id = %s", row.pk)
    assert told() == [("changed", EVENTS, one.pk), ("changed", EVENTS, other.pk)]


def removed(sealed):
    behind.run(EVENTS, f"DELETE FROM {EVENTS} WHERE id = %s", sealed[3])
    return [("removed", EVENTS, sealed[3])]


def reordered(sealed):
    one, other = sealed[1], sealed[4]
    with behind.triggers_off(EVENTS) as cursor:
        for old, new in ((one, -1), (other, one), (-1, other)):
            cursor.execute(f"UPDATE {EVENTS} SET id = %s WHERE id = %s", [new, old])
    return [("changed", EVENTS, one), ("changed", EVENTS, other)]


def inserted_before_all(sealed):
    Event.objects.bulk_create([Event(pk=-5, kind=Kind.EXPORT, channel="web")])
    return [("inserted", EVENTS, -5)]


def history_changed(sealed):
    row = Agency.history.order_by("history_id")[1].history_id
    behind.run(AGENCIES, f"UPDATE {AGENCIES} SET name_ko = name_ko || ' ' WHERE history_id = %s", row)
    return [("changed", AGENCIES, row)]


def the_date_alone(sealed):
    row = Event.objects.get(pk=sealed[0])
    behind.run(
        EVENTS, f"UPDATE {EVENTS} SET at = %s WHERE id = %s", row.at - datetime.timedelta(seconds=1), row.pk
    )
    return [("changed", EVENTS, row.pk)]


def seal_removed(sealed):
    last = Seal.objects.filter(table=EVENTS).order_by("number")[1]
    behind.run("audit_seal", "DELETE FROM audit_seal WHERE number = %s", last.number)
    return [("chain", "", None)]


def seal_forged(sealed):
    """A row is changed and its seal made anew, hash and all: the next seal does not follow it."""
    behind.run(EVENTS, f"UPDATE {EVENTS} SET reason = 'bent' WHERE id = %s", sealed[2])
    seal = Seal.objects.filter(table=EVENTS, first_id__lte=sealed[2], last_id__gte=sealed[2]).get()
    table = next(table for table in trail.tables() if table.name == EVENTS)
    keys = list(trail.unpacked(bytes(seal.rows)))
    seal.rows = trail.packed(trail.numbered(table, table.columns, keys))
    behind.run(
        "audit_seal",
        "UPDATE audit_seal SET rows = %s, hash = %s WHERE number = %s",
        seal.rows,
        seal.computed_hash(),
        seal.number,
    )
    return [("chain", "", None)]


def seal_changed(sealed):
    behind.run("audit_seal", 'UPDATE audit_seal SET "count" = 99 WHERE number = 2')
    return [("seal", Seal.objects.get(number=2).table, None)]


def trigger_dropped(sealed):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {EVENTS} DISABLE TRIGGER {EVENTS}_append_only")
            return [("trigger", EVENTS, None), ("trigger", EVENTS, None)]
        cursor.execute(f"DROP TRIGGER {EVENTS}_append_only_UPDATE")
    return [("trigger", EVENTS, None)]


def trigger_that_never_fires(sealed):
    with connection.cursor() as cursor:
        name = f"{EVENTS}_append_only"
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"DROP TRIGGER {name} ON {EVENTS}")
            cursor.execute(
                f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {EVENTS}"
                " FOR EACH ROW WHEN (false) EXECUTE FUNCTION audit_append_only()"
            )
            return [("trigger", EVENTS, None), ("trigger", EVENTS, None)]
        cursor.execute(f"DROP TRIGGER {name}_DELETE")
        cursor.execute(
            f"CREATE TRIGGER {name}_DELETE BEFORE DELETE ON {EVENTS} WHEN 0"
            f" BEGIN SELECT RAISE(ABORT, 'rows of {EVENTS} are append-only'); END"
        )
    return [("trigger", EVENTS, None)]


def trigger_that_does_nothing(sealed):
    """By its name and its events it is as it was."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql"
                " AS $$BEGIN RETURN COALESCE(NEW, OLD); END$$"
            )
            cursor.execute(
                "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgfoid = 'audit_append_only'::regproc"
            )
            calling = {table for (table,) in cursor.fetchall()}
            assert EVENTS in calling
            return [
                ("trigger", table, None)
                for table in triggers.guarded()
                for _event in triggers.EVENTS
                if table in calling
            ]
        cursor.execute(f"DROP TRIGGER {EVENTS}_append_only_UPDATE")
        cursor.execute(
            f"CREATE TRIGGER {EVENTS}_append_only_UPDATE BEFORE UPDATE ON {EVENTS} BEGIN SELECT 1; END"
        )
    return [("trigger", EVENTS, None)]


def trigger_of_somebody_else(sealed):
    """A row is not written as it was meant, or another beside it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(
                "CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.reason = ''; RETURN NEW; END$$"
            )
            cursor.execute(
                f"CREATE TRIGGER quiet BEFORE INSERT ON {EVENTS} FOR EACH ROW EXECUTE FUNCTION quiet()"
            )
            cursor.execute(
                f"CREATE RULE quieter AS ON INSERT TO {AGENCIES} WHERE NEW.code = 'X' DO INSTEAD NOTHING"
            )
            return [("trigger", AGENCIES, None), ("trigger", EVENTS, None)]
        cursor.execute(
            f"CREATE TRIGGER quiet BEFORE INSERT ON {EVENTS} WHEN NEW.kind = 'role' BEGIN SELECT RAISE(IGNORE); END"
        )
    return [("trigger", EVENTS, None)]


def test_no_session_does_without_the_triggers(sealed):
    if connection.vendor != "postgresql":
        pytest.skip("only on PostgreSQL: SQLite has no session without triggers")
    refused = pytest.raises(IntegrityError, match="append-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"UPDATE {EVENTS} SET reason = 'bent'")
    assert triggers.foreign() == []


@pytest.mark.parametrize("bend", [trigger_dropped, trigger_that_never_fires, trigger_that_does_nothing])
def test_triggers_are_mended(sealed, bend):
    bend(sealed)
    triggers.install()
    assert told() == []
    test_every_table_of_the_trail_refuses_update_and_delete(sealed)


@pytest.mark.parametrize(
    "bend",
    [
        changed,
        removed,
        reordered,
        inserted_before_all,
        history_changed,
        the_date_alone,
        seal_removed,
        seal_forged,
        seal_changed,
        trigger_dropped,
        trigger_that_never_fires,
        trigger_that_does_nothing,
        trigger_of_somebody_else,
    ],
)
def test_what_is_bent_is_found(sealed, bend):
    assert told() == []
    expected = bend(sealed)
    assert told() == expected
    # It stays found, whatever is sealed after it.
    record(Kind.SETTING, name="later")
    seal_all()
    assert told() == expected


def test_a_row_that_comes_late_is_sealed_and_one_that_comes_too_late_is_found(sealed, monkeypatch):
    """On PostgreSQL a transaction may end after others with higher numbers; nothing of that kind happens on SQLite."""
    first = sealed[-1]
    Event.objects.bulk_create([Event(pk=first + n, kind=Kind.IMPORT, channel="web") for n in (3, 4, 8)])
    seal_all()
    passed = [
        r for ranges in Seal.objects.order_by("number").values_list("passed_over", flat=True) for r in ranges
    ]
    assert passed[-2:] == [[first + 1, first + 2], [first + 5, first + 7]]
    late = Event.objects.bulk_create([Event(pk=first + 6, kind=Kind.IMPORT, channel="web")])[0]
    if connection.vendor == "sqlite":
        assert seal_all().rows == 0
        assert told() == [("inserted", EVENTS, late.pk)]
        return
    assert (told(), verify().unsealed) == ([], {EVENTS: 1})
    assert (seal_all().rows, seal_all().rows) == (1, 0)
    assert (told(), verify().unsealed) == ([], {})
    # A day on, the places that were passed over are closed by the next run, which looks there once more.
    tomorrow = timezone.now() + sealing.LATE + datetime.timedelta(minutes=1)
    monkeypatch.setattr("audit.sealing.timezone.now", lambda: tomorrow)
    Event.objects.bulk_create(
        [Event(pk=first + n, kind=Kind.IMPORT, channel="web", at=tomorrow) for n in (7, 9)]
    )
    assert (told(), verify().unsealed) == ([], {EVENTS: 2})
    assert (seal_all().rows, told()) == (2, [])
    Event.objects.bulk_create([Event(pk=first + 5, kind=Kind.IMPORT, channel="web", at=tomorrow)])
    assert seal_all().rows == 0
    assert told() == [("inserted", EVENTS, first + 5)]
    behind.run(EVENTS, f"UPDATE {EVENTS} SET reason = 'bent' WHERE id = %s", late.pk)
    assert sorted(told()) == [("changed", EVENTS, late.pk), ("inserted", EVENTS, first + 5)]


def test_a_row_that_says_it_is_older_than_the_seal_before_is_told(sealed, monkeypatch):
    """However old rows are that nobody has sealed in between: those waited."""
    monkeypatch.setitem(trail._registered, Event, 1000)
    now = timezone.now()

    def at(moment):
        monkeypatch.setattr("audit.sealing.timezone.now", lambda: moment)
        return seal_all().rows

    def event(moment):
        return Event.objects.create(kind=Kind.ROLE, channel="web", actor="minister", at=moment).pk

    days = [datetime.timedelta(days=n) for n in range(400)]
    event(now)
    assert (at(now), told()) == (1, [])  # this one comes to the end of the table
    honest = [
        event(now + days[n]) for n in (1, 2, 3)
    ]  # a pause of some days, and two runs of which the first is cut off
    monkeypatch.setitem(trail._registered, Event, 2)
    monkeypatch.setattr("audit.sealing.timezone.now", lambda: now + days[8])
    cut_off = sealing._new_of(next(t for t in trail.tables() if t.name == EVENTS), sealing._Chain())
    next(iter(cut_off))
    assert (at(now + days[9]), told()) == (1, [])
    back, ahead = event(now - days[5]), event(now + days[12])
    assert (at(now + days[10]), told()) == (2, [("time", EVENTS, back), ("time", EVENTS, ahead)])
    assert back > honest[-1]
    old = event(now + days[7])
    waiting = verify()
    assert (waiting.unsealed, waiting.oldest) == ({EVENTS: 1}, now + days[7])
    assert at(now + days[11]) == 1
    assert told() == [("time", EVENTS, back), ("time", EVENTS, ahead), ("time", EVENTS, old)]


def test_two_runs_at_once_do_not_seal_a_row_twice(sealed):
    """The end of the chain is read before the rows, so the slower of two has nothing to add to any more."""
    record(Kind.SETTING, name="new")
    slow = sealing._Chain()
    assert seal_all().rows == 1
    table = next(table for table in trail.tables() if table.name == EVENTS)
    with pytest.raises(AnotherSeals):
        slow.add(table, trail.after(table, sealed[-1], 10), [], is_late=False)
    assert seal_all().rows == 0
    assert told() == []


def test_the_chain_made_anew_does_not_match_the_head_that_was_signed_off(sealed, tmp_path, capsys):
    """Who can write the database can make all seals anew. That is why heads are kept elsewhere."""
    file = tmp_path / "head.json"
    call_command("export_audit_head", file)
    with pytest.raises(CommandError, match="File exists"):
        call_command("export_audit_head", file)
    number = heads.read(file.read_text())["seals"]
    record(Kind.SETTING, name="later")
    seal_all()
    capsys.readouterr()
    call_command("verify_audit", head=[file])
    assert "as it was sealed" in capsys.readouterr().out
    behind.run(EVENTS, f"UPDATE {EVENTS} SET reason = 'bent' WHERE id = %s", sealed[2])
    with behind.triggers_off("audit_seal") as cursor:
        cursor.execute("DELETE FROM audit_seal")
    seal_all()
    call_command("verify_audit")
    capsys.readouterr()
    with pytest.raises(CommandError) as raised:
        call_command("verify_audit", "--json", head=[file])
    assert raised.value.returncode == 1
    said = json.loads(capsys.readouterr().out)
    assert [(fault["what"], fault["seal"]) for fault in said["faults"]] == [("head", number)]
    # A head of the new chain beside it takes nothing from what the other one shows.
    new = tmp_path / "new.json"
    new.write_text(json.dumps({**heads.read(file.read_text()), "hash": Seal.objects.get(number=number).hash}))
    for files in ([file, new], [new, file]):
        with pytest.raises(CommandError, match="1 faults"):
            call_command("verify_audit", head=files)
    with behind.triggers_off("audit_seal") as cursor:
        cursor.execute("DELETE FROM audit_seal WHERE number >= %s", [number])
    with pytest.raises(CommandError, match="1 faults"):
        call_command("verify_audit", head=[file])
    assert f"head (seal {number}): the chain ends before it" in capsys.readouterr().out


def test_no_head_is_refused(sealed, tmp_path):
    file = tmp_path / "head.json"
    file.write_text('{"kind": "something"}')
    with pytest.raises(CommandError, match="it is no govtrack-audit-head-1") as raised:
        call_command("verify_audit", head=[file])
    assert raised.value.returncode == 2


def test_ranges():
    assert gaps(0, [1, 2, 5, 9]) == [(3, 4), (6, 8)]
    assert merged([(6, 8), (3, 4), (5, 5), (10, 11), (7, 7)]) == [(3, 8), (10, 11)]


@pytest.mark.django_db(transaction=True)
def test_a_row_whose_transaction_ends_later_is_sealed_by_the_next_run():
    """Two real transactions: the one that wrote first ends last."""
    if connection.vendor != "postgresql":
        pytest.skip("only on PostgreSQL: SQLite has one writer at a time")
    written, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            record(Kind.IMPORT, name="slow")
            written.set()
            go_on.wait(20)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert written.wait(20)
    fast = record(Kind.IMPORT, name="fast")
    assert (seal_all().rows, seal_all().rows) == (1, 0)
    go_on.set()
    thread.join()
    assert Event.objects.get(about="slow").pk < fast.pk
    assert (told(), verify().unsealed) == ([], {EVENTS: 1})
    assert (seal_all().rows, told(), verify().unsealed) == (1, [], {})
