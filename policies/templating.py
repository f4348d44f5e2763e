"""Templates of policies: each asks for a few values and makes the conditions from them, to be completed in the editor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from figures.entry import FigureField
from policies.explaining import Names, listed, value_text
from policies.models import Condition
from policies.picking import CodesField
from policies.verdicts import Effect
from policies.vocabulary import FACTS, DataClass, Operator

Made = list[tuple[int, str, Operator, list[Any]]]


class Asking(forms.Form):
    """What a template asks. Sent by GET, so that the filled template has an address."""

    use_required_attribute = False


def amount(label: Any, help_text: Any = "") -> FigureField:
    return FigureField(
        label=label, smallest=1, help_text=help_text, error_messages={"required": _("Type a number.")}
    )


def inside() -> forms.BooleanField:
    return forms.BooleanField(
        label=_("Also when their models run inside another tool"),
        required=False,
        initial=True,
        help_text=_("A tool of one vendor may run the models of another."),
    )


class Tools(Asking):
    products = CodesField(FACTS["product"], label=_("AI tools to block"))
    inside = inside()


class Vendors(Asking):
    vendors = CodesField(FACTS["vendor"], label=_("Vendors to block"))
    inside = inside()


class Countries(Asking):
    countries = CodesField(FACTS["vendor_country"], label=_("Vendor countries to block"))
    inside = forms.BooleanField(
        label=_("Also when models from there run inside another tool"), required=False, initial=True
    )


class AnnualCost(Asking):
    won = amount(_("Highest annual cost of one subscription, in won"), _("VAT included. Example: 50,000,000"))


class SeatPrice(Asking):
    won = amount(_("Highest price per seat and month, in won"), _("VAT included. Example: 40,000"))


class AgencyCost(Asking):
    won = amount(
        _("Highest annual cost of all AI subscriptions of an agency, in won"),
        _("The agency with all agencies below it, VAT included. Example: 300,000,000"),
    )


class Seats(Asking):
    seats = amount(_("Highest number of seats of one subscription"), _("Example: 100"))


class HighestData(Asking):
    highest = forms.ChoiceField(
        label=_("Highest class of data that may be put into the tool"),
        choices=DataClass.choices[:-1],
        widget=forms.RadioSelect,
        help_text=_("Classes of the National Network Security Framework (N2SF)."),
        error_messages={"required": _("Choose a value.")},
    )


class Certified(Asking):
    schemes = CodesField(FACTS["certification"], label=_("One of these certifications must be in force"))
    for_data = forms.ChoiceField(
        label=_("For which data"),
        required=False,
        choices=[
            ("", _("All data")),
            *[(code, label) for code, label in DataClass.choices[1:]],
            ("personal", _("Personal data")),
        ],
        help_text=_("A class stands for itself and every higher one."),
    )


class Term(Asking):
    months = FigureField(
        label=_("Longest term in months"), smallest=1, required=False, help_text=_("Empty: no limit.")
    )
    no_renewal = forms.BooleanField(label=_("No automatic renewal"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("months") and not cleaned.get("no_renewal"):
            raise ValidationError(_("Limit the term, forbid automatic renewal, or both."))
        return cleaned


class Owner(Asking):
    seats = FigureField(
        label=_("From how many seats"),
        smallest=1,
        required=False,
        help_text=_("Empty: for every subscription."),
    )


@dataclass(frozen=True)
class Template:
    """`makes(values)` gives the conditions as (group, fact, operator, values); `title(values)` a title in the language asked."""

    code: str
    name: Any
    lead: Any
    form: type[Asking]
    makes: Callable[[Mapping[str, Any]], Made]
    title: Callable[[Mapping[str, Any]], str]
    effect: Effect = Effect.BLOCK

    def conditions(self, values: Mapping[str, Any]) -> list[Condition]:
        return [
            Condition(group=group, fact=fact, operator=operator, values=given)
            for group, fact, operator, given in self.makes(values)
        ]

    def prefilled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the editor starts with besides the conditions."""
        filled: dict[str, Any] = {"effect": self.effect.value}
        for language in ("ko", "en"):
            with override(language):
                filled[f"title_{language}"] = self.title(values)[:200]
        return filled


def _named(fact: str, values: list[Any]) -> str:
    names = Names().want([Condition(fact=fact, operator=Operator.ONE_OF, values=values)])
    return listed([value_text(FACTS[fact], value, names) for value in values])


def _blocked(fact: str, engine: str, codes: list[str], with_inside: bool) -> Made:
    made: Made = [(1, fact, Operator.ONE_OF, codes)]
    if with_inside:
        made.append((1, engine, Operator.ONE_OF, codes))
    return made


def _certified(values: Mapping[str, Any]) -> Made:
    needed = ("certification", Operator.NONE_OF, values["schemes"])
    if values["for_data"] == "personal":
        return [(1, "personal_data", Operator.IS, [True]), (2, *needed)]
    if values["for_data"]:
        return [(1, "data_class", Operator.AT_LEAST, [values["for_data"]]), (2, *needed)]
    return [(1, *needed)]


def _term(values: Mapping[str, Any]) -> Made:
    made: Made = []
    if values["months"]:
        made.append((1, "term", Operator.MORE_THAN, [values["months"]]))
    if values["no_renewal"]:
        made.append((1, "auto_renewal", Operator.IS, [True]))
    return made


def _owner(values: Mapping[str, Any]) -> Made:
    made: Made = [(1, "owner_named", Operator.IS, [False])]
    if values["seats"]:
        made.append((2, "seats", Operator.AT_LEAST, [values["seats"]]))
    return made


def _capped(fact: str, key: str) -> Callable[[Mapping[str, Any]], Made]:
    return lambda values: [(1, fact, Operator.MORE_THAN, [values[key]])]


def _cap(fact: str, value: Any) -> str:
    return value_text(FACTS[fact], value, Names())


TEMPLATES: dict[str, Template] = {
    template.code: template
    for template in (
        Template(
            "block-tools",
            _("Block AI tools"),
            _("Named tools are not used, nor tools that run their models."),
            Tools,
            lambda v: _blocked("product", "engine_product", v["products"], v["inside"]),
            lambda v: (
                gettext("AI tools not to be used: %(names)s") % {"names": _named("product", v["products"])}
            ),
        ),
        Template(
            "block-vendors",
            _("Block vendors"),
            _("No tool of named vendors is used, nor tools that run their models."),
            Vendors,
            lambda v: _blocked("vendor", "engine_vendor", v["vendors"], v["inside"]),
            lambda v: (
                gettext("Vendors not to be used: %(names)s") % {"names": _named("vendor", v["vendors"])}
            ),
        ),
        Template(
            "block-countries",
            _("Block vendor countries"),
            _("No tool of a vendor in named countries is used, nor tools that run models from there."),
            Countries,
            lambda v: _blocked("vendor_country", "engine_country", v["countries"], v["inside"]),
            lambda v: (
                gettext("Vendor countries not to be used: %(names)s")
                % {"names": _named("vendor_country", v["countries"])}
            ),
        ),
        Template(
            "cap-annual-cost",
            _("Cap the annual cost of a subscription"),
            _("A subscription above a yearly amount is stopped or needs an officer's approval."),
            AnnualCost,
            _capped("annual_cost", "won"),
            lambda v: (
                gettext("Annual cost of a subscription up to %(cap)s")
                % {"cap": _cap("annual_cost", v["won"])}
            ),
            Effect.APPROVAL,
        ),
        Template(
            "cap-seat-price",
            _("Cap the price per seat and month"),
            _("What one seat may cost a month."),
            SeatPrice,
            _capped("seat_price", "won"),
            lambda v: (
                gettext("Price per seat and month up to %(cap)s") % {"cap": _cap("seat_price", v["won"])}
            ),
            Effect.APPROVAL,
        ),
        Template(
            "cap-agency-cost",
            _("Cap the total of an agency"),
            _("What an agency with all agencies below it may spend on AI subscriptions a year."),
            AgencyCost,
            _capped("agency_annual_cost", "won"),
            lambda v: (
                gettext("Annual cost of an agency's AI subscriptions up to %(cap)s")
                % {"cap": _cap("agency_annual_cost", v["won"])}
            ),
            Effect.APPROVAL,
        ),
        Template(
            "cap-seats",
            _("Cap the seats"),
            _("How many seats one subscription may have."),
            Seats,
            _capped("seats", "seats"),
            lambda v: gettext("Up to %(cap)s seats in a subscription") % {"cap": _cap("seats", v["seats"])},
            Effect.APPROVAL,
        ),
        Template(
            "limit-data-class",
            _("Limit the data put into tools"),
            _("The highest class of data that may be put into a tool."),
            HighestData,
            _capped("data_class", "highest"),
            lambda v: (
                gettext("Data put into AI tools up to class %(cap)s")
                % {"cap": _cap("data_class", v["highest"])}
            ),
        ),
        Template(
            "require-certification",
            _("Require a certification in force"),
            _("A tool needs a valid security certification, for all data or from a class on."),
            Certified,
            _certified,
            lambda v: (
                gettext("Certification required: %(names)s")
                % {"names": _named("certification", v["schemes"])}
            ),
        ),
        Template(
            "limit-term",
            _("Limit term or automatic renewal"),
            _("How long a subscription may run, and whether it may renew itself."),
            Term,
            _term,
            lambda v: gettext("Term and renewal of AI subscriptions"),
            Effect.WARN,
        ),
        Template(
            "require-owner",
            _("Require a named owner"),
            _("Each subscription names the department that answers for it."),
            Owner,
            _owner,
            lambda v: gettext("Every AI subscription names its owner department"),
            Effect.WARN,
        ),
    )
}
