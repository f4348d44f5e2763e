"""The records behind a figure of the explorer: which they are, and their columns for files of any length."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from agencies.models import Agency, User
from catalog.models import Product
from figures.naming import named
from figures.standing import Gap, Standing
from oversight.explorer.paid import payments, without_payment
from oversight.explorer.question import Measure, Question
from oversight.explorer.recorded import attention, in_force, live
from policies.models import PolicyVersion
from policies.verdicts import Effect, Verdict
from policies.vocabulary import DataClass
from subscriptions.models import Status

CHUNK = 2000


class Kind(enum.Enum):
    """What the records are. Subscriptions without payments are those that spending paid leaves out."""

    PAYMENTS = "payments"
    SUBSCRIPTIONS = "subscriptions"
    WITHOUT_PAYMENT = "without_payment"
    FINDINGS = "findings"


def kind_of(measure: Measure) -> Kind:
    """The records that a recorded measure is counted from."""
    return {Measure.PAID: Kind.PAYMENTS, Measure.FINDINGS: Kind.FINDINGS}.get(measure, Kind.SUBSCRIPTIONS)


def kind_asked(question: Question, given: Mapping[str, Any]) -> Kind:
    """Of a page's address: `without_payment` asks for what spending paid leaves out."""
    if question.measure in (Measure.PAID, Measure.PER_USER) and "without_payment" in given:
        return Kind.WITHOUT_PAYMENT
    return kind_of(question.measure)


def records(user: User, question: Question, kind: Kind) -> QuerySet:
    """In no order. A measure as of today is of the subscriptions in force, a count of them of all live ones."""
    filters = question.filters
    if kind == Kind.PAYMENTS:
        return payments(user, filters)
    if kind == Kind.WITHOUT_PAYMENT:
        return without_payment(user, filters)
    if kind == Kind.FINDINGS:
        return attention(user, filters)
    if question.measure in (Measure.SUBSCRIPTIONS, Measure.PRODUCTS):
        return live(user, filters)
    return in_force(user, filters)


# Of the agency and the tool of each record.
AGENCY = [("agency_code", _("Agency code")), ("agency", _("Agency"))]
TOOL = [
    ("product_code", _("AI tool code")),
    ("product", _("AI tool")),
    ("vendor", _("Vendor")),
    ("vendor_country", _("Vendor country")),
]
SUBSCRIPTION_COLUMNS = [
    ("reference", _("Reference")),
    *AGENCY,
    *TOOL,
    ("status", _("Status")),
    ("data_class", _("Highest data class")),
    ("starts_on", _("Starts")),
    ("ends_on", _("Ends")),
    ("seats_min", _("Seats, known minimum")),
    ("seats_max", _("Seats, known maximum")),
    ("annual_cost_min", _("Annual cost in won, known minimum")),
    ("annual_cost_max", _("Annual cost in won, known maximum")),
]
COLUMNS: dict[Kind, list[tuple[str, Any]]] = {
    Kind.PAYMENTS: [
        ("reference", _("Reference")),
        *AGENCY,
        *TOOL,
        ("paid_on", _("Paid on")),
        ("won", _("Amount in won")),
        ("won_is", _("Amount in won is")),
        ("amount", _("Amount in the currency's smallest unit")),
        ("currency", _("Currency")),
        ("document_number", _("Document number")),
    ],
    Kind.SUBSCRIPTIONS: SUBSCRIPTION_COLUMNS,
    Kind.WITHOUT_PAYMENT: SUBSCRIPTION_COLUMNS,
    Kind.FINDINGS: [
        ("reference", _("Reference")),
        *AGENCY,
        *TOOL,
        ("policy", _("Policy")),
        ("verdict", _("Verdict")),
        ("effect", _("Effect")),
        ("first_seen", _("Since")),
        ("remedy_due", _("Remedy due")),
    ],
}


MEANINGS: dict[str, Any] = {
    "reference": _("The subscription's reference, which never changes."),
    "agency_code": _("The agency's code, which never changes."),
    "agency": _("The agency that uses the tool, as it is called today."),
    "product_code": _("The tool's code, which never changes."),
    "product": _("The tool as it is called today."),
    "vendor": _("The tool's vendor."),
    "vendor_country": _("The country whose law the vendor is under; empty when it is not known."),
    "paid_on": _("The day of the payment."),
    "won": _("In whole won; a refund is below zero. Empty when no exchange rate is known."),
    "won_is": _("Whether the amount in won is stated, or its exchange rate is missing."),
    "amount": _("As it was paid: whole won, or the smallest unit of another currency, such as cents."),
    "currency": _("Its three letters by ISO 4217."),
    "document_number": _("The number of the payment's document; empty when none is recorded."),
    "status": _("Where the subscription is in its life."),
    "data_class": _("The highest class of data put into the tool."),
    "starts_on": _("The first day; empty when it is not known."),
    "ends_on": _("The last day in force; empty when none is set."),
    "seats_min": _("Seats bought, at least; empty when nothing is known of them."),
    "seats_max": _("Seats bought, at most; empty when nothing bounds them."),
    "annual_cost_min": _("What a year costs at least, in whole won; empty when nothing is known of it."),
    "annual_cost_max": _("What a year costs at most, in whole won; empty when nothing bounds it."),
    "policy": _("The policy that the subscription does not pass."),
    "verdict": _("What the check came to."),
    "effect": _("What the policy does about it."),
    "first_seen": _("The day on which it was first found."),
    "remedy_due": _("The day until which it must be put right; empty when there is none."),
}


def columns(kind: Kind) -> list[tuple[str, str]]:
    """The stable code of each column and its title in the reader's language."""
    return [(code, str(title)) for code, title in COLUMNS[kind]]


def meaning(code: str) -> str:
    """What a column holds, in the reader's language, and when it is empty."""
    return str(MEANINGS[code])


def cells(rows: QuerySet, kind: Kind) -> Iterator[tuple[Any, ...]]:
    """The cells of each record as in `columns`, read in chunks: a million rows take no more memory than two thousand.

    What is not known is None. Names come from tables held in memory, since joining them to each row costs more.
    """
    rows = rows.order_by("-pk")
    if kind == Kind.PAYMENTS:
        return _payments(rows)
    if kind == Kind.FINDINGS:
        return _findings(rows)
    return _subscriptions(rows)


def _payments(rows: QuerySet) -> Iterator[tuple[Any, ...]]:
    agencies, tools = _agencies(), _tools()
    stated, rate_missing = str(Standing.STATED.label), str(Gap.RATE_MISSING.label)
    names = ("reference", "agency_id", "product_id")
    found = rows.values_list(
        *(f"subscription__{name}" for name in names),
        *("paid_on", "won", "amount", "currency", "document_number"),
    )
    for reference, agency, product, day, won, *rest in found.iterator(chunk_size=CHUNK):
        known = rate_missing if won is None else stated
        yield (reference, *agencies[agency], *tools[product], day, won, known, *rest)


def _subscriptions(rows: QuerySet) -> Iterator[tuple[Any, ...]]:
    agencies, tools = _agencies(), _tools()
    statuses = {status.value: str(status.label) for status in Status}
    classes: dict[str | None, str] = {choice.value: str(choice.label) for choice in DataClass}
    unclassed = gettext("Not given")
    ends = (f"facts__{fact}_{end}" for fact in ("seats", "annual_cost") for end in ("min", "max"))
    found = rows.values_list(
        "reference", "agency_id", "product_id", "status", "data_class", "started_on", "ends_on", *ends
    )
    for reference, agency, product, status, data_class, *rest in found.iterator(chunk_size=CHUNK):
        yield (
            reference,
            *agencies[agency],
            *tools[product],
            statuses[status],
            classes.get(data_class, unclassed),
            *rest,
        )


def _findings(rows: QuerySet) -> Iterator[tuple[Any, ...]]:
    agencies, tools = _agencies(), _tools()
    verdicts = {verdict.value: str(verdict.label) for verdict in Verdict}
    effects = {effect.value: str(effect.label) for effect in Effect}
    policies = {version.pk: str(version.title) for version in PolicyVersion.objects.all()}
    names = ("reference", "agency_id", "product_id")
    found = rows.values_list(
        *(f"subscription__{name}" for name in names),
        *("policy_version_id", "verdict", "effect", "first_seen__date", "remedy_due"),
    )
    for reference, agency, product, version, verdict, effect, *rest in found.iterator(chunk_size=CHUNK):
        yield (
            reference,
            *agencies[agency],
            *tools[product],
            policies[version],
            verdicts[verdict],
            effects[effect],
            *rest,
        )


def _agencies() -> dict[int, tuple[str, str]]:
    rows = Agency.objects.order_by().values_list("pk", "code", named("name"))
    return {pk: (code, name) for pk, code, name in rows}


def _tools() -> dict[int, tuple[str, str, str, str | None]]:
    rows = Product.objects.order_by().values_list(
        "pk", "code", named("name"), f"vendor__{named('name')}", "vendor__country"
    )
    return {
        pk: (code, name, vendor, str(countries.name(country)) if country else None)
        for pk, code, name, vendor, country in rows
    }
