"""The page of plan against actual, and the same as a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from agencies.models import Agency
from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.formatting import total_text, won_exact
from oversight.plan import MONTHS, Plan, Row, difference, file_rows, plan_of
from subscriptions.budget_views import YearForm
from subscriptions.budgets import total_committed
from subscriptions.listing import FILES, file_of

BY = [
    ("quarter", gettext_lazy("By quarter")),
    ("month", gettext_lazy("By month")),
    ("year", gettext_lazy("The whole year")),
]


class PlanForm(YearForm):
    by = forms.ChoiceField(label=gettext_lazy("Parts of the year"), choices=BY, required=False)
    field_order = ["year", "by", "agency"]

    @staticmethod
    def usual() -> dict[str, str]:
        return {**YearForm.usual(), "by": "quarter"}


@require_GET
def plan(request: SignedInRequest) -> HttpResponseBase:
    """`?year=`, `by=` quarter, month or year, and `agency=`; `_export=csv` or `xlsx` for the same as a file."""
    form = PlanForm(request.GET, by=request.user)
    kind = request.GET.get("_export")
    if kind is not None and (kind not in FILES or not form.is_valid()):
        return render(request, "oversight/export_refused.html", {"form": form}, status=400)
    if not form.is_valid():
        return render(request, "oversight/plan.html", {"form": form})
    agency: Agency | None = form.cleaned_data.get("agency")
    by = form.cleaned_data.get("by") or "quarter"
    assert by in MONTHS
    as_of = timezone.now()
    found = plan_of(request.user, agency, form.chosen_year, by, timezone.localdate(as_of))
    if kind:
        exported(request, len(found.rows), kind)
        return file_of(file_rows(found), "plan", kind, _("Plan against actual"))
    context = {
        "form": form,
        "plan": found,
        "places": [_place(row, found) for row in found.rows],
        "total": _place(found.total, found),
        "parts": _parts(found),
        "chart": _chart(found),
        "as_of": as_of,
    }
    return render(request, "oversight/plan.html", context)


def _place(row: Row, found: Plan) -> dict[str, Any]:
    """A row of the table by agency, as text."""
    left = row.difference
    return {
        "agency": row.agency,
        "alone": row.alone,
        "further": row.further and not row.alone,
        "budget": won_exact(row.budget) if row.budgets else _("Not given"),
        "budgets": row.budgets,
        "committed": total_text(row.committed_in_all),
        "paid": total_text(row.paid_in_all),
        "difference": _("Not known in full") if left is None else won_exact(left),
        "year": found.year,
    }


def _parts(found: Plan) -> list[dict[str, str]]:
    """The rows of the table by part of the year."""
    parts = []
    for title, committed, paid in zip(found.titles, found.total.committed, found.total.paid, strict=True):
        total, spent = total_committed(committed), paid.total()
        left = difference(total, spent)
        parts.append(
            {
                "title": title,
                "committed": total_text(total),
                "paid": total_text(spent),
                "difference": _("Not known in full") if left is None else won_exact(left),
            }
        )
    return parts


def _chart(found: Plan) -> dict[str, Any]:
    """Committed beside paid in each part, what was refunded beyond what was paid below zero; known only at least: hatched."""
    committed = [total_committed(part) for part in found.total.committed]
    paid = [part.total() for part in found.total.paid]

    def series(label: str, totals: list[Any]) -> dict[str, Any]:
        return {
            "label": label,
            "data": [int(total.known.value or 0) if total.given else None for total in totals],
            "unknown": [False if total.given else total_text(total) for total in totals],
            "open": [bool(total.given) and not total.is_complete for total in totals],
        }

    return {
        "labels": found.titles,
        "unit": "won",
        "datasets": [series(_("Committed"), committed), series(_("Paid"), paid)],
    }
