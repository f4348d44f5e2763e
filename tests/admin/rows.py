"""Rows of every model that the admin knows, made in numbers."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from agencies.invitations import Invitation
from agencies.models import (
    Agency,
    Delivery,
    DepartmentContact,
    FormerName,
    Membership,
    Notice,
    NoticePreferences,
    Recheck,
    SavedView,
    User,
)
from agencies.signing_in.places import KnownPlace
from catalog.models import Category, Certification, Product, Vendor
from oversight.models import ExportJob, Return, Round, RoundAgency, RoundClosing, RoundEvent, Snapshot
from policies.models import Condition, Policy, PolicyVersion, Waiver
from policies.verdicts import Effect, Outcome, Verdict
from sources.models import Report, Source, Statement
from subscriptions.facts import refresh
from subscriptions.models import (
    AgencyTotals,
    Approval,
    Attachment,
    Budget,
    Comment,
    DecidedRecord,
    Decision,
    ExchangeRate,
    Facts,
    FactsOrigin,
    FileImport,
    Finding,
    FindingNote,
    HandedOver,
    Handover,
    ImportedRow,
    KnownHeader,
    Payment,
    PaymentSubmission,
    PolicyCheck,
    PriceLine,
    RegisterPricing,
    ReminderPlan,
    RemovedAttachment,
    Renewal,
    Reopening,
    Responsible,
    StruckComment,
    Subscription,
    Upload,
    UserCount,
    WrittenRow,
)
from subscriptions.totals import refresh_totals

DAY = datetime.date(2025, 3, 3)
NOW = datetime.datetime(2025, 3, 3, 3, tzinfo=datetime.UTC)


def agency(code: str, parent: Agency | None = None, **fields: Any) -> Agency:
    found = Agency.objects.filter(code=code).first()
    if found:
        return found
    kind = Agency.Kind.PROVINCE if parent else Agency.Kind.NATION
    names = {
        "name_ko": f"{code} 기관",
        "name_en": f"{code} agency",
        "short_ko": f"{code} 약칭",
        "short_en": code,
    }
    return Agency.objects.create(code=code, parent=parent, **{"kind": kind, **names, **fields})


def nation() -> Agency:
    return agency("KR")


def province(n: int = 0) -> Agency:
    return agency(f"KR-P{n}", nation())


def user(n: int = 0) -> User:
    return User.objects.get_or_create(username=f"person-{n}")[0]


def department(n: int = 0) -> DepartmentContact:
    return DepartmentContact.objects.create(
        agency=province(n), department=f"Department {n}", email=f"d{n}@agency.example"
    )


def category(n: int = 0) -> Category:
    return Category.objects.get_or_create(code=f"cat-{n}", name_ko=f"분류 {n}", name_en=f"Category {n}")[0]


def vendor(n: int = 0, **fields: Any) -> Vendor:
    names = {"name_ko": f"공급사 {n}", "name_en": f"Vendor {n}", "country": "US"}
    return Vendor.objects.get_or_create(code=f"vendor-{n}", defaults={**names, **fields})[0]


def product(n: int = 0) -> Product:
    return Product.objects.get_or_create(
        code=f"tool-{n}",
        defaults={
            "name_ko": f"도구 {n}",
            "name_en": f"Tool {n}",
            "vendor": vendor(n),
            "category": category(n),
            "proposed_by": user(n),
        },
    )[0]


def certification(n: int = 0) -> Certification:
    return Certification.objects.create(
        product=product(n), scheme="isms-p", valid_from=DAY, evidence=f"no. {n}"
    )


def report(n: int = 0) -> Report:
    return Report.objects.get_or_create(code=f"report-{n}", title_ko=f"보고 {n}", title_en=f"Report {n}")[0]


def source(n: int = 0, published: bool = True) -> Source:
    return Source.objects.get_or_create(
        code=f"source-{n}",
        defaults={
            "label_ko": f"출처 {n}",
            "label_en": f"Source {n}",
            "report": report(n),
            "dated": DAY,
            "published_at": NOW if published else None,
        },
    )[0]


def statement(n: int = 0, **fields: Any) -> Statement:
    made = Statement.objects.create(
        source=fields.pop("source", None) or source(n),
        code=f"S{n}",
        **{"measure": "spending", "product": product(n), "value": 68_700_000, "precision": 100_000, **fields},
    )
    made.subject.set([province(n)])
    return made


def policy(n: int = 0, owner: Agency | None = None) -> Policy:
    return Policy.objects.get_or_create(code=f"policy-{n}", defaults={"owner": owner or nation()})[0]


def policy_version(n: int = 0, status: str = "in_force", **fields: Any) -> PolicyVersion:
    """A version that nothing violates, unless `condition` says what does: (fact, operator, values)."""
    rule = fields.pop("policy", None) or policy(n)
    fact, operator, values = fields.pop("condition", ("seats", "more_than", [1_000_000]))
    version = PolicyVersion.objects.create(
        policy=rule,
        number=rule.versions.count() + 1,
        status=status,
        **{
            "title_ko": f"정책 {n}",
            "title_en": f"Policy {n}",
            "scope": rule.owner,
            "effective_from": DAY,
            "effect": Effect.WARN,
            "legal_basis_ko": "근거 조문",
            "legal_basis_en": "Article 1.",
            **fields,
        },
    )
    Condition.objects.create(version=version, fact=fact, operator=operator, values=values)
    return version


def condition(n: int = 0) -> Condition:
    rule = policy(n)
    version = rule.versions.first() or policy_version(n)
    # A code of the catalogue, so that its name has to be looked up.
    code = product(n).code
    return Condition.objects.create(
        version=version, position=n + 2, fact="product", operator="one_of", values=[code]
    )


def waiver(n: int = 0, **fields: Any) -> Waiver:
    return Waiver.objects.create(
        **{
            "policy": policy(n),
            "agency": province(n),
            "product": product(n),
            "reason": "A pilot.",
            "requested_by": user(n),
            "valid_from": DAY,
            "valid_until": DAY + datetime.timedelta(days=30),
            **fields,
        }
    )


def subscription(n: int = 0, of: Agency | None = None, **fields: Any) -> Subscription:
    place = of or province(n)
    made = Subscription.objects.create(
        reference=f"{place.code}-2025-{Subscription.objects.count() + 1:04d}",
        agency=place,
        **{"product": product(n), "status": "active", "started_on": DAY, "recorded_by": user(n), **fields},
    )
    PriceLine.objects.create(subscription=made, seats=10, amount=30_000, vat="included")
    refresh([made.pk], timezone.localdate())
    return made


def price_line(n: int = 0) -> PriceLine:
    return subscription(n).price_lines.get()


def facts(n: int = 0) -> Facts:
    return subscription(n).facts


def user_count(n: int = 0) -> UserCount:
    made = subscription(n)
    return UserCount.objects.create(agency=made.agency, subscription=made, day=DAY, value=1_274)


def payment(n: int = 0) -> Payment:
    return Payment.objects.create(subscription=subscription(n), paid_on=DAY, amount=1_234_567, won=1_234_567)


def exchange_rate(n: int = 0) -> ExchangeRate:
    day = DAY + datetime.timedelta(days=n)
    return ExchangeRate.objects.create(currency="USD", day=day, rate=1_449_500_000, source=source(n))


def finding(n: int = 0) -> Finding:
    return Finding.objects.create(
        policy=policy(n),
        policy_version=policy_version(n),
        subscription=subscription(n),
        verdict=Verdict.VIOLATION,
        unwaived_verdict=Verdict.VIOLATION,
        effect=Effect.WARN,
        deciding_facts={"reasons": []},
        first_seen=NOW,
        last_seen=NOW,
    )


def finding_note(n: int = 0) -> FindingNote:
    return FindingNote.objects.create(finding=finding(n), text="Asked the department.", written_by=user(n))


def agency_totals(n: int = 0) -> AgencyTotals:
    agency = subscription(n).agency
    refresh_totals(agency)
    return AgencyTotals.objects.get(agency=agency)


def decision(n: int = 0) -> Decision:
    return Decision.objects.create(
        subscription=subscription(n),
        act=Decision.Act.RECORD,
        result=Decision.Result.DONE,
        outcome=Outcome.CLEAR,
        decided_by=user(n),
    )


def approval(n: int = 0) -> Approval:
    return Approval.objects.create(
        subscription=subscription(n), policy_version=policy_version(n), approved_by=user(n), reason="Seen."
    )


def reopening(n: int = 0) -> Reopening:
    return Reopening.objects.create(
        subscription=subscription(n), causes=["end"], before={}, opened_by=user(n)
    )


def comment(n: int = 0) -> Comment:
    return Comment.objects.create(subscription=subscription(n), text="Said.", written_by=user(n))


def attachment(n: int = 0) -> Attachment:
    return Attachment.objects.create(
        subscription=subscription(n),
        name=f"{n}.pdf",
        kind="pdf",
        size=1,
        sha256="0" * 64,
        stored_as=f"{n}",
        added_by=user(n),
    )


def handover(n: int = 0) -> Handover:
    return Handover.objects.create(
        agency=province(n), given_by=user(n), taken_by=user(n + 100), decided_by=user(n), reason="Rotation."
    )


def snapshot(n: int = 0) -> Snapshot:
    return Snapshot.objects.create(
        title=f"Snapshot {n}",
        frozen_by=user(n),
        frozen_at=NOW,
        scope=nation(),
        document="{}",
        sha256="0" * 64,
    )


def export_job(n: int = 0) -> ExportJob:
    return ExportJob.objects.create(owner=user(n), rows_total=n)


def file_import(n: int) -> FileImport:
    return FileImport.objects.create(owner=user(n), file_name=f"file-{n}.csv", finished_at=NOW)


def collection_round(n: int = 0) -> Round:
    dates = {"period_from": DAY, "period_until": DAY, "due_on": DAY}
    titles = {"title_ko": f"조사 {n}", "title_en": f"Round {n}"}
    return Round.objects.create(scope=province(n), created_by=user(n), **dates, **titles)


def round_agency(n: int = 0) -> RoundAgency:
    return RoundAgency.objects.create(round=collection_round(n), agency=province(n))


def filed_return(n: int = 0) -> Return:
    row = {"number": 1, "answer": "nil", "document": "{}", "sha256": "0" * 64}
    return Return.objects.create(asked=round_agency(n), filed_by=user(n), filed_at=NOW, **row)


MAKERS: dict[type, Callable[[int], Any]] = {
    Agency: province,
    FormerName: lambda n: FormerName.objects.create(
        agency=province(n), name_ko="옛 이름", name_en="Old name", used_until=DAY
    ),
    User: user,
    Group: lambda n: Group.objects.create(name=f"group {n}"),
    Invitation: lambda n: Invitation.objects.create(
        full_name=f"Somebody {n}",
        agency=province(n),
        role="approver",
        invited_by=user(n),
        valid_until=NOW,
        digest=f"{n:064}",
    ),
    KnownPlace: lambda n: KnownPlace.objects.create(user=user(n), digest=f"{n:064}"),
    Membership: lambda n: Membership.objects.create(user=user(n), agency=province(n), role="administrator"),
    SavedView: lambda n: SavedView.objects.create(
        owner=user(n), title=f"view {n}", page="subscriptions:list", shared_with=province(n)
    ),
    Notice: lambda n: Notice.objects.create(recipient=user(n), key="subscription_requested"),
    DepartmentContact: department,
    NoticePreferences: lambda n: NoticePreferences.objects.create(user=user(n)),
    Delivery: lambda n: Delivery.objects.create(
        day=DAY, address=f"d{n}@agency.example", language="ko", recipient=user(n), contact=department(n)
    ),
    Recheck: lambda n: Recheck.objects.create(about="vendor", code=f"vendor-{n}"),
    Category: category,
    Vendor: vendor,
    Product: product,
    Certification: certification,
    Report: report,
    Source: source,
    Statement: statement,
    Policy: policy,
    PolicyVersion: policy_version,
    Condition: condition,
    Waiver: waiver,
    Subscription: subscription,
    PriceLine: price_line,
    Facts: facts,
    FactsOrigin: lambda n: subscription(n).facts_origin,
    FileImport: file_import,
    ImportedRow: lambda n: ImportedRow.objects.create(
        file_import=file_import(n), subscription=subscription(n), line=2, is_new=True, version=1
    ),
    Upload: lambda n: Upload.objects.create(owner=user(n), kind="subscriptions", file_name=f"file-{n}.csv"),
    KnownHeader: lambda n: KnownHeader.objects.create(
        user=user(n), kind="subscriptions", header="비고", column="purpose"
    ),
    WrittenRow: lambda n: WrittenRow.objects.create(
        file_import=file_import(n), record=n, line=2, is_new=True, history_row=n
    ),
    PolicyCheck: lambda n: PolicyCheck.objects.create(policy=policy(n), checked_at=NOW),
    Renewal: lambda n: Renewal.objects.create(
        subscription=subscription(n), agency=province(n), ends_on=DAY, notice_by=DAY
    ),
    ReminderPlan: lambda n: ReminderPlan.objects.create(subscription=subscription(n), days=[30, 7]),
    UserCount: user_count,
    Payment: payment,
    ExchangeRate: exchange_rate,
    Budget: lambda n: Budget.objects.create(agency=province(n), year=2025, won=1_000),
    PaymentSubmission: lambda n: PaymentSubmission.objects.create(
        submission=uuid.uuid4(), payment=payment(n).pk, by=user(n)
    ),
    RegisterPricing: lambda n: RegisterPricing.objects.create(payment=payment(n)),
    AgencyTotals: agency_totals,
    Finding: finding,
    FindingNote: finding_note,
    Decision: decision,
    Snapshot: snapshot,
    ExportJob: export_job,
    Round: collection_round,
    RoundAgency: round_agency,
    Return: filed_return,
    RoundClosing: lambda n: RoundClosing.objects.create(round=collection_round(n), by=user(n)),
    RoundEvent: lambda n: RoundEvent.objects.create(
        round=collection_round(n), act="created", done_by=user(n), done_at=NOW
    ),
    Approval: approval,
    DecidedRecord: lambda n: DecidedRecord.objects.create(decision=decision(n), content={}),
    Reopening: reopening,
    Responsible: lambda n: Responsible.objects.create(subscription=subscription(n), person=user(n)),
    Comment: comment,
    StruckComment: lambda n: StruckComment.objects.create(comment=comment(n), note="Mistaken."),
    Attachment: attachment,
    RemovedAttachment: lambda n: RemovedAttachment.objects.create(
        attachment=attachment(n), reason="Wrong.", removed_by=user(n)
    ),
    Handover: handover,
    HandedOver: lambda n: HandedOver.objects.create(handover=handover(n), subscription=subscription(n)),
}
