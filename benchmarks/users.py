"""The people of `benchmarks.load`: each goes through the register with thought, reading and writing by their role."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any

from tests.faults.people import Answer, Ledger, Person
from tests.faults.site import Site

WRITES = 0.3  # of all requests
CHECK = "check while typing"  # asks by POST, and writes nothing


@dataclass
class Done:
    """One request: what it was, what came back, and how long it took in seconds."""

    what: str
    is_write: bool
    status: int
    seconds: float


@dataclass
class Load:
    """What everybody has done, and when it began, in seconds of the monotonic clock."""

    done: list[Done] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)  # seconds since the beginning, bytes
    began: float = field(default_factory=time.monotonic)


class User(Person):
    """Somebody who goes through the register with thought: one request, a pause, the next."""

    def __init__(
        self, site: Site, told: dict[str, Any], ledger: Ledger, load: Load, think: float, until: float
    ):
        super().__init__(site, told, ledger)
        self.role, self.load, self.think, self.until = told["role"], load, think, until
        self.random, self.doing = random.Random(self.name), ""
        self.known: list[str] = list(told["references"])
        self.shared: list[str] = told["shared"]
        self.number = self.asked = 0

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        self.pause()
        self.asked += 1
        answer = super()._ask(method, path, body, headers)
        self.load.done.append(
            Done(self.doing, method == "POST" and self.doing != CHECK, answer.status, answer.seconds)
        )
        return answer

    def pause(self) -> None:
        """Mostly short, sometimes long; until the end at most."""
        wait = min(self.random.expovariate(1 / self.think), self.until - time.monotonic())
        if wait > 0:
            time.sleep(wait)

    def live(self) -> None:
        """Writes are followed by reads until those are seven of ten requests, whatever pages a write needs itself."""
        reads = writes = 0
        while time.monotonic() < self.until:
            if writes <= WRITES * (reads + writes):
                before = self.asked
                self.write()
                writes, reads = writes + 1, reads + self.asked - before - 1
            else:
                self.read()
                reads += 1

    def read(self) -> None:
        if self.role == "administrator" and self.random.random() < 0.15:
            self.doing = CHECK
            self.post("/subscriptions/check/", {**TYPED, "agency": self.agency})
            return
        pages = PAGES_OF_ALL + (PAGES_OF_COMMITTEE if self.role == "committee_member" else [])
        self.doing, path = self.random.choice(pages)
        reference = self.random.choice(self.known)
        self.get(path.format(reference=reference, agency=self.agency))

    def write(self) -> None:
        """Something that the person's role may write; one request of it writes."""
        self.number += 1
        if self.role == "committee_member":
            if self.number % 4:
                self.doing = "save a view"
                self.post("/spending/explore/save/?rows=agency", {"title": f"view {self.number}"})
            else:
                self.doing = "freeze a view"
                self.freezes()
            return
        if self.role == "approver":
            self.doing = "comment on a record"
            path = f"/subscriptions/{self.random.choice(self.known)}/notes/"
            self.post(path, {"act": "comment", "comment-text": f"comment {self.number} of {self.name}"})
            return
        kind = self.random.choice(["record", "pay", "change", "change"])
        if kind == "record":
            self.doing = "record"
            if reference := self.records(self.random.choice(["declare", "request"]), again=1):
                self.known.append(reference)
        elif kind == "pay":
            self.doing = "pay"
            self.pays(self.random.choice(self.shared), self.random.randint(1, 10**6), again=1)
        else:
            self.doing = "change"
            self.changes(self.random.choice(self.shared), f"{self.name} {self.number}")


PAGES_OF_ALL = [
    ("home", "/"),
    ("list", "/subscriptions/"),
    ("list", "/subscriptions/"),
    ("list, filtered", "/subscriptions/?status=active&sort=-annual_cost"),
    ("list, searched", "/subscriptions/?q=chat"),
    ("record's page", "/subscriptions/{reference}/"),
    ("record's page", "/subscriptions/{reference}/"),
    ("record's timeline", "/subscriptions/{reference}/timeline/"),
    ("findings", "/findings/"),
    ("renewals", "/renewals/"),
    ("payments", "/payments/"),
    ("agency's page", "/agencies/{agency}/"),
    ("tool's page", "/catalog/chatgpt/"),
]
PAGES_OF_COMMITTEE = [
    ("spending", "/spending/"),
    ("explorer", "/spending/explore/?rows=agency"),
    ("explorer", "/spending/explore/?measure=annual_cost&rows=category"),
    ("report", "/reports/ai-subscriptions-2025/"),
]
TYPED = {
    "product": "chatgpt",
    "data_class": "open",
    "personal_data": "false",
    "started_on": "2026-01-01",
    "lines-TOTAL_FORMS": "1",
    "lines-INITIAL_FORMS": "0",
    "lines-0-standing": "stated",
    "lines-0-amount": "30,000",
    "lines-0-currency": "KRW",
    "lines-0-vat": "included",
    "lines-0-basis": "per_seat",
    "lines-0-cycle": "monthly",
    "lines-0-seats": "10",
}
