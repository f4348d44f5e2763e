"""Nothing of another agency shows through: not a word of what was typed there, and not by a count, a sum or a choice."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import unescape
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from agencies.models import Agency, Membership
from agencies.visibility import VisibleQuerySet
from subscriptions.data_entry import create_data_entry_group
from tests import register
from tests.access.addresses import ADDRESSES, OBJECTS, PLAIN, address_of
from tests.access.planting import CODE, MARK, UNPLANTED, Planted, label_of, of_agencies, texts
from tests.access.rules import ORDER
from tests.access.world import Place, client_of, make_people, make_policies, new_agency, user

pytestmark = pytest.mark.django_db

FULL = bool(os.environ.get("EVERY_CASE"))
# Who does not see an office of Seoul, and who does not see one of another country.
OF_JEJU = ["administrator", "committee-jeju", "approver", "nobody", "staff"]
OF_THE_NATION = ["committee", "above", "officer", "sibling"]
IN_BRIEF = ["administrator"]
TITLES = [*OF_JEJU, *OF_THE_NATION] if FULL else IN_BRIEF
# A page that is narrowed down in many ways says the same of another agency in each.
WAYS = 3 if FULL else 1
FOREIGN, FOREIGN_CODE = "Quagga", "QY-8812"


class Marked:
    """Two offices with everything in them: one of Seoul, and one of another country; and Jeju's own objects."""

    def __init__(self) -> None:
        register.load(judged=True)
        self.people = make_people()
        self.people["staff"] = user("staff", is_staff=True)
        self.people["staff"].groups.add(create_data_entry_group())
        jeju = self.people["administrator"].memberships.get().agency
        Membership.objects.create(user=self.people["staff"], role="administrator", agency=jeju)
        self.own = Place("own", self.people).objects()
        make_policies(new_agency("XX", None, Agency.Kind.NATION))
        self.before = self.seen_by("committee-jeju")
        self.office = Planted(self.people, "KR-11")
        self.foreign = Planted(self.people, "XX", FOREIGN, FOREIGN_CODE, more=11_111)

    def client(self, title: str) -> Client:
        return client_of(self.people, title)

    def hidden_from(self, title: str) -> list[Planted]:
        return [self.office, self.foreign] if title in OF_JEJU else [self.foreign]

    def seen_by(self, title: str) -> dict[str, str]:
        """What each page says to somebody, without what changes from one time to the next."""
        client = self.client(title)
        addresses = [address_of(row, self.own) for row in [*PLAIN, *OBJECTS]]
        return {
            address: still(text_of(client.get(address)))
            for address in sorted({*addresses, *considered()})
            if not address.startswith(("/accounts/", "/i18n/"))
        }


@pytest.fixture(scope="module")
def marked(django_db_setup: None, django_db_blocker: Any) -> Iterator[Marked]:
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger("django.request"), "disabled", True)
        yield Marked()
        transaction.set_rollback(True)


def text_of(response: Any) -> str:
    """All that a page or a file says, so that it can be searched."""
    body = b"".join(response) if response.streaming else response.content
    if "spreadsheet" in response.get("Content-Type", "") and body[:4] == b"PK\x03\x04":
        book = load_workbook(BytesIO(body))
        return "\n".join(str(cell) for sheet in book for row in sheet.values for cell in row)
    return unescape(body.decode(errors="replace"))


CHANGING = re.compile(
    r"(\d{4}-\d\d-\d\dT)?\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?|csrfmiddlewaretoken\" value=\"\w+|CSRFToken\": \"\w+"
    r"|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,64}",
    re.ASCII,
)


def still(text: str) -> str:
    """Without times, tokens and random numbers."""
    return CHANGING.sub("…", text)


def considered() -> list[str]:
    """Addresses that no link leads to, among them what a curious person would type."""
    part, measures = MARK[:4], ("annual_cost", "seats", "users", "findings", "spending")
    files = [
        f"/{page}/?_export={kind}"
        for page in ("subscriptions", "spending", "payments")
        for kind in ("csv", "xlsx")
    ]
    return [
        *files,
        *(
            f"/{name}/options/?agency={typed}"
            for name in ("agencies",)
            for typed in ("z", part, CODE, "KR-11")
        ),
        "/catalog/options/?product=x",
        f"/catalog/options/?product={part}",
        f"/subscriptions/?q={part}",
        f"/subscriptions/?agency={CODE}",
        f"/findings/?state=&q={part}",
        f"/findings/?agency={CODE}",
        f"/payments/?q={part}",
        f"/payments/?agency={CODE}",
        f"/catalog/?q={part}",
        f"/people/?q={part}",
        f"/rounds/?q={part}",
        f"/renewals/?agency={CODE}",
        "/renewals/?_export=csv",
        "/decisions/?_export=csv",
        *(
            f"/spending/explore/?measure=subscriptions&by=agency&_export={kind}"
            for kind in ("csv", "xlsx", "json")
        ),
        *(f"/spending/explore/?measure={measure}&by=product&then=agency" for measure in measures),
        f"/spending/explore/?measure=subscriptions&by=agency&agency={CODE}",
        "/spending/explore/print/?measure=findings&by=vendor&then=place",
        f"/spending/explore/?measure=subscriptions&text={part}",
        "/spending/explore/records/?measure=subscriptions&_export=csv",
        "/policies/deepseek-block/",
        "/reports/ai-subscriptions-2025/?source=a&accounts=all",
        "/spending/plan/?by=month&_export=csv",
        f"/spending/plan/?agency={CODE}",
        "/imports/records/subscriptions.csv",
        "/imports/records/payments.csv",
    ]


def crawl(client: Client, first: Iterable[str], limit: int = 3000) -> dict[str, str]:
    """The text of every page and file that links lead to from these; fails on a link that leads nowhere."""
    found: dict[str, str] = {}
    asked: Counter[str] = Counter()
    typed = set(first)
    waiting = list(first)
    while waiting:
        address = waiting.pop(0)
        if address in found:
            continue
        if address not in typed:
            asked[urlsplit(address).path] += 1
        response = client.get(address, follow=True)
        found[address] = text_of(response)
        if address not in typed:
            # The administration's own history links to accounts, which only system administrators open.
            expected = (200, 403) if address.startswith("/admin/agencies/user/") else (200,)
            assert response.status_code in expected, f"{address}: {response.status_code}"
        assert len(found) < limit, "the links do not come to an end"
        if "text/html" in response["Content-Type"]:
            for link in re.findall(r'href="([^"]*)"', response.content.decode()):
                target = urljoin(address, unescape(link)).partition("#")[0]
                if not target.startswith("/") or target.startswith("/static/") or not is_new_page(target):
                    continue
                if asked[urlsplit(target).path] < WAYS:
                    waiting.append(target)
    return found


def is_new_page(target: str) -> bool:
    """Sort orders and pages of a list are one list: they hold what it holds. The months of a calendar do not come to an end.

    Nor do the filters of the administration, which narrow what its lists show anyway.
    """
    query = parse_qs(urlsplit(target).query)
    if query and target.startswith("/admin/"):
        return False
    return (
        not set(query) & {"sort", "page", "month", "o"} and "/i18n/" not in target and "logout" not in target
    )


def showing(pages: dict[str, str], planted: Iterable[Planted]) -> dict[str, list[str]]:
    """The pages that hold what they must not, with the words; what the reader typed into the address does not count."""
    found = {}
    for address, text in pages.items():
        plain = text.lower().replace(address.lower(), "")
        words = [word for one in planted for word in one.words if word in plain]
        words += [
            one.agency.code
            for one in planted
            if one.agency.code.lower() in plain and one.agency.code not in address
        ]
        if words:
            found[address] = words
    return found


def test_every_text_is_planted(marked: Marked):
    """A new field is planted by itself, or named here with the reason why it cannot be."""
    assert sorted(marked.office.unmarked) == []
    every = {label_of(model, field) for model in of_agencies() for field in texts(model)}
    assert sorted(set(UNPLANTED) - every) == []


@pytest.mark.parametrize("title", TITLES)
def test_nothing_shows_through_from_another_agency(marked: Marked, title: str, record_property: Any):
    """No page, file, suggestion, choice or message for somebody holds anything that an office out of sight recorded."""
    client, planted = marked.client(title), marked.hidden_from(title)
    there = [address_of(row, one.objects) for one in planted for row in ADDRESSES if row in OBJECTS]
    start = "/admin/" if title == "staff" else reverse("home")
    pages = crawl(client, [start, *considered(), *there])
    assert showing(pages, planted) == {}
    assert len(pages) > 100
    sent = answers_to_forms(marked, client, title)
    assert showing(sent, planted) == {}
    record_property("cases", len(pages) + len(sent))


def answers_to_forms(marked: Marked, client: Client, title: str) -> dict[str, str]:
    """What each form answers to the number, code and references of rows that its sender does not see."""
    planted, found = marked.hidden_from(title)[-1], {}
    values = [
        str(planted.agency.pk),
        planted.agency.code,
        planted.objects["[active]"],
        str(planted.place.administrator.pk),
    ]
    for row, (gets, posts) in ADDRESSES.items():
        answers = {both.split()[ORDER.index(title)] for both in (gets, posts)} if title in ORDER else {"404"}
        if answers & {"login", "404", "403", "405"} or row[0] in ("account_login", "account_logout"):
            continue
        address = address_of(row, marked.own)
        page = client.get(address).content.decode()
        names = set(re.findall(r'<(?:input|select|textarea)[^>]*\bname="([^"]+)"', page))
        for value in values if FULL else values[:2]:
            with transaction.atomic():
                response = client.post(address, dict.fromkeys(names, value), follow=True)
                found[f"{address}#{value}"] = text_of(response).replace(value, "")
                transaction.set_rollback(True)
    return found


def test_no_page_differs_by_what_is_out_of_sight(marked: Marked):
    """Counts, sums, charts, choices and the order of rows: all as they were before the offices recorded anything."""
    now = marked.seen_by("committee-jeju")
    differing = {address for address, text in now.items() if text != marked.before[address]}
    assert sorted(differing) == []
    assert len(now) > 150


def test_what_shows_through_is_noticed(marked: Marked, monkeypatch: Any):
    """The control: without the condition of sight, the same search finds the office on the lists."""
    monkeypatch.setattr(VisibleQuerySet, "visible_to", lambda rows, user, *roles, within=None: rows.all())
    client = marked.client("administrator")
    pages = {
        address: text_of(client.get(address))
        for address in ("/subscriptions/", "/findings/", "/payments/?_export=csv")
    }
    assert set(showing(pages, [marked.office])) == set(pages)
    now = {address: still(text_of(client.get(address))) for address in pages if address in marked.before}
    assert all(text != marked.before[address] for address, text in now.items())
