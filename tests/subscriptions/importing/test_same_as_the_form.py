"""No row is taken that the record page refuses, and what is taken is what the page would store."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import User
from subscriptions.forms import PriceLineFormSet, SubscriptionForm
from subscriptions.importing.pricing import FIELDS
from subscriptions.importing.running import run
from subscriptions.models import PriceLine, Status, Subscription
from tests.examples import examples
from tests.subscriptions.factories import ProductFactory, agency_at, person

pytestmark = pytest.mark.usefixtures("clock", "in_english")

# What may stand in a cell, as the page takes it too: the file's own ways of writing are tested elsewhere.
DAYS = st.sampled_from(
    ["", "2026-01-31", "2026-02-30", "2025-12-31", "2026-08-01", "0001-01-01", "9999-12-31", "soon"]
)
TEXTS = st.text(st.sampled_from("가a 1'@<\u0301"), max_size=70) | st.sampled_from(
    ["x" * 100, "x" * 101, "x" * 2001]
)
CELLS: dict[str, st.SearchStrategy[str]] = {
    "agency": st.sampled_from(["P1", "P2", "Agency P1", "p1", "P1 기관", "", "KR"]),
    "product": st.sampled_from(["tool-a", "TOOL-A", "Tool tool-a", "twice", "", "no"]),
    "payer": st.sampled_from(["", "P1", "P2"]),
    "plan": TEXTS,
    "purpose": TEXTS,
    "owner_department": TEXTS,
    "contract_number": TEXTS,
    "data_class": st.sampled_from(["", "open", "sensitive", "secret"]),
    "personal_data": st.sampled_from(["", "true", "false"]),
    "auto_renewal": st.sampled_from(["", "true", "false"]),
    "notice_days": st.sampled_from(["", "0", "30", "-1", "32767", "32768", "40000", "x"]),
    "payment_route": st.sampled_from(["", "contract", "cash"]),
    "started_on": DAYS,
    "ends_on": DAYS,
}
PRICES: dict[str, st.SearchStrategy[str]] = {
    "standing": st.sampled_from(["stated", "not_given", "withheld"]),
    "amount": st.sampled_from(
        ["", "0", "10", "12.345", "1,200", "-1", "999999999999999", "1000000000000000", "x"]
    ),
    "currency": st.sampled_from(["KRW", "USD", "XYZ"]),
    "vat": st.sampled_from(["included", "excluded", "not_given"]),
    "basis": st.sampled_from(["per_seat", "flat"]),
    "cycle": st.sampled_from(["monthly", "annual", "weekly"]),
    "seats": st.sampled_from(["", "1", "0", "-5", "10000000", "10000001", "1.5"]),
    "starts_on": DAYS,
    "ends_on": DAYS,
}
HEADERS = {"starts_on": "line_from", "ends_on": "line_until"}


@pytest.fixture
def by(db: None) -> User:
    agency_at("KR/P2")
    ProductFactory(code="tool-a")
    for number in range(2):
        ProductFactory(code=f"twice{number}", name_en="twice")
    return person("administrator", agency_at("KR/P1"))


def page_takes(
    record: dict[str, str], price: dict[str, str], by: User, in_use: bool
) -> tuple[Any, Any] | None:
    """The subscription and its line as the record page would store them; None when it refuses."""
    data = {**record, "lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "0"}
    data.update({f"lines-0-{name}": text for name, text in price.items()})
    form = SubscriptionForm(data, instance=Subscription(), by=by)
    formset: Any = PriceLineFormSet(data, instance=form.instance, prefix="lines")
    valid = form.is_valid()
    valid = formset.is_valid() and valid
    if valid and in_use:
        form.require_start(in_use=True)
    if not valid or form.errors:
        return None
    return form.instance, formset.lines()[0]


@examples(60)
@given(
    record=st.fixed_dictionaries(CELLS),
    price=st.fixed_dictionaries(PRICES),
    plain=st.lists(st.sampled_from([*CELLS, *PRICES]), max_size=22),
    in_use=st.booleans(),
)
def test_file_and_page(
    record: dict[str, str], price: dict[str, str], plain: list[str], in_use: bool, by: User
) -> None:
    good = {
        "agency": "P1",
        "product": "tool-a",
        "started_on": "2026-01-01",
        "standing": "stated",
        "amount": "10",
    }
    for name in plain:  # most cells are good ones, or hardly any row would be
        if name in record:
            record[name] = good.get(name, "")
        if name in price:
            price[name] = {**good, "currency": "KRW", "cycle": "monthly", "seats": "5"}.get(name, price[name])
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([*record, *(HEADERS.get(name, name) for name in price)])
    writer.writerow([*record.values(), *price.values()])
    expected = page_takes(record, price, by, in_use)
    with transaction.atomic():
        report = run(
            buffer.getvalue().encode(), "f.csv", by, new_as=Status.ACTIVE if in_use else Status.DRAFT
        )
        taken = None if report.errors else (Subscription.objects.get(), PriceLine.objects.get())
        transaction.set_rollback(True)
    if taken is None:
        return
    assert expected is not None, "the page refuses it"
    subscription, line = expected
    for name in CELLS:
        assert getattr(taken[0], name) == getattr(subscription, name)
    for name in FIELDS:
        assert getattr(taken[1], name) == getattr(line, name)


def test_a_good_row_is_taken(by: User) -> None:
    """That the property above is not empty."""
    record = {**dict.fromkeys(CELLS, ""), "agency": "P1", "product": "tool-a"}
    price = {
        **dict.fromkeys(PRICES, ""),
        "standing": "stated",
        "amount": "10",
        "currency": "KRW",
        "vat": "included",
    }
    price |= {"basis": "flat", "cycle": "monthly"}
    assert page_takes(record, price, by, in_use=False) is not None
    text = ",".join([*record, *price]) + "\n" + ",".join([*record.values(), *price.values()]) + "\n"
    assert run(text.replace("starts_on", "line_from").encode(), "f.csv", by).problems == []
