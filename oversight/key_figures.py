"""The key figures with their coverage, as cards."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext

from figures.formatting import amount_text, gaps_text, known_text, number, total_text
from oversight.spending import Spending, Sum


@dataclass(frozen=True)
class Card:
    """One key figure. `missing`: the value is a word. `known` of `whole` is its coverage, left out where `whole` is 0."""

    label: str
    value: str
    note: str = ""
    missing: bool = False
    known: int = 0
    whole: int = 0
    url: str = ""
    link_text: str = ""
    tone: str = ""


def key_figures(spending: Spending) -> list[Card]:
    """Stated spending and users, recorded subscriptions with their cost, and findings, over the rows shown."""
    return [
        _stated(gettext("Stated spending"), spending.spending, len(spending.rows), money=True),
        _stated(gettext("Stated users"), spending.users, len(spending.rows), money=False),
        _recorded_subscriptions(spending),
        _findings(spending),
    ]


def _stated(label: str, measured: Sum, governments: int, money: bool) -> Card:
    together, by_agency = measured.together, measured.by_agency
    if together and together.left and by_agency.given:
        note = gettext("%(given)s is given by agency, %(left)s is not") % {
            "given": amount_text(by_agency.known, money),
            "left": amount_text(together.left, money),
        }
    else:
        note = gaps_text(measured.total)
    return Card(
        label=label,
        value=known_text(measured.total, money),
        missing=not measured.total.given,
        note=note,
        known=by_agency.given,
        whole=governments,
    )


def _recorded_subscriptions(spending: Spending) -> Card:
    label, recorded = gettext("Recorded subscriptions"), spending.recorded
    if spending.rows and not spending.visible:
        return _not_visible(label, spending)
    return Card(
        label=label,
        value=number(recorded.subscriptions),
        note=gettext("Annual cost: %(cost)s") % {"cost": total_text(recorded.annual_cost)},
        known=spending.visible,
        whole=len(spending.rows),
        url=reverse("subscriptions:list"),
        link_text=gettext("See the subscriptions"),
    )


def _findings(spending: Spending) -> Card:
    label, recorded = gettext("Findings needing attention"), spending.recorded
    if spending.rows and not spending.visible:
        return _not_visible(label, spending)
    return Card(
        label=label,
        value=number(recorded.attention),
        note=gettext("Open, and not excused by a waiver or an approval"),
        url=reverse("subscriptions:findings"),
        link_text=gettext("See the findings"),
        tone="warning" if recorded.attention else "success",
    )


def _not_visible(label: str, spending: Spending) -> Card:
    return Card(
        label, gettext("Not visible to you"), missing=True, known=0, whole=len(spending.rows), tone="neutral"
    )
