"""The key figures with their coverage, as cards."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext

from figures.figure import Total
from figures.formatting import amount_text, gaps_text, known_text, number, total_text
from oversight.recorded import Recorded
from oversight.spending import Spending, Sum
from oversight.use import Use


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


def spending_cards(spending: Spending) -> list[Card]:
    """Stated spending and users, recorded subscriptions with their cost, and findings, over the rows shown."""
    governments = len(spending.rows)
    recorded = spending.recorded if spending.visible else None
    return [
        stated_card(gettext("Stated spending"), spending.spending, money=True),
        stated_card(gettext("Stated users"), spending.users, money=False),
        subscriptions_card(recorded, spending.visible, governments),
        findings_card(recorded),
    ]


def home_cards(spent: Sum, used: Sum, recorded: Recorded | None) -> list[Card]:
    """What is stated of all governments, and what is recorded where the reader sees it."""
    return [
        stated_card(gettext("Stated spending"), spent, money=True, url=reverse("oversight:spending")),
        stated_card(gettext("Stated users"), used, money=False, url=reverse("oversight:spending")),
        subscriptions_card(recorded),
        findings_card(recorded),
    ]


def stated_card(label: str, measured: Sum, money: bool, url: str = "") -> Card:
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
        whole=len(measured.figures),
        url=url,
        link_text=gettext("See it by agency") if url else "",
    )


def subscriptions_card(recorded: Recorded | None, known: int = 0, whole: int = 0) -> Card:
    label = gettext("Recorded subscriptions")
    if recorded is None:
        return _not_visible(label)
    return Card(
        label=label,
        value=number(recorded.subscriptions),
        note=gettext("Annual cost: %(cost)s") % {"cost": total_text(recorded.annual_cost)},
        known=known,
        whole=whole,
        url=reverse("subscriptions:list"),
        link_text=gettext("See the subscriptions"),
    )


def findings_card(recorded: Recorded | None) -> Card:
    label = gettext("Findings needing attention")
    if recorded is None:
        return _not_visible(label)
    note = gettext("%(count)s of them undetermined, since a fact is missing") % {
        "count": number(recorded.undetermined)
    }
    return Card(
        label=label,
        value=number(recorded.attention),
        note=note if recorded.undetermined else gettext("Open, and not excused by a waiver or an approval"),
        url=reverse("subscriptions:findings"),
        link_text=gettext("See the findings"),
        tone="warning" if recorded.attention else "success",
    )


def use_cards(use: Use | None, query: str = "") -> list[Card]:
    """What is recorded of some tools; `query` narrows the list of subscriptions to them. None: it is not visible."""
    labels = gettext("Recorded subscriptions"), gettext("Seats"), gettext("Annual cost")
    if use is None:
        return [*map(_not_visible, labels), findings_card(None)]
    listed = reverse("subscriptions:list") + query if query else ""
    requested = gettext("%(count)s of them requested") % {"count": number(use.requested)}
    in_force = gettext("Of the %(count)s in force") % {"count": number(use.in_force)}

    def sum_card(label: str, total: Total, known: int, money: bool) -> Card:
        parts = (in_force, gaps_text(total)) if use.in_force else ()
        return Card(
            label=label,
            value=known_text(total, money),
            missing=not total.given,
            note="; ".join(part for part in parts if part),
            known=known,
            whole=use.in_force,
        )

    findings = findings_card(
        Recorded(use.live, use.requested, use.annual_cost, use.attention, use.undetermined)
    )
    return [
        Card(
            label=labels[0],
            value=number(use.live),
            note=requested if use.requested else "",
            url=listed,
            link_text=gettext("See the subscriptions") if listed else "",
        ),
        sum_card(labels[1], use.seats, use.seats_known, money=False),
        sum_card(labels[2], use.annual_cost, use.cost_known, money=True),
        replace(findings, url="", link_text=""),
    ]


def _not_visible(label: str) -> Card:
    return Card(label, gettext("Not visible to you"), missing=True, tone="neutral")
