"""Anything at all, typed into the record form, then into the record: nothing breaks the site (all others: tests/test_fuzz.py)."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.models import Decision, Subscription
from tests.examples import examples
from tests.pages import form_on
from tests.subscriptions.entering import CHECK, GOOD, NEW

pytestmark = pytest.mark.usefixtures("clock")

ODD = st.sampled_from(
    ["", "\0", "-1", "0", "1", "1e9", "9" * 40, "NaN", "x" * 3000, "0001-01-01", "9999-12-31", "2026-01-01", "true",
     "stated", "KR-49", "KR-11", "chatgpt", "deepseek", "<b>", "%s", "{}", "١", "on", "USD", "one_off", "None"]
)  # fmt: skip
ANYTHING = ODD | st.text(max_size=40).filter(lambda text: text.isprintable()) | st.integers().map(str)
FIELDS = [
    *GOOD,
    "new_product",
    "new_vendor",
    "version",
    "submission",
    "reference",
    "lines-0-id",
    "lines-0-DELETE",
]
FIELDS += ["lines-TOTAL_FORMS", "lines-INITIAL_FORMS", "lines-1-amount", "lines-1-seats"]
FUZZ = examples(12, share=10)


@FUZZ
@given(
    changes=st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=6),
    gone=st.sets(st.sampled_from(FIELDS), max_size=3),
    act=st.sampled_from(["draft", "request", "declare", "change", ""]),
)
def test_no_form_breaks_the_site(checked, client, jeju, changes, gone, act):
    sent = {**GOOD, "lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "0"}
    sent = {name: value for name, value in {**sent, **changes}.items() if name not in gone}
    with transaction.atomic():
        assert client.post(CHECK, sent).status_code in (200, 404)
        response = client.post(NEW, {**sent, "act": act})
        assert response.status_code in (200, 302)
        if response.status_code == 302:
            made = Subscription.objects.get(recorded_by=jeju)
            assert client.get(made.get_absolute_url()).status_code == 200
            edit = f"{made.get_absolute_url()}edit/"
            changed = client.post(edit, {**form_on(client.get(edit)), **changes, "act": "change"})
            assert changed.status_code in (200, 302)
            assert Decision.objects.filter(subscription=made).exists()
        transaction.set_rollback(True)
