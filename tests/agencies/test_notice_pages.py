"""The pages of what one is told: read state, preferences, contacts of departments, and the log of e-mails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agencies.models import Delivery, DepartmentContact, Notice
from agencies.notices.telling import known_keys, texts_of
from tests.pages import read

pytestmark = pytest.mark.django_db


def unread(client: Any) -> int:
    return client.get("/notices/").wsgi_request.user.unread_notices


def test_notices_are_read(signed_in: Callable[..., Any], make_user: Callable[..., Any]):
    client, other = signed_in("administrator", "KR-49", language="en"), make_user("administrator", "KR-49")
    for key in ("subscription_requested", "subscription_approved", "of_another_time"):
        Notice.objects.create(
            recipient=client.user, key=key, parameters={"reference": "R-1", "by": "Kim"}, url="/renewals/"
        )
    foreign = Notice.objects.create(recipient=other, key="subscription_approved")
    page = read(client.get("/notices/"))
    assert [button.text for button in page.by_class("gt-told__open")] == [
        "There is news about R-1.",
        "R-1 was approved by Kim.",
        "Kim asks for R-1. It waits for a decision.",
    ]
    assert [link.text for link in page.by_class("gt-notices")] == ["Notices 3 not read yet"]
    newest, middle, _oldest = Notice.objects.filter(recipient=client.user)

    opened = client.post(f"/notices/{newest.pk}/")
    assert (opened.status_code, opened["Location"], unread(client)) == (302, "/renewals/", 2)
    back = client.post(f"/notices/{newest.pk}/", {"act": "unread", "next": "//elsewhere.example/"})
    assert (back["Location"], unread(client)) == ("/notices/", 3)
    assert client.post(f"/notices/{foreign.pk}/").status_code == 404
    client.post("/notices/read/", {"last": middle.pk})  # what came after the page was made stays
    assert unread(client) == 1
    shown = read(client.get("/notices/?unread=yes&kind=other"))
    assert len(shown.by_class("gt-told__open")) == 1
    assert "No notice fits these filters." in read(client.get("/notices/?kind=waiver")).text
    assert client.get("/notices/?page=9").status_code == 404


def test_every_message_has_a_text_with_what_is_given(make_user: Callable[..., Any]):
    """Also when a parameter is missing, as in a notice of an earlier version."""
    notices = [Notice(key=key) for key in sorted(known_keys())]
    assert [text for text in texts_of(notices) if "%(" in text or not text] == []
    assert len(notices) > 15


def test_preferences(signed_in: Callable[..., Any]):
    client = signed_in("administrator", "KR-49", language="en")
    assert "Your account has no e-mail address" in read(client.get("/notices/preferences/")).text
    client.post("/notices/preferences/", {"language": "en", "by_email": ["renewal", "waiver"]})
    kept = client.user.notice_preferences
    assert (kept.language, kept.not_by_email) == ("en", ["finding", "request", "other"])


def test_contacts_of_departments(signed_in: Callable[..., Any], make_user: Callable[..., Any]):
    """One contact a department, however it is spelt; only people who may read the agency's records are told of them."""
    client = signed_in("administrator", "KR-49", language="en")
    make_user("approver", "KR-49", username="ours")
    make_user("approver", "KR-11", username="theirs")
    new = {"agency": "KR-49", "department": "IT Division", "language": "en"}
    page = client.post("/departments/new/", new)
    assert page.context["form"].errors == {"email": ["Give an e-mail address, people, or both."]}
    page = client.post("/departments/new/", {**new, "usernames": "ours, theirs"})
    assert page.context["form"].errors == {"usernames": ["Nobody at this agency has this user name: theirs"]}
    assert "agency" in client.post("/departments/new/", {**new, "agency": "KR-11"}).context["form"].errors
    client.post("/departments/new/", {**new, "email": "it@jeju.example", "usernames": "ours"})
    contact = DepartmentContact.objects.get()
    assert [str(person) for person in contact.people.all()] == ["ours"]
    again = client.post("/departments/new/", {**new, "department": "it division", "email": "x@jeju.example"})
    assert again.context["form"].errors == {
        "department": ["This department of the agency has a contact already."]
    }
    assert "it@jeju.example" in read(client.get("/departments/")).text
    client.post(f"/departments/{contact.pk}/", {**new, "email": "new@jeju.example"})
    contact.refresh_from_db()
    assert (contact.email, contact.people.count(), contact.history.count()) == ("new@jeju.example", 0, 2)
    asked = client.get("/departments/new/?agency=KR-49&department=총무과").context["form"]
    assert (asked["department"].value(), asked["agency"].value()) == ("총무과", "KR-49")

    same: dict[str, Any] = {"day": "2026-06-15", "language": "ko", "subject": "s", "body": "b"}
    Delivery.objects.create(
        address="new@jeju.example", contact=contact, **same, state="given_up", error="554 no"
    )
    Delivery.objects.create(address="other@x.example", recipient=make_user(), **same)
    log = read(client.get("/notices/e-mails/"))
    assert ("new@jeju.example" in log.text, "other@x.example" in log.text) == (True, False)
    assert "554 no" in read(client.get(f"/notices/e-mails/{contact.deliveries.get().pk}/")).text
    client.post(f"/departments/{contact.pk}/delete/")
    assert not DepartmentContact.objects.exists()
