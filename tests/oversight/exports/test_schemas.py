"""The JSON documents are what docs/exports.md says of them: real ones against the published schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator, ValidationError

from agencies.models import Agency, Role, User
from oversight.explorer.question import Dimension, Filters, Measure, Question
from oversight.explorer.records import COLUMNS, MEANINGS
from oversight.snapshots.freezing import freeze
from subscriptions.models import Payment, Subscription
from tests.oversight.explorer.reference import Record, build
from tests.register import load
from tests.subscriptions.factories import agency_at, days, person

DOCS = Path(__file__).resolve().parents[3] / "docs"
D = Dimension


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((DOCS / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.fixture
def nation(db: None) -> User:
    """The report's register, with payments and unknowns of every kind."""
    load(judged=True)
    for number, subscription in enumerate(Subscription.objects.order_by("pk")[:5]):
        Payment.objects.create(subscription=subscription, paid_on=days(-number), amount=-5, won=-5)
        Payment.objects.create(subscription=subscription, paid_on=days(-40), amount=5, currency="USD")
    return person(Role.COMMITTEE_MEMBER, Agency.objects.get(code="KR"))


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize(
    "query", ["", "?measure=paid&without_payment=on", "?measure=annual_cost", "?measure=findings"]
)
def test_records(nation: User, client: Client, query: str, language: str) -> None:
    client.force_login(nation)
    client.cookies["django_language"] = language
    response: Any = client.get(f"/spending/explore/records/{query}{'&' if query else '?'}_export=json")
    document = json.loads(b"".join(response.streaming_content))
    assert len(document["rows"]) > 5
    check = validator("records")
    check.validate(document)
    # The schema is not one that everything fits.
    for spoilt in (
        {**document, "records": "other"},
        {**document, "rows": [{**document["rows"][0], "more": 1}]},
        {**document, "rows": [{**document["rows"][0], "reference": None}]},
        {key: value for key, value in document.items() if key != "columns"},
    ):
        with pytest.raises(ValidationError):
            check.validate(spoilt)


@pytest.mark.parametrize("measure", list(Measure))
def test_snapshots(nation: User, measure: Measure) -> None:
    check = validator("snapshot")
    second = D.KIND if measure.is_stated else D.COUNTRY
    for by in ((D.PLACE,), (D.PLACE, second)):
        document = json.loads(freeze(nation, Question(measure, by), "Frozen").document)
        assert document["rows"]
        check.validate(document)
    figure = document["rows"][0]["figure"]
    for spoilt in (
        {**document, "schema": "govtrack-snapshot-2"},
        {**document, "total": {**figure, "value": 0.5}},
        {**document, "total": {**figure, "value": None, "standing": "stated"}},
        {**document, "more": 1},
    ):
        with pytest.raises(ValidationError):
            check.validate(spoilt)


def test_a_snapshot_of_only_unknowns(db: None) -> None:
    build([Record(1, "chat", cost=(None, None)), Record(4, "code", cost=(7, None))])
    user = person(Role.COMMITTEE_MEMBER, agency_at("KR"))
    question = Question(Measure.ANNUAL_COST, (D.AGENCY,), Filters(agency=Agency.objects.get(code="P1")))
    document = json.loads(freeze(user, question, "Frozen").document)
    validator("snapshot").validate(document)
    assert (document["scope"], document["total"]["value"], document["total"]["standing"]) == (
        "P1",
        None,
        "not_given",
    )


def test_every_column_has_a_meaning() -> None:
    assert {code for columns in COLUMNS.values() for code, _title in columns} == set(MEANINGS)
