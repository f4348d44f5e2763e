"""The people of the table of addresses, and an agency's objects of every kind, made at Jeju, below, above and beside it."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import resolve, reverse

from agencies.invitations import invite
from agencies.models import Agency, Delivery, DepartmentContact, Membership, Notice, SavedView, User
from catalog.models import Product
from oversight.explorer.question import Filters, Question
from oversight.exports import jobs as exports
from oversight.models import ExportJob
from oversight.round_models import Round
from oversight.rounds import asking
from oversight.snapshots.freezing import freeze
from policies.models import Condition, Policy, PolicyVersion, Waiver
from sources.models import Report, Source
from subscriptions import commenting, paying, recording
from subscriptions.attachments.storing import attach
from subscriptions.importing import jobs
from subscriptions.importing.running import run
from subscriptions.models import Budget, Finding, Payment, PriceLine, Subscription
from subscriptions.renewals import deciding
from subscriptions.today import today
from subscriptions.upload_models import Upload
from tests import register
from tests.access.rules import ADMINISTRATORS, ANONYMOUS, COMMITTEES, POSITIONS
from tests.answers import kept_by_others, unprotected
from tests.roles import ROLES

APPROVERS = {"own": "approver"}
# Answers that are the same for strangers: the probes, and what comes after signing out.
NOT_OF_THE_READER = ("alive", "ready", "account_logout")
# What is typed into a subscription in free words.
TYPED = ("plan", "reseller", "owner_department", "purpose")


def make_agencies() -> None:
    """A city below Jeju, and another country with a province of its own."""
    other = new_agency("XX", None, Agency.Kind.NATION)
    new_agency("XX-1", other, Agency.Kind.PROVINCE)
    make_policies(other)
    new_agency("KR-49-C1", Agency.objects.get(code="KR-49"), Agency.Kind.CITY)


def new_agency(code: str, parent: Agency | None, kind: str, called: str = "") -> Agency:
    names = {
        f"{form}_{lang}": f"{called or code} {form}" for form in ("name", "short") for lang in ("ko", "en")
    }
    return Agency.objects.create(code=code, parent=parent, kind=kind, **names)


def make_people() -> dict[str, User]:
    """One for each title, with the role there."""
    found = {}
    for title, (role, agency) in ROLES.items():
        found[title] = user(title, is_staff=role == "sysadmin", is_superuser=role == "sysadmin")
        if role and role != "sysadmin":
            Membership.objects.create(user=found[title], role=role, agency=Agency.objects.get(code=agency))
    return found


def user(username: str, **fields: Any) -> User:
    made = User(username=username, **fields)
    made.set_unusable_password()
    made.save()
    return made


class Place:
    """Makes the objects of one position. Those who made them are among the people where the rules say so.

    `agency` is another than the position's; `mark` stands in whatever is typed.
    """

    def __init__(
        self, position: str, people: Mapping[str, User], agency: Agency | None = None, mark: str = ""
    ) -> None:
        self.position, self.today, self.mark = position, today(), mark
        self.agency = agency or Agency.objects.get(code=POSITIONS[position])
        self.administrator = self._person(people, ADMINISTRATORS, "administrator")
        self.approver = self._person(people, APPROVERS, "approver")
        self.committee = self._person(people, COMMITTEES, "committee_member")
        self.colleague = self._new(
            "approver"
        )  # not among the people, so that their page is about somebody else

    def _person(self, people: Mapping[str, User], titles: Mapping[str, str], role: str) -> User:
        return people[titles[self.position]] if self.position in titles else self._new(role)

    def _new(self, role: str) -> User:
        made = user(self.typed(f"{role} {self.position} {User.objects.count()}"))
        Membership.objects.create(user=made, role=role, agency=self.agency)
        return made

    def typed(self, text: str) -> str:
        """A text as somebody typed it."""
        return f"{self.mark} {text}" if self.mark else text

    def objects(self) -> dict[str, str]:
        """What the words in brackets stand for."""
        found = {"[code]": self.agency.code, **self._records(), **self._people(), **self._figures()}
        return {**found, **self._rounds()}

    # --- subscriptions and what belongs to them

    def new(self, **fields: Any) -> Subscription:
        """One that passes every policy, unless its fields say otherwise."""
        known = {"started_on": self.today, "data_class": "open", "personal_data": False, **fields}
        known |= {name: self.typed(name) for name in TYPED if self.mark and name not in fields}
        product = known.pop("product", "chatgpt")
        return Subscription(agency=self.agency, product=Product.objects.get(code=product), **known)

    def _records(self) -> dict[str, str]:
        by, tomorrow = self.administrator, self.today + datetime.timedelta(days=1)
        requested = recording.request(self.new(contract_number=self.typed("2026-17")), prices(), by=by)
        waiting = recording.request(self.new(personal_data=True), prices(), by=by)
        approved = recording.request(self.new(started_on=tomorrow), prices(), by=by)
        recording.approve(approved.subscription, by=self.approver)
        Subscription.objects.filter(pk=approved.subscription.pk).update(started_on=self.today)
        active = recording.declare(self.new(), prices(), by=by)
        void = recording.declare(self.new(), prices(), by=by)
        recording.void(void.subscription, by=by, reason=self.typed("twice"))
        ending = recording.declare(self.new(ends_on=tomorrow), prices(), by=by)
        let_end = recording.declare(self.new(ends_on=tomorrow), prices(), by=by)
        deciding.let_end(let_end.subscription, by=by, reason=self.typed("not used"))
        blocked = recording.declare(self.new(product="deepseek"), prices(), by=by)
        states = {
            "requested": requested,
            "waiting": waiting,
            "approved": approved,
            "active": active,
            "void": void,
            "ending": ending,
            "let end": let_end,
        }
        paid = Payment(
            subscription=active.subscription, paid_on=self.today, amount=98_765_432, currency="KRW"
        )
        waiver = Waiver.objects.create(
            policy=Policy.objects.get(code="deepseek-block"),
            agency=self.agency,
            reason=self.typed("needed"),
            requested_by=by,
            valid_from=self.today,
            valid_until=tomorrow,
        )
        Budget.objects.create(agency=self.agency, year=2026, won=55_555_555)
        file = SimpleUploadedFile(self.typed("a.pdf"), b"%PDF-1.7 %%EOF")
        return {
            **{f"[{state}]": recorded.subscription.reference for state, recorded in states.items()},
            "[comment]": str(commenting.comment(active.subscription, by=by, text=self.typed("Said")).pk),
            "[attachment]": str(attach(active.subscription, file, by=by).pk),
            "[payment]": str(paying.record(paid, by=by, on=self.today).pk),
            "[waiver]": str(waiver.pk),
            "[finding]": str(Finding.objects.filter(subscription=blocked.subscription).first().pk),  # type: ignore[union-attr]
        }

    # --- people, notices and rules

    def _people(self) -> dict[str, str]:
        contact = DepartmentContact.objects.create(
            agency=self.agency, department=self.typed("IT"), email=f"it@{self.agency.code.lower()}.example"
        )
        sent = Delivery.objects.create(day=self.today, address=contact.email, language="ko", contact=contact)
        told = Notice.objects.create(recipient=self.administrator, key="subscription_requested")
        invitation, token = invite(self.typed("Invited"), self.agency, "approver", by=self.administrator)
        rule = make_version(f"draft-{self.agency.code.lower()}", self.agency, self.typed("draft"))
        condition(rule, "seats", "more_than", 10_000)
        return {
            "[department]": str(contact.pk),
            "[delivery]": str(sent.pk),
            "[notice]": str(told.pk),
            "[approver]": str(self.colleague.pk),
            "[approver's role]": str(self.colleague.memberships.get().pk),
            "[invitation]": str(invitation.pk),
            "[token]": token,
            "[draft rule]": rule.policy.code,
        }

    # --- what is made of figures

    def _figures(self) -> dict[str, str]:
        view = SavedView.objects.create(
            owner=self.committee,
            title=self.typed("Shared"),
            page="oversight:explore",
            query=f"agency={self.agency.code}",
            shared_with=self.agency,
        )
        snapshot = freeze(
            self.committee, Question(filters=Filters(agency=self.agency)), self.typed(self.position)
        )
        return {
            "[shared view]": str(view.pk),
            "[snapshot]": str(snapshot.pk),
            "[export]": str(exports.start(self.administrator, "", 1).pk),
            "[made export]": str(made_export(self.administrator).pk),
            "[import]": str(tried_import(self.administrator, self.agency.code).pk),
        }

    def _rounds(self) -> dict[str, str]:
        dates = {"period_from": self.today.replace(month=1, day=1), "period_until": self.today}

        def new(title: str) -> Round:
            titles = {"title_ko": title, "title_en": title}
            fresh = Round(**titles, **dates, due_on=self.today, scope=self.agency, kinds=[])
            return asking.create(fresh, by=self.committee)

        round_ = asking.open_round(new(self.typed("Round")), by=self.committee, on=self.today)
        return {"[round]": str(round_.pk), "[draft round]": str(new(self.typed("Draft")).pk)}


def make_policies(country: Agency) -> None:
    """What asks for an officer, and what is a violation, where the nation's policies do not reach."""
    for code, fact, value, effect in (
        ("xx-personal", "personal_data", True, "approval"),
        ("xx-deepseek", "product", "deepseek", "warn"),
    ):
        version = make_version(code, country, code, status=PolicyVersion.Status.IN_FORCE, effect=effect)
        condition(version, fact, "is", value)


def make_version(code: str, owner: Agency, title: str, **fields: Any) -> PolicyVersion:
    """The first version of a policy, a draft unless the fields say otherwise."""
    rule = Policy.objects.create(code=code, owner=owner)
    known = {"effect": "warn", "effective_from": today(), "title_ko": title, "title_en": title}
    return PolicyVersion.objects.create(policy=rule, scope=owner, **{**known, **fields})


def condition(version: PolicyVersion, fact: str, operator: str, value: Any) -> None:
    known = {"position": 1, "group": 1, "fact": fact, "operator": operator, "values": [value]}
    Condition.objects.create(version=version, **known)


def prices() -> list[PriceLine]:
    return [PriceLine(amount=30_000, vat=PriceLine.Vat.INCLUDED, seats=10)]


def tried_import(owner: User, code: str) -> Upload:
    data = f"agency,tool\n{code},chatgpt\n{code},no-such-tool\n".encode()
    return Upload.objects.create(
        owner=owner,
        kind="subscriptions",
        file_name="f.csv",
        file=jobs.store(data),
        header=["agency", "tool"],
        columns=["agency", "product"],
        step="trial",
        report=run(data, "f.csv", owner, trial=True).as_json(),
    )


def made_export(owner: User) -> ExportJob:
    """One whose file is there."""
    job = ExportJob.objects.create(
        owner=owner,
        rows_total=1,
        rows_done=1,
        state="done",
        file=f"{uuid.uuid4().hex}.xlsx",
        sight=owner.sight().agency_keys,
    )
    exports.path_of(job).write_bytes(b"PK")
    return job


def make_unpublished() -> None:
    report = Report.objects.create(code="unpublished", title_ko="미공개", title_en="Unpublished")
    Source.objects.create(
        code="unpublished", report=report, label_ko="미공개", label_en="Unpublished", published_at=None
    )


# --- for the tests of all addresses, each of which has a register of its own ------------------------------------------


@pytest.fixture
def people(db: None) -> dict[str, Any]:
    register.load(judged=True)
    return make_people()


@pytest.fixture
def world(people: dict[str, Any]) -> dict[str, str]:
    """What stands for the words in brackets: the objects of Jeju."""
    make_unpublished()
    return Place("own", people).objects()


class Reader:
    """A client of one of the people that is signed in once, and begins each request as it was then."""

    def __init__(self, person: User | None) -> None:
        self.client = Client(raise_request_exception=True)
        if person is not None:
            self.client.force_login(person)
        self.cookies = self.client.cookies.output(header="", sep=";")
        self.person = person
        self.unprotected: list[str] = []

    def ask(self, method: str, address: str) -> str:
        """What it gets, and whether its headers are as they must be. A file is read to its end, which closes it."""
        self.client.cookies = SimpleCookie(self.cookies)
        response = getattr(self.client, method)(address)
        if response.streaming:
            b"".join(response)
        found = unprotected(response)
        if self.person is not None and resolve(address.partition("?")[0]).view_name not in NOT_OF_THE_READER:
            found += kept_by_others(response)
        self.unprotected += [f"{method} {address}: {fault}" for fault in found]
        return answer(response)


def client_of(people: dict[str, Any], title: str, **options: Any) -> Client:
    client = Client(**options)
    if title != ANONYMOUS:
        client.force_login(people[title])
    return client


def answer(response: Any) -> str:
    if response.status_code == 302 and response["Location"].startswith(reverse("account_login")):
        return "login"
    return str(response.status_code)


def positions(people: dict[str, User]) -> Iterator[tuple[str, dict[str, str]]]:
    """The objects of every position."""
    for position in POSITIONS:
        yield position, Place(position, people).objects()
