"""The closed vocabulary of policies: which facts of a subscription there are, of which type, and which operators fit.

Where each fact comes from is written in `subscriptions.facts`; a test keeps the two equal.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from catalog.models import Category, Certification, Product, Vendor


class DataClass(models.TextChoices):
    """The highest class of data put into a tool, by the National Network Security Framework (N2SF), lowest first."""

    OPEN = "open", _("Open (O)")
    SENSITIVE = "sensitive", _("Sensitive (S)")
    CLASSIFIED = "classified", _("Classified (C)")


class PaymentRoute(models.TextChoices):
    """How the money reaches the vendor."""

    CONTRACT = "contract", _("Contract")
    DIGITAL_SERVICE_MALL = "digital_service_mall", _("Digital service mall of the procurement service")
    OFFICIAL_CARD = "official_card", _("Official card")
    RESELLER = "reseller", _("Through a reseller")
    REIMBURSED = "reimbursed", _("Paid by an employee and reimbursed")


class Type(enum.Enum):
    """How a fact is kept, and so what may be asked of it.

    CODE, CHOICE and RANKED are one nullable column `<fact>`; RANKED values have an order. YES_NO is one nullable boolean.
    SET is a text column `<fact>` with its codes between bars (`|us|kr|`) and a boolean `<fact>_known` that says whether the
    list is complete. RANGE is `<fact>_min` and `<fact>_max`, whole numbers; a null minimum means that nothing is known, a
    null maximum that nothing bounds it above.
    """

    CODE = "code"
    CHOICE = "choice"
    RANKED = "ranked"
    YES_NO = "yes_no"
    SET = "set"
    RANGE = "range"


class Operator(models.TextChoices):
    IS = "is", _("is")
    IS_NOT = "is_not", _("is not")
    ONE_OF = "one_of", _("is one of")
    NONE_OF = "none_of", _("is none of")
    AT_MOST = "at_most", _("is at most")
    LESS_THAN = "less_than", _("is less than")
    AT_LEAST = "at_least", _("is at least")
    MORE_THAN = "more_than", _("is more than")
    WITHIN = "within", _("is within")
    IS_UNKNOWN = "is_unknown", _("is unknown")


_EQUALITY = (Operator.IS, Operator.IS_NOT, Operator.ONE_OF, Operator.NONE_OF, Operator.IS_UNKNOWN)
_ORDER = (Operator.AT_MOST, Operator.LESS_THAN, Operator.AT_LEAST, Operator.MORE_THAN)
OPERATORS: dict[Type, tuple[Operator, ...]] = {
    Type.CODE: _EQUALITY,
    Type.CHOICE: _EQUALITY,
    Type.RANKED: (*_EQUALITY, *_ORDER),
    Type.YES_NO: (Operator.IS, Operator.IS_UNKNOWN),
    Type.SET: (Operator.ONE_OF, Operator.NONE_OF, Operator.IS_UNKNOWN),
    Type.RANGE: (Operator.IS, Operator.IS_NOT, *_ORDER, Operator.WITHIN, Operator.IS_UNKNOWN),
}


# Named here because a fact has a `type` of its own.
FixedCodes = type[models.TextChoices]
Registry = type[models.Model]


@dataclass(frozen=True)
class Fact:
    """One fact. `choices` are its codes when they are fixed; `registry` is the model whose codes it takes otherwise.

    `unit` of a range is "won", "seats", "months" or "tools". `field` names the form field that supplies the fact, so that a
    message about a missing one can lead there ("product" for facts of the tool). `of_agency` marks the totals of the agency with
    all below it, which are kept once for the agency and not with each subscription.
    """

    name: str
    type: Type
    label: object
    field: str
    choices: FixedCodes | None = None
    registry: Registry | None = None
    unit: str = ""
    of_agency: bool = False

    @property
    def operators(self) -> tuple[Operator, ...]:
        return OPERATORS[self.type]

    @property
    def columns(self) -> tuple[str, ...]:
        """The flat columns that keep the fact."""
        if self.type is Type.RANGE:
            return (f"{self.name}_min", f"{self.name}_max")
        if self.type is Type.SET:
            return (self.name, f"{self.name}_known")
        return (self.name,)


COUNTRY = "country"  # codes of ISO 3166-1, of which django-countries keeps the names

FACTS: dict[str, Fact] = {
    fact.name: fact
    for fact in (
        Fact("product", Type.CODE, _("AI tool"), "product", registry=Product),
        Fact("vendor", Type.CODE, _("vendor"), "product", registry=Vendor),
        Fact("category", Type.CODE, _("category"), "product", registry=Category),
        Fact("vendor_country", Type.CODE, _("vendor country"), "product", unit=COUNTRY),
        Fact("engine_product", Type.SET, _("models inside"), "product", registry=Product),
        Fact("engine_vendor", Type.SET, _("vendor of the models inside"), "product", registry=Vendor),
        Fact("engine_country", Type.SET, _("country of the models inside"), "product", unit=COUNTRY),
        Fact("processing_region", Type.SET, _("processing region"), "product", unit=COUNTRY),
        Fact("trains_on_inputs", Type.YES_NO, _("training on inputs"), "product"),
        Fact("certification", Type.SET, _("certification in force"), "product", choices=Certification.Scheme),
        Fact("product_reviewed", Type.YES_NO, _("review of the tool"), "product"),
        Fact("data_class", Type.RANKED, _("highest data class"), "data_class", choices=DataClass),
        Fact("personal_data", Type.YES_NO, _("personal data"), "personal_data"),
        Fact("seats", Type.RANGE, _("seats"), "prices", unit="seats"),
        Fact("seat_price", Type.RANGE, _("price per seat and month"), "prices", unit="won"),
        Fact("monthly_cost", Type.RANGE, _("monthly cost"), "prices", unit="won"),
        Fact("annual_cost", Type.RANGE, _("annual cost"), "prices", unit="won"),
        Fact("term", Type.RANGE, _("term"), "ends_on", unit="months"),
        Fact("auto_renewal", Type.YES_NO, _("automatic renewal"), "auto_renewal"),
        Fact("payment_route", Type.CHOICE, _("payment route"), "payment_route", choices=PaymentRoute),
        Fact("owner_named", Type.YES_NO, _("owner department named"), "owner_department"),
        Fact(
            "agency_annual_cost",
            Type.RANGE,
            _("annual cost of the agency with all below"),
            "prices",
            unit="won",
            of_agency=True,
        ),
        Fact(
            "agency_products",
            Type.RANGE,
            _("AI tools of the agency with all below"),
            "product",
            unit="tools",
            of_agency=True,
        ),
        Fact("agency_kind", Type.CHOICE, _("kind of agency"), "agency", choices=Agency.Kind),
    )
}
