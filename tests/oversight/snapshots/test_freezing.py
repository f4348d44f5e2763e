"""Snapshots: what is frozen stays as it was, its hash tells, and the database lets nobody change it."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from agencies.models import Agency, Membership, Role, User
from catalog.models import Product
from figures.formatting import total_text
from oversight.explorer.answering import answer
from oversight.explorer.question import Dimension, Filters, Measure, Question
from oversight.models import Snapshot
from oversight.snapshots.document import canonical, comparable, figure, frozen_answer, total
from oversight.snapshots.freezing import LONGEST, freeze
from subscriptions.models import Payment, Subscription
from tests.audit import behind
from tests.oversight.explorer.reference import Record, build
from tests.subscriptions.factories import agency_at, days, person

D = Dimension


@pytest.fixture(autouse=True)
def register(db: None) -> None:
    """Unknowns in every position, as in the explorer's own tests."""
    build(
        [
            Record(1, "chat", payments=((days(-500), 1_000), (days(-100), 2_000)), cost=(12_000, 12_000)),
            Record(2, "chat", payments=((days(-100), None),), cost=(5_000, None)),
            Record(2, "draw", cost=(None, None)),
            Record(3, "draw", payments=((days(-60), 500), (days(-30), -200)), cost=(0, 900)),
            Record(4, "code", payments=((days(-30), 7_000),)),
        ]
    )


@pytest.fixture
def everybody() -> User:
    return person(Role.COMMITTEE_MEMBER, agency_at("KR"), username="nation")


def client_of(user: User, language: str = "en") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def everything_changes() -> None:
    Payment.objects.all().delete()
    Subscription.objects.filter(agency__code="P1").update(status="void")
    Product.objects.filter(code="chat").update(name_en="Renamed", name_ko="새 이름")
    moved = Agency.objects.get(code="C1")
    moved.parent, moved.name_en, moved.name_ko = Agency.objects.get(code="P2"), "Elsewhere", "다른 곳"
    moved.save()


@pytest.mark.parametrize("measure", [m for m in Measure if not m.is_stated])
@pytest.mark.parametrize("by", [(D.PLACE,), (D.PRODUCT, D.AGENCY)])
def test_what_is_frozen_reads_as_the_answer_did(
    everybody: User, measure: Measure, by: tuple[Dimension, ...]
) -> None:
    question = Question(measure, by)
    snapshot = freeze(everybody, question, "All")
    for language in ("ko", "en"):
        with translation.override(language):
            asked, frozen = answer(everybody, question, timezone.now()), frozen_answer(snapshot.content)
            for mine, theirs in ((frozen.rows, asked.rows), (frozen.subtotals, asked.subtotals)):
                assert [[(k.code, k.label, k.path) for k in row.keys] for row in mine] == [
                    [(k.code, k.label, k.path) for k in row.keys] for row in theirs
                ]
                assert [total_text(row.total, measure.money) for row in mine] == [
                    total_text(row.total, measure.money) for row in theirs
                ]
            assert total_text(frozen.total) == total_text(asked.total)
            assert frozen.notes == asked.notes
            assert (frozen.rows, frozen.total) == (
                [
                    type(row)(mine.keys, row.total)
                    for mine, row in zip(frozen.rows, comparable(asked).rows, strict=True)
                ],
                comparable(asked).total,
            )


def test_the_document_is_canonical_and_holds_no_float(everybody: User) -> None:
    snapshot = freeze(everybody, Question(by=(D.PRODUCT, D.PLACE)), "All")
    content = json.loads(snapshot.document, parse_float=lambda text: pytest.fail(f"a float: {text}"))
    assert snapshot.document == json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert snapshot.sha256 == hashlib.sha256(snapshot.document.encode()).hexdigest()
    assert [[key["code"] for key in row["keys"]] for row in content["rows"]] == [
        ["code", "P2"],
        ["chat", "P1"],
        ["draw", "P1"],
    ]
    assert content["rows"][1] == {
        "figure": {
            "at_least": 3_000,
            "at_most": None,
            "given": 2,
            "missing": {"rate_missing": 1},
            "qualifier": "at_least",
            "rounded_to": 1,
            "standing": "stated",
            "value": 3_000,
        },
        "keys": [
            {"code": "chat", "label": {"en": "Tool chat", "ko": "chat 도구"}},
            {"code": "P1", "label": {"en": "P1", "ko": "P1"}, "path": "KR/P1/"},
        ],
    }
    with pytest.raises(TypeError):
        canonical({"figure": [0.5]})


def test_a_figure_survives_being_written(everybody: User) -> None:
    for measure in Measure:
        for row in answer(everybody, Question(measure, (D.AGENCY,)), timezone.now()).rows:
            again = total(json.loads(json.dumps(figure(row.total))))
            assert figure(again) == figure(row.total)


def test_it_opens_unchanged_after_everything_has_changed(everybody: User) -> None:
    snapshot = freeze(everybody, Question(by=(D.PLACE, D.PRODUCT)), "All")
    client, address = client_of(everybody), snapshot.get_absolute_url()

    def shown() -> str:
        page = client.get(address).content.decode()
        return page[page.index('id="table"') : page.index("</table>")]

    before = shown()
    assert "₩7,000" in before
    assert "Tool chat" in before
    everything_changes()
    assert shown() == before
    snapshot = Snapshot.objects.get(pk=snapshot.pk)
    assert snapshot.is_intact
    today = answer(everybody, Question(by=(D.PLACE, D.PRODUCT)), timezone.now())
    assert comparable(today).total != frozen_answer(snapshot.content).total


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "sql", ["UPDATE oversight_snapshot SET title = 'x'", "DELETE FROM oversight_snapshot"]
)
def test_the_database_itself_lets_nobody_change_it(everybody: User, sql: str) -> None:
    snapshot = freeze(everybody, Question(), "All")
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Snapshot.objects.get().title == "All"
    for act in (snapshot.save, snapshot.delete, Snapshot.objects.all().delete):
        with pytest.raises(TypeError):
            act()
    with pytest.raises(TypeError):
        Snapshot.objects.update(title="x")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("document", None),
        ("document", "{}"),
        ("document", "no JSON at all"),
        ("title", "Another title"),
        ("question", '{"measure": "seats"}'),
        ("frozen_at", "2020-01-01 00:00:00+00:00"),
    ],
)
def test_a_row_changed_behind_the_triggers_is_told(everybody: User, column: str, value: str | None) -> None:
    snapshot = freeze(everybody, Question(), "All")
    if value is None:  # one digit of one figure
        value = snapshot.document.replace("7000", "7001")
        assert value != snapshot.document
    client, address = client_of(everybody), snapshot.get_absolute_url()
    assert "Unchanged since it was frozen" in client.get(address).content.decode()
    behind.run("oversight_snapshot", f"UPDATE oversight_snapshot SET {column} = %s", value)
    for page in (address, reverse("oversight:snapshot-compare", args=[snapshot.pk])):
        text = client.get(page).content.decode()
        assert "This is not what was frozen" in text
        assert "Unchanged since it was frozen" not in text


def test_files_of_a_snapshot(everybody: User) -> None:
    snapshot = freeze(everybody, Question(by=(D.PLACE,)), "=HYPERLINK(1)")
    client, address = client_of(everybody), snapshot.get_absolute_url()
    document = client.get(address, {"_export": "json"})
    assert hashlib.sha256(document.content).hexdigest() == snapshot.sha256
    assert document["Content-Disposition"].startswith(
        f'attachment; filename="govtrack-snapshot-{snapshot.pk}-'
    )
    response: Any = client.get(address, {"_export": "csv"})
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["Agency: code"], row["Spending paid (won)"]) for row in rows] == [
        ("P1", "3300"),
        ("P2", "7000"),
        ("", "10300"),
    ]
    assert {row["SHA-256 of the document"] for row in rows} == {snapshot.sha256}
    assert {row["Snapshot"] for row in rows} == {"'=HYPERLINK(1)"}
    assert client.get(address, {"_export": "xlsx"}).status_code == 400


def test_freezing_by_the_page(everybody: User) -> None:
    client, address = client_of(everybody), reverse("oversight:freeze") + "?by=product&then=place"
    assert client.post(address, {"title": ""}).status_code == 200
    assert not Snapshot.objects.exists()
    response = client.post(address, {"title": "June"})
    snapshot = Snapshot.objects.get()
    assert response["Location"] == snapshot.get_absolute_url()
    assert "krds-table-wrap" in client.get(snapshot.get_absolute_url()).content.decode()
    assert (snapshot.title, snapshot.frozen_by, snapshot.scope, snapshot.question) == (
        "June",
        everybody,
        None,
        {"by": "product", "then": "place"},
    )


def test_a_view_that_is_too_long_is_not_frozen(everybody: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oversight.snapshots.freezing.LONGEST", 2)
    assert LONGEST > 2
    response = client_of(everybody).post(reverse("oversight:freeze") + "?by=agency", {"title": "Long"})
    assert "more than 2 rows" in response.content.decode()
    assert not Snapshot.objects.exists()


class TestScope:
    """Who freezes what, and who opens it."""

    @pytest.mark.parametrize(
        ("role", "at", "query", "status"),
        [
            ("committee_member", "KR/P1", "", 200),
            ("committee_member", "KR/P1", "?agency=C1", 200),
            ("committee_member", "KR/P1", "?agency=P2", 400),  # not in sight
            ("administrator", "KR/P1", "", 403),
            ("policy_officer", "KR", "?agency=P1", 403),
            (None, "KR", "", 403),
        ],
    )
    def test_who_may(self, role: str | None, at: str, query: str, status: int) -> None:
        client = client_of(person(role, agency_at(at)))
        assert client.get(reverse("oversight:freeze") + query).status_code == status
        posted = client.post(reverse("oversight:freeze") + query, {"title": "T"}).status_code
        assert posted == (302 if status == 200 else status)
        assert Snapshot.objects.count() == (1 if status == 200 else 0)

    def test_committee_of_one_part_who_sees_another_by_another_role(self) -> None:
        user = person(Role.COMMITTEE_MEMBER, agency_at("KR/P1"))
        Membership.objects.create(user=user, role=Role.ADMINISTRATOR, agency=agency_at("KR/P2"))
        client = client_of(user)
        assert client.get(reverse("oversight:freeze") + "?agency=P2").status_code == 403
        client.post(reverse("oversight:freeze"), {"title": "Mine"})
        snapshot = Snapshot.objects.get()
        assert snapshot.scope == Agency.objects.get(code="P1")
        assert [key["code"] for row in snapshot.content["rows"] for key in row["keys"]] == ["P1", "C1", "C2"]

    def test_several_parts_must_be_chosen_from(self) -> None:
        user = person(Role.COMMITTEE_MEMBER, agency_at("KR/P1/C1"))
        Membership.objects.create(user=user, role=Role.COMMITTEE_MEMBER, agency=agency_at("KR/P2"))
        client, address = client_of(user), reverse("oversight:freeze")
        assert "your committees cover several parts" in client.post(address, {"title": "T"}).content.decode()
        assert not Snapshot.objects.exists()
        client.post(address, {"title": "T", "agency": "P2"})
        snapshot = Snapshot.objects.get()
        assert (snapshot.scope, snapshot.question) == (Agency.objects.get(code="P2"), {"agency": "P2"})
        assert snapshot.content["total"]["value"] == 7_000

    def test_it_opens_for_those_who_see_its_whole_scope(
        self, everybody: User, make_user: Callable[..., User]
    ) -> None:
        p1 = Agency.objects.get(code="P1")
        frozen = {
            "all": freeze(everybody, Question(), "Marked all"),
            "P1": freeze(everybody, Question(filters=Filters(agency=p1)), "Marked P1"),
        }
        readers = {
            "nation": everybody,
            "P1": person("administrator", p1),
            "C1": person(Role.COMMITTEE_MEMBER, agency_at("KR/P1/C1")),
            "P2": person(Role.COMMITTEE_MEMBER, agency_at("KR/P2")),
            "nobody": person(),
        }
        opened = {}
        for name, reader in readers.items():
            client = client_of(reader)
            listed = client.get(reverse("oversight:snapshots")).content.decode()
            opened[name] = {
                (title, f"Marked {title}" in listed, *statuses)
                for title, snapshot in frozen.items()
                if any(
                    statuses := [
                        client.get(address).status_code
                        for address in (
                            snapshot.get_absolute_url(),
                            snapshot.get_absolute_url() + "?_export=json",
                            reverse("oversight:snapshot-compare", args=[snapshot.pk]),
                        )
                    ]
                )
            }
        seen, not_seen = (True, 200, 200, 200), (False, 404, 404, 404)
        assert opened == {
            "nation": {("all", *seen), ("P1", *seen)},
            "P1": {("all", *not_seen), ("P1", *seen)},
            "C1": {("all", *not_seen), ("P1", *not_seen)},
            "P2": {("all", *not_seen), ("P1", *not_seen)},
            "nobody": {("all", *not_seen), ("P1", *not_seen)},
        }


def test_the_list_takes_the_same_number_of_queries_however_long(
    everybody: User, django_assert_num_queries: Any
) -> None:
    client = client_of(everybody)
    freeze(everybody, Question(), "1")
    client.get(reverse("oversight:snapshots"))
    with django_assert_num_queries(6):
        client.get(reverse("oversight:snapshots"))
    for number in range(29):
        freeze(everybody, Question(), f"{number}")
    with django_assert_num_queries(6):
        client.get(reverse("oversight:snapshots"))
