"""People at their browsers, who note what the site acknowledged, and send again what it did not."""

from __future__ import annotations

import datetime
import http.client
import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.faults.site import Site, answer_of

TOKEN = "t" * 32  # the same in cookie and form: what the site compares
FORM = "application/x-www-form-urlencoded"


@dataclass
class Answer:
    """What came back; `status` 0 where the connection broke before an answer did."""

    status: int
    location: str = ""
    text: str = ""
    seconds: float = 0.0

    @property
    def acknowledges(self) -> bool:
        return 200 <= self.status < 400


@dataclass
class Ledger:
    """What happened, as the people saw it: what was acknowledged, and what was tried without an answer."""

    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    tried: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    slowest: float = 0.0
    told: set[str] = field(default_factory=set)  # what pages of outages said

    def acknowledge(self, what: str, **told: Any) -> None:
        self.acknowledged.append({"what": what, **told})

    def of(self, what: str) -> list[dict[str, Any]]:
        return [one for one in self.acknowledged if one["what"] == what]

    def cut(self) -> int:
        """How many requests a fault has cut off or failed."""
        return sum(status == 0 or status >= 500 for status in self.answers)

    def write(self, file: Path) -> None:
        file.write_text(json.dumps({"acknowledged": self.acknowledged, "tried": self.tried}))


class Person:
    """Somebody who is signed in; `told` is what `prepare` printed of them."""

    def __init__(self, site: Site, told: dict[str, Any], ledger: Ledger) -> None:
        self.site, self.ledger = site, ledger
        self.name, self.agency = told["name"], told["agency"]
        self.cookies = f"sessionid={told['session']}; csrftoken={TOKEN}; django_language=en"
        self.timeout = 40.0

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None, {})

    def post(self, path: str, values: dict[str, Any]) -> Answer:
        body = urlencode({**values, "csrfmiddlewaretoken": TOKEN}, doseq=True).encode()
        return self._ask("POST", path, body, {"Content-Type": FORM})

    def upload(self, path: str, values: dict[str, str], files: dict[str, tuple[str, bytes]]) -> Answer:
        """A form with files: by field, the file's name and its bytes."""
        mark = uuid.uuid4().hex
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in {**values, "csrfmiddlewaretoken": TOKEN}.items()
        ]
        for name, (file, data) in files.items():
            head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'
            parts += [head.encode(), data, b"\r\n"]
        body = b"".join([*parts, f"--{mark}--\r\n".encode()])
        return self._ask("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={mark}"})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        started = time.monotonic()
        try:
            status, received, text = answer_of(
                self.site.port, method, path, {**headers, "Cookie": self.cookies}, body, self.timeout
            )
            answer = Answer(status, received.get("Location", ""), text.decode(errors="replace"))
        except (OSError, http.client.HTTPException):
            answer = Answer(0)
        answer.seconds = time.monotonic() - started
        self.ledger.answers.append(answer.status)
        if answer.status == 503:
            self.ledger.told |= set(re.findall(r"<h2>([^<]*)</h2>", answer.text))
        self.ledger.slowest = max(self.ledger.slowest, answer.seconds)
        return answer

    # --- what they write ----------------------------------------------------------------------------------------------

    def records(self, act: str = "request", again: int = 60) -> str:
        """Record a subscription, and send the same form again until it is acknowledged; its reference, or "" in the end."""
        mark = f"mark-{uuid.uuid4().hex}"
        today = datetime.date.today()
        values = {
            "act": act,
            "agency": self.agency,
            "product": "chatgpt",
            "plan": mark,
            "data_class": "open",
            # What is requested waits for nobody but its approver; what is in use has findings of all kinds.
            "personal_data": "false" if act == "request" else ["true", "false", ""][int(mark[-2:], 16) % 3],
            "started_on": (today - datetime.timedelta(days=9)).isoformat(),
            "owner_department": "0",
            "submission": str(uuid.uuid4()),
            **PRICED,
        }
        self.ledger.tried.append({"what": "record", "mark": mark})
        answer = self._until_acknowledged(lambda: self.post("/subscriptions/new/", values), again)
        found = re.fullmatch(r"/subscriptions/([\w-]+)/", answer.location)
        if found is None:
            return ""
        self.ledger.acknowledge("record", mark=mark, reference=found[1], act=act)
        return found[1]

    def _until_acknowledged(self, send: Callable[[], Answer], again: int) -> Answer:
        answer = Answer(0)
        for _attempt in range(again):
            answer = send()
            if answer.status == 302:
                return answer
            # A form that comes back with errors is a fault of the test, and no answer to be tried again.
            assert answer.status in (0, 500, 502, 503), (answer.status, answer.text[:20_000])
            time.sleep(0.1)
        return answer

    def approves(self, reference: str) -> bool:
        """Look at a request and approve it; whether that was acknowledged."""
        page = self.get(f"/subscriptions/{reference}/review/")
        seen = re.search(r'name="seen" value="(\d+)"', page.text)
        if page.status != 200 or seen is None:
            return False
        self.ledger.tried.append({"what": "approve", "reference": reference})
        answer = self.post(f"/subscriptions/{reference}/approve/", {"seen": seen[1], "reason": ""})
        # Sent back to the same page, the record is another one than that looked at.
        done = answer.status == 302 and not answer.location.endswith("/review/")
        if done:
            self.ledger.acknowledge("approve", reference=reference)
        return done

    def changes(self, reference: str, value: str) -> bool:
        """Type another department into the record as it stands; whether that was acknowledged."""
        page = self.get(f"/subscriptions/{reference}/edit/")
        if page.status != 200:
            return False
        values = form_of(page.text)
        values |= {"owner_department": value, "act": "draft"}
        self.ledger.tried.append({"what": "change", "reference": reference, "value": value})
        answer = self.post(f"/subscriptions/{reference}/edit/", values)
        if answer.status == 302:
            self.ledger.acknowledge("change", reference=reference, value=value)
        return answer.status == 302

    def pays(self, reference: str, won: int, again: int = 60) -> bool:
        """Record a payment, sending it again until it is acknowledged."""
        number = f"doc-{uuid.uuid4().hex}"
        values = {
            "kind": "payment",
            "paid_on": datetime.date.today().isoformat(),
            "amount": str(won),
            "currency": "KRW",
            "document_number": number,
            "submission": str(uuid.uuid4()),
        }
        self.ledger.tried.append({"what": "pay", "number": number})
        path = f"/subscriptions/{reference}/payments/new/"
        answer = self._until_acknowledged(lambda: self.post(path, values), again)
        if answer.status == 302:
            self.ledger.acknowledge("pay", number=number, won=won, reference=reference)
        return answer.status == 302

    def freezes(self) -> bool:
        """Freeze a view of the explorer; whether that was acknowledged."""
        title = f"frozen-{uuid.uuid4().hex}"
        self.ledger.tried.append({"what": "freeze", "title": title})
        answer = self.post("/spending/explore/freeze/?measure=paid&rows=agency", {"title": title})
        assert answer.status in (0, 302, 500, 502, 503), (answer.status, answer.text[:20_000])
        if answer.status == 302:
            self.ledger.acknowledge("freeze", title=title)
        return answer.status == 302

    def uploads(self, rows: int) -> tuple[str, str]:
        """Upload a file of subscriptions and try it; the address of its page, and the mark of its records ("" on failure)."""
        mark = f"mark-{uuid.uuid4().hex}"
        lines = [
            f"{self.agency},chatgpt,{mark}-{number},2026-01-01,{mark},3,1000,per seat,monthly"
            for number in range(rows)
        ]
        header = "agency,tool,contract number,starts,plan,seats,amount,per seat or flat,billed"
        data = "\n".join([header, *lines, ""]).encode()
        sent = self.upload("/imports/", {"kind": "subscriptions"}, {"file": ("file.csv", data)})
        if sent.status != 302:
            return "", ""
        page = self.get(sent.location)
        tried = self.post(sent.location, form_of(page.text)) if page.status == 200 else page
        return (tried.location, mark) if tried.status == 302 else ("", "")


PRICED = {
    "lines-TOTAL_FORMS": "1",
    "lines-INITIAL_FORMS": "0",
    "lines-MIN_NUM_FORMS": "0",
    "lines-MAX_NUM_FORMS": "50",
    "lines-0-standing": "stated",
    "lines-0-amount": "30,000",
    "lines-0-currency": "KRW",
    "lines-0-vat": "included",
    "lines-0-basis": "per_seat",
    "lines-0-cycle": "monthly",
    "lines-0-seats": "10",
}


def form_of(text: str) -> dict[str, Any]:
    """What a browser would send of the page's main form, as it is shown."""
    from tests.pages import read_text, sent_by

    forms = [
        form for form in read_text(text).all("form") if form.attributes.get("method", "").lower() == "post"
    ]
    largest = max(forms, key=lambda form: len(form.all("input", "select", "textarea")))
    sent = sent_by(largest)
    sent.pop("csrfmiddlewaretoken", None)
    return sent


class Crowd:
    """People who each do the same again and again, all at once, until the block ends. A failure of one is the block's."""

    def __init__(self) -> None:
        self.over, self.failed = threading.Event(), list[BaseException]()
        self.threads: list[threading.Thread] = []

    def add(self, act: Callable[[], Any], pause: float = 0.0) -> None:
        def goes_on() -> None:
            try:
                while not self.over.is_set():
                    act()
                    self.over.wait(pause)
            except BaseException as error:
                self.failed.append(error)

        self.threads.append(threading.Thread(target=goes_on))

    def __enter__(self) -> Crowd:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failed and not any(error):
            raise self.failed[0]
