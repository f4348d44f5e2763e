"""The pages of rounds: what each shows to whom, what its forms refuse, and how many queries a list takes."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agencies.models import Agency, Role
from oversight.attention import attention
from oversight.round_models import Return, Round, RoundAgency
from oversight.rounds import asking, closing, closing_jobs, returning
from sources.models import Source
from tests.oversight.rounds.conftest import FIRST, LAST, asked, paid, subscribed
from tests.pages import errors_on, form_on, read, summary_on
from tests.subscriptions.factories import DAY, agency_at, days, person

pytestmark = pytest.mark.usefixtures("noon")


def rows(response, caption: str) -> list[list[str]]:
    """The cells of the table with this caption, its header first."""
    for table in read(response).all("table"):
        if table.all("caption")[0].text == caption:
            return [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")]
    return []


def notices(response) -> list[str]:
    return [box.text for box in read(response).by_class("gt-notice")]


def cards(response) -> list[list[str]]:
    found = read(response).by_class("gt-figure-card")
    return [[part.text for part in card.by_class("label") + card.by_class("value")] for card in found]


def test_prepare_open_and_prolong(nation, member, signed_in):
    client = signed_in(user=member, language="en")
    new = reverse("oversight:round-new")
    assert set(errors_on(client.post(new, {}))) == {
        *("title_ko", "title_en", "scope", "period_from", "period_until", "due_on")
    }
    typed = {
        "title_ko": "조사",
        "title_en": "Round",
        "scope": "KR",
        "kinds": ["province"],
        "period_from": LAST,
        "period_until": FIRST,
        "due_on": days(10),
    }
    assert summary_on(client.post(new, typed)) == ["The period ends before it begins."]
    response = client.post(new, {**typed, "period_from": FIRST, "period_until": LAST}, follow=True)
    assert "4 agencies would be asked" in read(response).text
    round_ = Round.objects.get()

    # Somebody else was quicker.
    edit = reverse("oversight:round-edit", args=[round_.pk])
    sent = form_on(client.get(edit), "round-form")
    asking.change(Round.objects.get(), by=member, version=1)
    assert "Somebody else has changed this round" in summary_on(client.post(edit, sent))[0]
    sent = {**form_on(client.get(edit), "round-form"), "title_en": "Another title"}
    assert client.post(edit, sent).status_code == 302
    assert Round.objects.get().title_en == "Another title"

    page = client.post(reverse("oversight:round-act", args=[round_.pk, "open"]), follow=True)
    assert rows(page, "Answers by kind of agency") == [
        ["Kind of agency", "Asked", "Reported", "Nil return", "Cannot say", "Waiting"],
        ["Province", "4", "0 0.0%", "0 0.0%", "0 0.0%", "4 100.0%"],
        ["All agencies", "4", "0 0.0%", "0 0.0%", "0 0.0%", "4 100.0%"],
    ]
    due = reverse("oversight:round-act", args=[round_.pk, "due"])
    assert errors_on(client.post(due, {"due_on": days(-1), "reason": "x"})) == {
        "due_on": ["Choose today or a later day."]
    }
    page = client.post(due, {"due_on": days(30), "reason": "Holidays"}, follow=True)
    assert "From June 25, 2026 to July 15, 2026. Holidays" in read(page).text


def test_an_agency_answers(opened, signed_in):
    subscription = subscribed("KR/P1")
    paid(subscription, 1_000_000)
    round_ = opened()
    of_p1 = person(Role.ADMINISTRATOR, agency_at("KR/P1"))
    client = signed_in(user=of_p1, language="en")
    assert [(card.title, card.count) for card in attention(of_p1, DAY) or []] == [
        ("아직 회신하지 않은 현황 조사", 1)
    ]
    assert rows(client.get("/rounds/"), "Agencies that you answer for") == [
        ["Agency", "Round", "Period", "Due on", "State"],
        ["Agency P1", "First quarter of 2026", "Jan. 1, 2026 to March 31, 2026", "June 25, 2026", "Waiting"],
    ]
    page = client.get(f"/rounds/{round_.pk}/agencies/P1/")
    assert cards(page) == [
        ["Spending paid", "₩1,000,000"],
        ["Users", "Not given"],
        ["AI tools", "1"],
        ["Subscriptions in force in the period", "1"],
    ]
    assert notices(page) == ["What these figures leave out Subscriptions whose users are not counted: 1."]
    assert "A nil return is not possible" in read(page).text
    nil = client.post(f"/rounds/{round_.pk}/agencies/P1/nil/")
    assert summary_on(nil)[0].startswith("A nil return is not possible, since the register says otherwise.")

    # What was shown is what is confirmed, or it is shown again.
    confirm = f"/rounds/{round_.pk}/agencies/P1/confirm/"
    seen = read(client.get(confirm)).by_id("id_seen").attributes["value"]
    paid(subscription, 5)
    again = client.post(confirm, {"seen": seen})
    assert "The records have changed since you opened this page." in read(again).text
    assert (again.status_code, Return.objects.count()) == (200, 0)
    seen = read(again).by_id("id_seen").attributes["value"]
    assert client.post(confirm, {"seen": seen}).status_code == 302
    paid(subscription, 7)
    page = client.get(f"/rounds/{round_.pk}/agencies/P1/")
    assert rows(page, "What has changed") == [
        ["Figure", "In the return", "Recorded today"],
        ["Spending paid", "₩1,000,005", "₩1,000,012"],
    ]
    document = client.get(f"/rounds/{round_.pk}/agencies/P1/?_export=json&number=1")
    assert json.loads(document.content)["records"]["won"] == 1_000_005
    for wrong in ("_export=csv", "_export=json&number=2", "_export=json&number=x"):
        assert client.get(f"/rounds/{round_.pk}/agencies/P1/?{wrong}").status_code == 404

    cannot = f"/rounds/{round_.pk}/agencies/P1/cannot-say/"
    missing = [item.split(":")[0] for item in summary_on(client.post(cannot, {}))]
    assert missing == ["Kind of reason", "Reason"]
    assert client.post(cannot, {"category": "other", "reason": "Audit"}).status_code == 302
    text = read(client.get(f"/rounds/{round_.pk}/agencies/P1/")).text
    assert "Return 2: Cannot say" in text
    assert "(replaced)" in text

    # Its own state is all that it sees.
    page = client.get(f"/rounds/{round_.pk}/")
    assert [row[:3] for row in rows(page, "Answers of the agencies")[1:]] == [
        ["Agency P1", "Province", "Cannot say Another reason"]
    ]
    assert cards(page)[0] == ["Answered", "100.0%"]
    Round.objects.update(status=Round.Status.CANCELLED)
    late = client.post(cannot, {"category": "other", "reason": "Late"}, follow=True)
    assert "This round does not take answers any more" in read(late).text
    assert Return.objects.count() == 2


def test_the_committee_follows_closes_and_publishes(opened, member, clerk, signed_in):
    paid(subscribed("KR/P1"), 300)
    round_ = opened()
    returning.confirm(asked(round_, "P1"), by=clerk)
    returning.cannot_say(asked(round_, "P2"), by=clerk, category="withheld", reason="=1+1")
    client = signed_in(user=member, language="en")
    address = f"/rounds/{round_.pk}/"
    assert [(c.title, c.items[0].note) for c in attention(member, DAY) or []] == [
        ("진행 중인 현황 조사", "4곳 중 2곳 회신, 회신 기한 2026. 6. 25.")
    ]
    narrowed = client.get(address + "?state=waiting&kind=province&q=p4")
    assert [row[0] for row in rows(narrowed, "Answers of the agencies")[1:]] == ["Agency P4"]
    assert "No agency fits these filters." in read(client.get(address + "?q=nowhere")).text
    assert client.get(address + "?state=nonsense&_export=csv").status_code == 400
    file = client.get(address + "?_export=csv")
    lines = list(csv.reader(io.StringIO(b"".join(file).decode().removeprefix("\ufeff"))))
    assert [line[:12] for line in lines[1:]] == [
        ["P1", "Agency P1", "Province", "Reported", "300", "Exact", "", "Not given", "1", "Exact", "", ""],
        [
            "P2",
            "Agency P2",
            "Province",
            "Cannot say",
            *["", "Withheld"] * 3,
            "It may not be disclosed",
            "'=1+1",
        ],
        ["P3", "Agency P3", "Province", "Waiting", *[""] * 8],
        ["P4", "Agency P4", "Province", "Waiting", *[""] * 8],
    ]
    page = client.get(address + "close/")
    items = [item.text for item in read(page).by_class("gt-prose")[0].all("li")]
    assert items == [
        "Reported: 1 (25.0%)",
        "Nil return: 0 (0.0%)",
        "Cannot say: 1 (25.0%)",
        "Waiting: 2 (50.0%)",
    ]
    page = client.post(address + "close/", {"report": ""}, follow=True)
    assert "The answers are a source that is not published yet" in notices(page)[1]
    source = Source.objects.get()
    for who, expected in ((member, 200), (clerk, 404)):
        reader = signed_in(user=who, language="en")
        assert reader.get(reverse("sources:detail", args=[source.code])).status_code == expected
        assert reader.get(reverse("oversight:report", args=[source.report.code])).status_code == expected
    again = client.post(address + "close/", {"report": ""}, follow=True)
    assert "The round does not allow this any more as it stands." in read(again).text
    assert client.get(address + "publish/").status_code == 200
    page = client.post(address + "publish/", follow=True)
    assert "The answers are published as a source" in notices(page)[1]
    report = reverse("oversight:report", args=[source.report.code])
    assert "₩300" in read(signed_in(user=clerk, language="en").get(report)).text


def test_lists_take_as_many_queries_for_many(opened, member, clerk, signed_in):
    parent = agency_at("KR/P1")
    reader = signed_in(user=clerk)
    committee = signed_in(user=member)

    def queries(client, address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    def count(round_: Round) -> list[int]:
        found = asked(round_, "P1" if "city" not in round_.kinds else "C1")
        returning.file_nil(found, by=clerk)
        return [
            queries(reader, "/rounds/"),
            queries(committee, "/rounds/"),
            queries(committee, f"/rounds/{round_.pk}/"),
            queries(reader, f"/rounds/{round_.pk}/agencies/{found.agency.code}/"),
        ]

    opened(kinds=["city"])
    few = count(opened(kinds=["city"]))
    for n in range(30):
        Agency.objects.create(
            code=f"D{n}",
            name_ko="구",
            name_en="D",
            short_ko="구",
            short_en="D",
            kind="district",
            parent=parent,
        )
    for _number in range(3):
        opened(kinds=["district"])
    many = opened(kinds=[])
    for row in RoundAgency.objects.filter(round=many, agency__kind="district"):
        returning.file_nil(row, by=clerk)
    assert few == count(many)


def test_a_large_round_is_closed_in_the_background(opened, member, clerk, signed_in, monkeypatch):
    """The page says so until it is done; stopped amid it, nothing is changed and it can be ordered again."""
    monkeypatch.setattr(closing_jobs, "AT_ONCE", 2)
    monkeypatch.setattr(
        closing_jobs,
        "close_round",
        SimpleNamespace(enqueue=lambda job, attempt, origin: orders.append((job, attempt))),
    )
    orders: list[tuple[int, int]] = []
    round_ = opened()
    client = signed_in(user=member, language="en")
    address, act = f"/rounds/{round_.pk}/", f"/rounds/{round_.pk}/close/"
    assert client.post(act, {}).status_code == 302
    client.get(address)
    assert notices(client.get(address)) == [
        "The round is being closed It waits for the worker. Answers are taken until that begins. Refresh"
    ]
    assert client.get(act).status_code == 403  # it goes on already
    returning.cannot_say(asked(round_, "P1"), by=clerk, category="withheld", reason="x")
    for error in (KeyboardInterrupt, ValueError):

        def stopped(*args, why=error):
            raise why

        with monkeypatch.context() as patch:
            patch.setattr("oversight.rounds.closing.tell_asked", stopped)
            with suppress(KeyboardInterrupt):
                closing_jobs.run(*orders[-1])
        assert (Round.objects.get().status, Source.objects.count()) == ("open", 0)
        assert "Nothing was changed; try again." in " ".join(notices(client.get(address)))
        client.post(act, {})
    assert orders == [(orders[0][0], number) for number in (1, 2, 3)]
    closing_jobs.run(*orders[0])  # another has followed it
    assert Source.objects.count() == 0
    closing_jobs.run(*orders[-1])
    closing_jobs.run(*orders[-1])  # sent twice
    assert Source.objects.get().statements.count() == 3
    assert client.get(address, headers={"HX-Request": "true"}).context["just_closed"]
    with pytest.raises(closing.ClosedAlready):
        closing_jobs.start(round_, by=member)
