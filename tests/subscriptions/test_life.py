"""A subscription's life beside its decisions: comments, files, the timeline, the contract, handovers, and void records."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agencies.models import Notice, User
from audit.agreement import Disagreement, disagreements
from audit.models import Event
from policies import waiving
from policies.models import Waiver
from policies.waiving import may_decide
from subscriptions import commenting, recording
from subscriptions.attachments import sweeping
from subscriptions.attachments.kinds import Kind, NotTaken, kind_of
from subscriptions.attachments.storing import attach, name_of, path_of, remove
from subscriptions.contracts import annual_total, of_contract
from subscriptions.handover import Changed, hand_over, open_work
from subscriptions.life_models import APPEND_ONLY
from subscriptions.models import (
    Attachment,
    Decision,
    Finding,
    HandedOver,
    PriceLine,
    Responsible,
    Status,
    Subscription,
)
from subscriptions.reviewing import peers, since_last_decision, term_cost
from subscriptions.timeline import TimelinePaginator
from tests.pages import errors_on, form_on, read
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "history_agrees")]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.ATTACHMENTS_DIR = tmp_path / "attachments"
    return settings.ATTACHMENTS_DIR


@pytest.fixture
def people() -> dict[str, User]:
    place = agency_at("KR/P1")
    roles = ("administrator", "approver", "policy_officer", "committee_member")
    return {role: person(role, place, username=role) for role in roles}


def saved(path: str = "KR/P1", status: Status = Status.ACTIVE, **fields: Any) -> Subscription:
    line = {name: fields.pop(name) for name in ("amount", "seats") if name in fields}
    known = {"personal_data": False, "started_on": DAY, "agency": agency_at(path)}
    subscription = SubscriptionFactory(status=status, **{**known, **fields})
    PriceLineFactory(subscription=subscription, **line)
    return kept(subscription)


def english(user: User) -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return client


# --- files ------------------------------------------------------------------------------------------------------------


def packed(**parts: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return held.getvalue()


TYPES = {"[Content_Types].xml": "<Types/>"}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
FILES: dict[str, tuple[bytes, Kind | str]] = {
    "pdf": (b"%PDF-1.7\n...\n%%EOF\n", Kind.PDF),
    "half a pdf": (b"%PDF-1.7\n...", "not complete"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20), Kind.PNG),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(20), Kind.JPEG),
    "webp": (b"RIFF\x1a\0\0\0WEBPVP8 " + bytes(20), Kind.WEBP),
    "docx": (packed(**TYPES, **{"word/document.xml": ""}), Kind.DOCX),
    "xlsx": (packed(**TYPES, **{"xl/workbook.xml": ""}), Kind.XLSX),
    "pptx": (packed(**TYPES, **{"ppt/presentation.xml": ""}), Kind.PPTX),
    "hwpx": (packed(mimetype="application/hwp+zip", **{"Contents/header.xml": ""}), Kind.HWPX),
    "hwp": (OLE + bytes(504) + b"HWP Document File" + bytes(47), Kind.HWP),
    "doc": (OLE + bytes(504) + b"Microsoft Word" + bytes(50), "old or locked"),
    "macros": (packed(**TYPES, **{"word/document.xml": "", "word/vbaProject.bin": ""}), "macros"),
    "zip": (packed(**{"a.txt": "a"}), "none of the kinds"),
    "cut zip": (packed(**TYPES, **{"word/document.xml": ""})[:60], "damaged"),
    "program": (b"MZ\x90\0", "none of the kinds"),
    "page": (b"<!doctype html><script>alert(1)</script>", "none of the kinds"),
    "empty": (b"", "empty"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_is_told_by_its_content(what, in_english):
    content, expected = FILES[what]
    if isinstance(expected, Kind):
        assert kind_of(io.BytesIO(content)) == expected
    else:
        with pytest.raises(NotTaken, match=expected):
            kind_of(io.BytesIO(content))


def test_the_name_of_a_file(in_english):
    names = {
        "../../etc/계약서.PDF": "계약서.pdf",
        'C:\\a\\b "c".exe': "b c.pdf",
        "line\nbreak.pdf.png": "linebreak.pdf.pdf",
        "": "file.pdf",
        "가" * 300: "가" * 150 + ".pdf",
    }
    assert {sent: name_of(sent, Kind.PDF) for sent in names} == names


def test_files_from_adding_to_removal(people, folder, settings):
    """Filed by the administrator, fetched by whoever sees the subscription, removed with a reason; nothing else lies there."""
    subscription, client = saved(), english(people["administrator"])
    page = f"/subscriptions/{subscription.reference}/notes/"
    sent = {"act": "attach", "file-note": "Quotation"}
    pdf = FILES["pdf"][0]
    wrong = client.post(page, {**sent, "file-file": SimpleUploadedFile("견적서.pdf", b"MZ")})
    assert "none of the kinds" in errors_on(wrong)["file-file"][0]
    assert form_on(wrong, "file-form")["file-note"] == "Quotation"
    settings.ATTACHMENT_MAX_BYTES = len(pdf) - 1
    large = client.post(page, {**sent, "file-file": SimpleUploadedFile("견적서.pdf", pdf)})
    assert "larger than" in errors_on(large)["file-file"][0]
    settings.ATTACHMENT_MAX_BYTES = len(pdf)
    assert client.post(page, {**sent, "file-file": SimpleUploadedFile("견적서.exe", pdf)}).status_code == 302
    settings.ATTACHMENTS_MAX = 1
    full = client.post(page, {**sent, "file-file": SimpleUploadedFile("2.pdf", pdf)})
    assert "at most 1 files" in errors_on(full)["file-file"][0]

    filed = Attachment.objects.get()
    assert (filed.name, filed.kind, filed.size, filed.note) == ("견적서.pdf", "pdf", len(pdf), "Quotation")
    assert [laid.name for laid in folder.iterdir()] == [filed.stored_as]
    assert "견적서" not in filed.stored_as
    fetched = english(people["committee_member"]).get(f"/attachments/{filed.pk}/")
    assert b"".join(fetched) == pdf
    assert fetched["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert (fetched["X-Content-Type-Options"], fetched["Content-Type"]) == ("nosniff", "application/pdf")
    assert (
        english(person("administrator", agency_at("KR/P2"))).get(f"/attachments/{filed.pk}/").status_code
        == 404
    )

    # Somebody puts another in its place.
    assert list(disagreements()) == []
    path_of(filed).write_bytes(pdf.replace(b"PDF", b"pdf"))
    refused = client.get(f"/attachments/{filed.pk}/")
    assert (refused.status_code, "is not what was filed" in read(refused).text) == (409, True)
    assert Event.objects.get(kind="fault").after.keys() == {"found"}
    assert list(disagreements()) == [Disagreement("file", "subscriptions_attachment", filed.pk)]
    path_of(filed).unlink()
    assert list(disagreements()) == [Disagreement("lost", "subscriptions_attachment", filed.pk)]
    path_of(filed).write_bytes(pdf)

    with pytest.raises(PermissionDenied):
        remove(filed, by=people["approver"], reason="no")
    with pytest.raises(PermissionDenied):
        attach(subscription, SimpleUploadedFile("a.pdf", pdf), by=people["committee_member"])
    with transaction.atomic():
        remove(filed, by=people["administrator"], reason="Wrong file")
    with pytest.raises(ValueError, match="already"):
        remove(filed, by=people["administrator"], reason="Wrong file")
    path_of(filed).unlink(missing_ok=True)  # the test's own transaction never commits
    assert client.get(f"/attachments/{filed.pk}/").status_code == 404
    assert "Wrong file" in read(client.get(page)).text
    assert list(folder.iterdir()) == []


def test_what_a_killed_process_left_of_files_is_swept(people, folder, capsys, monkeypatch):
    """A file laid before its row, one half-written, and one whose removal was committed; the rest stays."""
    subscription, pdf = saved(), FILES["pdf"][0]
    kept, gone = (
        attach(subscription, SimpleUploadedFile("a.pdf", pdf), by=people["administrator"]) for _ in "ab"
    )
    remove(gone, by=people["administrator"], reason="Wrong file")  # its file stays: nothing commits here
    left = ["a" * 40, "b" * 40 + ".part", "c" * 40]
    for name in (*left, "README", "d" * 40):
        (folder / name).write_bytes(b"x")
    for name in (kept.stored_as, gone.stored_as, *left, "README"):
        os.utime(folder / name, (timezone.now().timestamp() - 25 * 3600,) * 2)
    monkeypatch.setattr(sweeping, "FEW", 2)
    with pytest.raises(CommandError, match=r"3 files in .* have no row in this register, and 1 have one"):
        call_command("remove_old_exports")
    stay = {kept.stored_as, "README", "d" * 40}
    assert {path.name for path in folder.iterdir()} == {*stay, *left}
    monkeypatch.undo()
    call_command("remove_old_exports")
    assert {path.name for path in folder.iterdir()} == stay
    assert capsys.readouterr().out.splitlines()[-1] == "3 left-overs of attachments removed"
    assert Event.objects.get(kind=Event.Kind.COMMAND).after == {"attachments": 3}


# --- comments, timeline -----------------------------------------------------------------------------------------------


def test_comments_stay_and_are_struck_out_by_their_author(people):
    subscription = saved(recorded_by=people["administrator"])
    said = commenting.comment(subscription, by=people["approver"], text="Why <so> many?")
    assert list(Notice.objects.values_list("recipient__username", "key")) == [
        ("administrator", "subscription_commented")
    ]
    with pytest.raises(PermissionDenied):
        commenting.comment(subscription, by=people["committee_member"], text="no")
    assert english(people["administrator"]).get(f"/comments/{said.pk}/strike/").status_code == 403
    client = english(people["approver"])
    assert client.post(f"/comments/{said.pk}/strike/", {"reason": "Mistaken"}).status_code == 302
    assert client.post(f"/comments/{said.pk}/strike/", {"reason": "Again"}).status_code == 403
    shown = read(client.get(f"/subscriptions/{subscription.reference}/notes/"))
    assert [struck.text for struck in shown.all("s")] == ["Why <so> many?"]
    assert "Mistaken" in shown.text


def test_what_only_grows_is_never_changed(people):
    """In the database itself, for each table that has a row."""
    subscription = saved(status=Status.REQUESTED)
    said = commenting.comment(subscription, by=people["administrator"], text="text")
    commenting.strike(said, by=people["administrator"], note="note")
    filed = attach(subscription, SimpleUploadedFile("a.pdf", FILES["pdf"][0]), by=people["administrator"])
    remove(filed, by=people["administrator"], reason="reason")
    recording.approve(subscription, by=people["approver"])
    draft = saved(status=Status.DRAFT, recorded_by=people["administrator"])
    other = person("administrator", agency_at("KR/P1"))
    hand_over(people["administrator"], other, draft.agency, by=other, reason="moved")
    for model in APPEND_ONLY:
        row = model._meta.db_table
        assert model._default_manager.exists(), row
        column = model._meta.pk.column
        for statement in (f"DELETE FROM {row}", f"UPDATE {row} SET {column} = {column}"):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)


def test_the_timeline_tells_everything_in_as_many_queries(people, in_english):
    make_policy(("personal_data", "is", [True]), effect="warn")
    officers = make_policy(("seats", "more_than", [11]), effect="approval")
    by, approver = people["administrator"], people["approver"]
    officer = person("policy_officer", agency_at("KR"), username="officer")
    product = ProductFactory()
    subscription = Subscription(
        agency=agency_at("KR/P1"), product=product, started_on=DAY, personal_data=False
    )
    line = PriceLine(seats=10, amount=10_000, vat="included")
    recording.request(subscription, [line], by=by)
    recording.approve(subscription, by=approver, reason="fine")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            list(TimelinePaginator(Subscription.objects.get(pk=subscription.pk), 500).page(1))
        return len(queries)

    form = Subscription.objects.get()
    form.personal_data, form.product = True, ProductFactory(name_en="Other tool")
    stored = form.price_lines.get()
    stored.seats = 12
    recording.change(form, [stored], by=by, version=form.version)
    said = commenting.comment(subscription, by=by, text="Said")
    commenting.strike(said, by=by, note="Taken back")
    filed = attach(subscription, SimpleUploadedFile("a.pdf", FILES["pdf"][0]), by=by)
    remove(filed, by=by, reason="Wrong")
    payment = subscription.payments.create(paid_on=DAY, amount=5, won=5)
    payment.amount = payment.won = 6
    payment.save()
    Finding.objects.update(assigned_to=by)
    finding = Finding.objects.exclude(policy=officers.policy).get()
    finding.notes.create(text="Looking", written_by=by)
    counted = subscription.user_counts.create(agency=form.agency, day=DAY, value=7)
    counted.value = 1_008
    counted.save()
    asked = {"by": by, "valid_from": DAY, "valid_until": days(9)}
    tool = form.product
    for policy in (officers.policy, finding.policy):
        waiver = waiving.request(policy, form.agency, product=tool, reason="Pilot", **asked)
    waiving.grant(waiver, by=officer, reason="Fine")
    for elsewhere in ({"agency": agency_at("KR/P1/C1"), "product": tool}, {"product": ProductFactory()}):
        waiving.request(officers.policy, reason="x", **{"agency": form.agency, **asked, **elsewhere})
    other = person("administrator", agency_at("KR/P1"), username="other")
    hand_over(by, other, form.agency, by=by, reason="Rotation")
    recording.approve_as_officer(form, by=officer, reason="Seen")
    form = Subscription.objects.get()
    stored.seats = 13
    recording.change(form, [stored], by=by, version=form.version)
    recording.refuse(form, by=approver, reason="Too many")
    told = TimelinePaginator(subscription, 100).page(1).object_list
    judged = f"/findings/{Finding.objects.get(policy=officers.policy).pk}/"
    assert {entry.what for entry in told if entry.url != judged} == {
        "Recorded",
        "Price line 1 added",
        "Request: Done (check: May start)",
        "Version 1 saved",
        "Version 2 saved",
        "Version 3 saved",
        "Approve: Done (check: May start)",
        "Change: Done (check: A policy officer must approve it)",
        "Price line 1 changed",
        f"Finding opened: {finding.policy_version.title}, Violation",
        f"Finding assigned to other: {finding.policy_version.title}",
        f"Comment on the finding: {finding.policy_version.title}",
        "Comment, struck out later",
        "Comment struck out: Said",
        "File added: a.pdf",
        "File removed: a.pdf",
        "Payment recorded",
        "Payment corrected",
        "A finding was handed over from administrator to other",
        "The request was handed over from administrator to other",
        "Version 4 saved",
        "Version 5 saved",
        "Refuse: Done (check: May start)",
        "Policy officer's approval: Done (check: May start)",
        f"Finding changed: {finding.policy_version.title}, Waived",
        f"Finding closed: {finding.policy_version.title}",
        "Approval reopened by a change",
        "Reopened approval closed: The change was refused and put back",
        f"Approved by a policy officer: {officers.title}",
        f"Policy officer's approval ended: {officers.title}",
        f"Waiver asked for: {officers.title}",
        f"Waiver asked for: {finding.policy_version.title}",
        f"Waiver granted: {finding.policy_version.title}",
        f"Waiver changed: {officers.title}",
        "User count recorded",
        "User count corrected",
    }
    changed = {entry.what: [(d.label, d.before, d.after) for d in entry.differences] for entry in told}
    assert changed["Version 3 saved"] == [
        ("AI tool", str(product), "Other tool"),
        ("Personal data", "No", "Yes"),
    ]
    assert changed["User count corrected"] == [("People", "7", "1,008")]
    texts = {entry.what: (entry.who, entry.text) for entry in told}
    assert texts["User count corrected"][1] == "1,008 on June 15, 2026"
    assert texts[f"Waiver granted: {finding.policy_version.title}"] == ("officer", "Fine")
    assert texts["Approval reopened by a change"][1].splitlines()[0] == "another tool"
    lines = [entry.differences for entry in told if entry.what == "Price line 1 changed"]
    assert [(d.before, d.after) for [d] in lines] == [("13", "10"), ("12", "13"), ("10", "12")]
    few = count()
    for number in range(20):
        commenting.comment(subscription, by=approver, text=f"{number}")
        form = Subscription.objects.get(pk=subscription.pk)
        form.product = ProductFactory()
        recording.change(form, list(form.price_lines.all()), by=by, version=form.version)
    assert count() == few
    page = english(by).get(f"/subscriptions/{subscription.reference}/timeline/?page=2")
    assert (page.status_code, len(read(page).by_class("gt-timeline")[0].all("li")) > 10) == (200, True)


# --- what an approver looks at, contract, void ------------------------------------------------------------------------


def test_what_an_approver_looks_at(people):
    tool = ProductFactory()
    request = saved(status=Status.REQUESTED, product=tool, ends_on=days(364), amount=30_000)
    saved("KR/P1/C1", product=tool, amount=10_000)
    saved("KR/P1/C2", product=tool, amount=20_000, seats=None)
    saved("KR/P1/C2", product=tool, amount=16_000)
    saved("KR/P1/C3", product=tool, amount=1_000, status=Status.ENDED)
    saved("KR/P1/C3", amount=1_000)
    saved("KR/P2", product=tool, amount=99_999)
    found = peers(people["approver"], request, DAY)
    assert (found.subscriptions, found.agencies, found.priced, found.gaps) == (3, 2, 3, 0)
    assert [f.value for f in (found.lowest, found.middle, found.highest)] == [10_000, 16_000, 20_000]
    assert [row.agency.code for row in found.rows] == ["C2", "C2", "C1"]
    lines = list(request.price_lines.all())
    assert term_cost(request, lines, DAY).value == 12 * 300_000
    assert since_last_decision(request, lines) is None
    page = english(people["approver"]).get(f"/subscriptions/{request.reference}/review/")
    assert "99,999" not in read(page).text
    refused = recording.refuse(request, by=people["approver"], reason="too dear")
    recording.reopen(request, by=people["administrator"])
    form = Subscription.objects.get(pk=request.pk)
    line = form.price_lines.get()
    line.amount = 15_000
    recording.change(form, [line], by=people["administrator"], version=form.version, requesting=True)
    since = since_last_decision(form, [line])
    assert since is not None
    assert since.decision == refused.decision
    assert [(d.before, d.after) for d in since.differences] == [("₩30,000", "₩15,000")]
    # What was opened before somebody changed the request is not approved any more.
    client = english(people["approver"])
    seen = form_on_page(client, form)
    recording.change(form, [line], by=people["administrator"], version=form.version)
    stale = client.post(f"/subscriptions/{form.reference}/approve/", {"reason": "It is cheap.", "seen": seen})
    assert stale["Location"].endswith("/review/")
    assert "It is cheap." in read(client.get(stale["Location"])).text  # looked at again, and not typed again
    assert "It is cheap." not in read(client.get(stale["Location"])).text
    assert Subscription.objects.get(pk=form.pk).status == Status.REQUESTED
    done = client.post(
        f"/subscriptions/{form.reference}/approve/", {"reason": "", "seen": form_on_page(client, form)}
    )
    assert done.status_code == 302
    assert Subscription.objects.get(pk=form.pk).status == Status.ACTIVE


def form_on_page(client: Client, subscription: Subscription) -> str:
    page = read(client.get(f"/subscriptions/{subscription.reference}/review/"))
    return next(e.attributes["value"] for e in page.all("input") if e.attributes.get("name") == "seen")


def test_a_contract_that_several_agencies_share(people):
    """Those in sight and no word of others; a number alone is no contract."""
    shared = {"reseller": "A reseller", "contract_number": "2026-17"}
    one = saved("KR/P1/C1", payer=agency_at("KR/P1"), amount=10_000, **shared)
    two = saved("KR/P1/C2", seats=None, amount=20_000, **shared)
    ended = saved("KR/P1/C2", status=Status.ENDED, **shared)
    saved("KR/P1/C2", status=Status.VOID, **shared)
    saved("KR/P1/C2", reseller="Another", contract_number="2026-17")
    saved("KR/P2", **shared)
    by = people["administrator"]
    found = list(of_contract(one, by))
    assert found == [one, two, ended]
    total = annual_total(found)
    assert (total.known.value, total.is_complete) == (1_200_000 + 240_000, False)
    page = read(english(by).get(f"/subscriptions/{one.reference}/contract/")).text
    assert "P2" not in page
    assert english(by).get(f"/subscriptions/{saved().reference}/contract/").status_code == 404
    direct = saved("KR/P1/C1", contract_number="9")
    same_vendor = saved("KR/P1/C2", contract_number="9", product=ProductFactory(vendor=direct.product.vendor))
    saved("KR/P1/C2", contract_number="9")
    assert list(of_contract(direct, by)) == [direct, same_vendor]


def test_what_is_void_is_counted_nowhere(people):
    """Until it is brought back: the list and its file leave it out, unless somebody asks for void records."""
    subscription, by = saved(), people["administrator"]
    saved()
    client = english(by)

    def counted() -> tuple[int, int, int]:
        page = read(client.get("/subscriptions/")).by_class("gt-table-bar")[0].all("strong")[0].text
        file = b"".join(client.get("/subscriptions/?_export=csv")).decode().strip().splitlines()
        explorer = read(client.get("/spending/explore/?measure=subscriptions&by=product"))
        named = sum(body.text.count(str(subscription.product)) for body in explorer.all("tbody"))
        return int(page), len(file) - 1, named

    assert counted()[:2] == (2, 2)
    assert counted()[2] == 1
    recording.void(subscription, by=by, reason="twice")
    assert counted() == (1, 1, 0)
    assert subscription.reference in read(client.get("/subscriptions/?status=void")).text
    recording.reopen(subscription, by=by, reason="It was right")
    assert counted()[:2] == (2, 2)
    acts = list(Decision.objects.order_by("pk").values_list("act", "reason"))
    assert acts == [("void", "twice"), ("reopen", "It was right")]


# --- handover ---------------------------------------------------------------------------------------------------------


def test_one_persons_open_work_goes_to_another_in_one_act(people):
    """What the taker has no role for stays, what lies elsewhere is not touched, and nobody comes to decide on their own."""
    officer_and_administrator = people["policy_officer"]
    giver, by = officer_and_administrator, people["administrator"]
    giver.memberships.create(role="administrator", agency=agency_at("KR/P1"))
    taker = person("administrator", agency_at("KR/P1/C1"), username="taker")
    make_policy(("personal_data", "is", [True]), effect="warn")
    draft = saved("KR/P1/C1", Status.DRAFT, recorded_by=giver)
    saved("KR/P1/C1", Status.DRAFT, recorded_by=by)
    elsewhere = saved("KR/P2", Status.DRAFT, recorded_by=giver)
    above = saved("KR/P1", Status.DRAFT, recorded_by=giver)
    requested = saved("KR/P1/C1", Status.DRAFT)
    form = Subscription.objects.get(pk=requested.pk)
    recording.change(form, list(form.price_lines.all()), by=giver, version=1, requesting=True)
    grown = saved("KR/P1/C1", personal_data=True)
    form = Subscription.objects.get(pk=grown.pk)
    form.ends_on = None
    form.auto_renewal = True
    recording.change(form, list(form.price_lines.all()), by=giver, version=1)
    Finding.objects.update(assigned_to=giver)
    waiver = WaiverFactory(
        agency=agency_at("KR/P1/C1"),
        requested_by=giver,
        status=Waiver.Status.REQUESTED,
        decided_by=None,
        decided_at=None,
        policy__owner=agency_at("KR/P1"),
    )
    waiver.save()  # with its history

    with pytest.raises(PermissionDenied):
        hand_over(giver, taker, agency_at("KR/P1"), by=people["approver"], reason="x")
    work = open_work(giver, taker, agency_at("KR/P1"), by=by)
    assert (work.requests, work.findings, work.waivers) == (
        [draft, requested, grown],
        [Finding.objects.get()],
        [waiver],
    )
    assert work.staying == [above]
    address = f"/handovers/new/?agency=P1&giver={giver.pk}&taker={taker.pk}"
    client = english(by)
    shown = read(client.get(address))
    assert above.reference in shown.text
    assert elsewhere.reference not in shown.text
    recording.void(draft, by=by, reason="twice")
    with pytest.raises(Changed):
        hand_over(giver, taker, agency_at("KR/P1"), by=by, reason="x", looked_at=work.digest)
    now = open_work(giver, taker, agency_at("KR/P1"), by=by)
    done = client.post(address, {"reason": "Rotation", "looked_at": now.digest})
    assert done["Location"] == "/handovers/"
    assert set(Responsible.objects.values_list("subscription", "person")) == {
        (requested.pk, taker.pk),
        (grown.pk, taker.pk),
    }
    assert Finding.objects.get().assigned_to == taker
    assert HandedOver.objects.count() == 4
    assert "Rotation" in read(client.get("/handovers/")).text
    assert open_work(giver, taker, agency_at("KR/P1"), by=by).count == 0
    assert open_work(taker, giver, agency_at("KR/P1"), by=by).count == 4
    # The taker hears what becomes of it; the giver still decides on none of it.
    recording.approve(requested, by=people["approver"])
    assert "subscription_approved" in taker.notices.values_list("key", flat=True)
    waiver.refresh_from_db()
    assert waiver.requested_by == taker
    assert not may_decide(User.objects.get(pk=giver.pk), waiver)
