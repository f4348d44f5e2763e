"""Another agency's rows in every table, with a mark in every text: what must not show through to whoever does not see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError, models, transaction
from simple_history.models import HistoricalChanges

from agencies.models import Agency, FormerName, Membership, User
from audit import triggers
from oversight.round_models import RoundAgency
from oversight.rounds import asking, returning
from policies.models import PolicyVersion
from subscriptions import commenting, following_up, handover, paying, recording
from subscriptions.attachments.storing import attach, remove
from subscriptions.importing import payments as imported_payments
from subscriptions.importing.running import run
from subscriptions.models import (
    Budget,
    Finding,
    KnownHeader,
    Payment,
    PriceLine,
    Status,
    Subscription,
    Upload,
    UserCount,
)
from subscriptions.renewals import plans
from tests.access.world import Place, new_agency, prices, user
from tests.audit import behind

MARK = "Zebra"
CODE = "QX-7781"
# An amount, seats, a payment, a budget and people that stand nowhere else.
FIGURES = (123_456_789, 7_654_321, 8_642_097, 7_531_908, 6_420_975)

OF_THE_REGISTER = "made by the register itself, not typed by anybody"
CHOSEN = "chosen from what is there"
SAME_FILE = "the name and content under which the register keeps a file"
WORKED_OUT = "worked out from the records, in codes"
UNPLANTED = {
    "agencies.agency.code": "part of addresses; looked for by itself, see CODE",
    "agencies.agency.path": "made of codes",
    "agencies.user.password": OF_THE_REGISTER,
    "agencies.notice.key": CHOSEN,
    "agencies.notice.url": OF_THE_REGISTER,
    "agencies.notice.once": OF_THE_REGISTER,
    "agencies.noticepreferences.not_by_email": CHOSEN,
    "agencies.savedview.page": CHOSEN,
    "agencies.savedview.query": "read as filters; an agency's code is in it",
    "agencies.knownplace.digest": "a hash that no page shows",
    "agencies.recheck.code": "a queue that no page shows",
    "agencies.invitation.digest": OF_THE_REGISTER,
    "agencies.delivery.message_id": OF_THE_REGISTER,
    "policies.policy.code": "part of addresses; those of drafts are looked for by itself",
    "policies.condition.values": CHOSEN,
    "subscriptions.reopening.causes": WORKED_OUT,
    "subscriptions.reopening.ended_approvals": WORKED_OUT,
    "subscriptions.attachment.kind": CHOSEN,
    "subscriptions.attachment.sha256": SAME_FILE,
    "subscriptions.attachment.stored_as": SAME_FILE,
    "subscriptions.reminderplan.days": CHOSEN,
    "subscriptions.upload.file": SAME_FILE,
    "subscriptions.upload.language": CHOSEN,
    "subscriptions.upload.columns": CHOSEN,
    "subscriptions.knownheader.column": CHOSEN,
    "subscriptions.subscription.reference": "made of the agency's code",
    "subscriptions.priceline.currency": CHOSEN,
    "subscriptions.payment.currency": CHOSEN,
    "subscriptions.finding.deciding_facts": WORKED_OUT,
    "subscriptions.decision.verdicts": WORKED_OUT,
    "subscriptions.exchangerate.currency": "for all to see",
    "oversight.round.kinds": CHOSEN,
    "oversight.return.sha256": OF_THE_REGISTER,
    "oversight.snapshot.question": CHOSEN,
    "oversight.snapshot.sha256": OF_THE_REGISTER,
    "oversight.roundclosing.problem": "the job's own words for a fault, with nothing of the records",
    "oversight.roundclosing.language": CHOSEN,
    "oversight.exportjob.query": "read as filters, for its owner alone",
    "oversight.exportjob.language": CHOSEN,
    "oversight.exportjob.kind": CHOSEN,
    "oversight.exportjob.file": SAME_FILE,
    "oversight.exportjob.sight": "what its owner may see, asked and never shown",
}
# Tables that hold codes of records alone, to count and to filter by.
WORKED_OUT_TABLES = (
    "facts",
    "factsorigin",
    "agencytotals",
    "paidindetail",
    "paidbysubscription",
    "paidchange",
)
# Texts that are found as they are, since something is read from them; a fresh text would break that.
FOUND_IN = ("search", "document", "content", "before", "parameters", "report", "details", "samples", "header")


def texts(model: type[models.Model]) -> list[models.Field]:
    """The fields of a model that hold text which is no choice from a list."""
    kinds = (models.CharField, models.TextField, models.JSONField)
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, kinds) and not field.choices and not field.name.startswith("history_")
    ]


def of_agencies() -> Iterator[type[models.Model]]:
    """Every model that may hold rows of an agency, with their histories: tools and sources are for all to see."""
    ours = {"agencies", "policies", "subscriptions", "oversight"}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label in ours and str(model._meta.model_name) not in WORKED_OUT_TABLES:
            yield model


def label_of(model: type[models.Model], field: models.Field) -> str:
    """`app.model.field`; that of the record for its history."""
    name = str(model._meta.model_name)
    if issubclass(model, HistoricalChanges):
        name = name.removeprefix("historical")
    return f"{model._meta.app_label}.{name}.{field.name}"


class Planted:
    """An office with rows in every table. `unmarked` names the texts in which no row has the mark, and that nothing excuses."""

    def __init__(
        self, people: Mapping[str, User], parent: str, mark: str = MARK, code: str = CODE, more: int = 0
    ) -> None:
        self.figures = [figure + more for figure in FIGURES]
        before = {model: set(model._base_manager.values_list("pk", flat=True)) for model in of_agencies()}
        above = Agency.objects.get(code=parent)
        self.agency = new_agency(code, above, Agency.Kind.OFFICE, called=mark)
        self.mark = mark
        self.place = Place("planted", people, agency=self.agency, mark=mark)
        self.objects = self.place.objects()
        self._more(people["sysadmin"])
        call_command("check_policies", verbosity=0)
        self.unmarked: set[str] = set()
        with behind.triggers_off(*triggers.guarded()):
            for model, there in before.items():
                rows = model._base_manager.exclude(pk__in=there)
                if model._meta.model_name in ("policyversion", "historicalpolicyversion"):
                    rows = rows.filter(
                        status=PolicyVersion.Status.DRAFT
                    )  # what is in force is for all to see
                self._mark(model, rows)

    @property
    def words(self) -> list[str]:
        """What no page may hold for whoever does not see the office."""
        return [self.mark.lower(), *(f"{n:,}" for n in self.figures), *(str(n) for n in self.figures)]

    # --- what the objects of a place are not

    def _more(self, system: User) -> None:
        place, by, today = self.place, self.place.administrator, self.place.today
        amount, seats, won, budget, count = self.figures
        line = PriceLine(amount=amount, vat=PriceLine.Vat.INCLUDED, seats=seats)
        large = recording.declare(
            place.new(product="deepseek", payer=self.agency), [line], by=by
        ).subscription
        paid = Payment(subscription=large, paid_on=today, amount=won, document_number=place.typed("slip"))
        paying.record(paid, by=by, on=today)
        Budget.objects.create(agency=self.agency, year=today.year + 1, won=budget, note=place.typed("book"))
        UserCount.objects.create(agency=self.agency, subscription=large, day=today, value=count)
        plans.set_days(large, [60, 5])
        FormerName.objects.create(
            agency=self.agency, name_ko=place.typed("옛"), name_en=place.typed("old"), used_until=today
        )
        waiting = Subscription.objects.get(reference=self.objects["[waiting]"])
        recording.approve_as_officer(waiting, by=system, reason=place.typed("seen"))
        recording.refuse(waiting, by=place.approver, reason=place.typed("refused"))
        # A change of what is approved waits for approval again.
        approved = Subscription.objects.get(reference=self.objects["[approved]"])
        grown = prices()
        grown[0].seats = 20
        recording.change(approved, grown, by=by, version=approved.version)
        self._said_and_filed(large)
        self._answered(by)
        self._handed_over(system)
        self._imported(by)

    def _said_and_filed(self, subscription: Subscription) -> None:
        place, by = self.place, self.place.administrator
        commenting.strike(
            commenting.comment(subscription, by=by, text=place.typed("wrong")),
            by=by,
            note=place.typed("note"),
        )
        file = SimpleUploadedFile(place.typed("b.pdf"), b"%PDF-1.7 %%EOF")
        remove(attach(subscription, file, by=by, note=place.typed("what")), by=by, reason=place.typed("old"))
        officer = user(place.typed("officer"))
        Membership.objects.create(user=officer, role="policy_officer", agency=self.agency)
        finding = Finding.objects.get(pk=self.objects["[finding]"])
        following_up.comment([finding], by=officer, text=place.typed("asked"))

    def _answered(self, by: User) -> None:
        asked = RoundAgency.objects.get(round=self.objects["[round]"], agency=self.agency)
        returning.confirm(asked, by=by)
        returning.cannot_say(asked, by=by, category="other", reason=self.place.typed("no"))
        round_ = asked.round
        asking.change_due(
            round_,
            by=self.place.committee,
            due_on=round_.due_on.replace(year=round_.due_on.year + 1),
            reason=self.place.typed("later"),
            on=self.place.today,
        )

    def _handed_over(self, system: User) -> None:
        taker = user(self.place.typed("taker"))
        Membership.objects.create(user=taker, role="administrator", agency=self.agency)
        reason = self.place.typed("rotation")
        handover.hand_over(self.place.administrator, taker, self.agency, by=system, reason=reason)

    def _imported(self, by: User) -> None:
        header, name = "agency,tool,contract number,starts,seats,amount,per seat or flat,billed\n", self.mark
        line = f"{self.agency.code},chatgpt,{name} 7,2026-01-01,10,1000,per seat,monthly\n"
        run((header + line).encode(), f"{name}.csv", by, new_as=Status.ACTIVE)
        reference = self.objects["[active]"]
        paid = f"reference,paid on,amount,currency,document number\n{reference},2026-01-05,11,KRW,{name} 9\n"
        imported_payments.run(paid.encode(), f"{name} paid.csv", by)
        KnownHeader.objects.create(user=by, kind="subscriptions", header=f"{name} column", column="purpose")
        data = f"agency,tool,{name}\n{self.agency.code},no-{name},x\n".encode()
        Upload.objects.filter(owner=by).update(
            header=["agency", "tool", name],
            samples=[[self.agency.code, name, "x"]],
            report=run(data, f"{name}.csv", by, trial=True).as_json(),
            detail=f"{name} detail",
        )

    # --- and in whatever text has none yet

    def _mark(self, model: type[models.Model], rows: models.QuerySet) -> None:
        for field in texts(model):
            label = label_of(model, field)
            marked = {f"{field.attname}__icontains": self.mark}
            if label in UNPLANTED:
                continue
            if not isinstance(field, models.JSONField) and field.name not in FOUND_IN:
                for row in rows.exclude(**marked):
                    # Where a constraint wants it empty, it stays so.
                    with suppress(IntegrityError), transaction.atomic():
                        models.QuerySet(model).filter(pk=row.pk).update(
                            **{field.attname: self._text(field, row.pk)}
                        )
            if not any(
                self.mark.lower() in str(value).lower()
                for value in rows.values_list(field.attname, flat=True)
            ):
                self.unmarked.add(label)

    def _text(self, field: models.Field, number: Any) -> str:
        longest = field.max_length or 200
        if isinstance(field, models.EmailField):
            return f"{self.mark}{number}@office.example".lower()[:longest]
        return f"{self.mark}{number} {field.name}"[:longest]
