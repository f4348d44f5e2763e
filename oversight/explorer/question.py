"""What a reader asks of the explorer: a measure, grouped by one or two dimensions, of what the filters keep."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, fields, replace
from urllib.parse import urlencode

from django.db import models
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from catalog.models import Category, Product, Vendor
from sources.models import Source

# The value of a filter, and the key of a group, of what has no value: a product without category, a vendor without country.
NONE = "none"


class Measure(models.TextChoices):
    """What is counted. `money`: whole won. `adds_up`: the sum over groups is the figure of all."""

    PAID = "paid", _("Spending paid")
    STATED = "stated", _("Spending stated")
    ANNUAL_COST = "annual_cost", _("Committed annual cost")
    USERS = "users", _("Users")
    STATED_USERS = "stated_users", _("Users stated")
    SEATS = "seats", _("Seats")
    PER_USER = "per_user", _("Spending paid per user")
    STATED_PER_USER = "stated_per_user", _("Spending stated per user")
    SUBSCRIPTIONS = "subscriptions", _("Subscriptions")
    PRODUCTS = "products", _("AI tools")
    FINDINGS = "findings", _("Findings needing attention")

    @property
    def money(self) -> bool:
        return self in (
            Measure.PAID,
            Measure.STATED,
            Measure.ANNUAL_COST,
            Measure.PER_USER,
            Measure.STATED_PER_USER,
        )

    @property
    def is_stated(self) -> bool:
        """Whether it comes from the statements of sources, which every reader may see."""
        return self in (Measure.STATED, Measure.STATED_USERS, Measure.STATED_PER_USER)

    @property
    def adds_up(self) -> bool:
        return self in (
            Measure.PAID,
            Measure.ANNUAL_COST,
            Measure.SEATS,
            Measure.SUBSCRIPTIONS,
            Measure.FINDINGS,
        )


class Dimension(models.TextChoices):
    """What rows are grouped by. PLACE rolls each agency up to the level below the agency chosen."""

    PLACE = "place", _("Government, or agency one level down")
    AGENCY = "agency", _("Each agency by itself")
    KIND = "kind", _("Kind of government")
    PRODUCT = "product", _("AI tool")
    CATEGORY = "category", _("Category")
    VENDOR = "vendor", _("Vendor")
    COUNTRY = "country", _("Vendor country")
    DATA_CLASS = "data_class", _("Highest data class")
    MONTH = "month", _("Month")
    QUARTER = "quarter", _("Quarter")
    YEAR = "year", _("Year")

    @property
    def is_time(self) -> bool:
        return self in TIMES


TIMES = (Dimension.MONTH, Dimension.QUARTER, Dimension.YEAR)
# What a source's statements on spending and users can be grouped by.
STATED_BY = (Dimension.PLACE, Dimension.AGENCY, Dimension.KIND)


@dataclass(frozen=True)
class Filters:
    """What narrows the rows; the empty value of each leaves everybody in.

    `agency`: that agency with all below it, or with `alone` only itself. `category`, `country` and `data_class` may be
    `NONE`. `first` and `last`: the period, both days included. `standing`: of the amounts, the stated ones or those of
    price lines. `text`: words that the subscription's text holds.
    """

    agency: Agency | None = None
    alone: bool = False
    kind: str = ""
    product: Product | None = None
    category: Category | str | None = None
    vendor: Vendor | None = None
    country: str = ""
    data_class: str = ""
    status: str = ""
    provenance: str = ""
    standing: str = ""
    text: str = ""
    first: datetime.date | None = None
    last: datetime.date | None = None

    def set(self) -> set[str]:
        """The names of the filters that narrow something."""
        return {f.name for f in fields(self) if getattr(self, f.name) not in (None, "", False)}


@dataclass(frozen=True)
class Question:
    """`by`: one or two dimensions. `source`: the one preferred for what is stated; None stands for the default."""

    measure: Measure = Measure.PAID
    by: tuple[Dimension, ...] = (Dimension.PLACE,)
    filters: Filters = field(default_factory=Filters)
    source: Source | None = None

    def parameters(self) -> dict[str, str]:
        """The question as the explorer's form reads it from an address; only what differs from the default."""
        given = {
            "measure": self.measure.value if self.measure != Measure.PAID else "",
            "by": self.by[0].value if self.by[:1] != (Dimension.PLACE,) else "",
            "then": self.by[1].value if len(self.by) > 1 else "",
            "source": self.source.code if self.source else "",
            **{name: _written(getattr(self.filters, name)) for name in sorted(self.filters.set())},
        }
        return {name: value for name, value in given.items() if value}

    def query_string(self) -> str:
        return urlencode(self.parameters())

    def within(self, **filters: object) -> Question:
        """The same question with these filters set instead."""
        return replace(self, filters=replace(self.filters, **filters))  # type: ignore[arg-type]


def _written(value: object) -> str:
    if value is True:
        return "on"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(getattr(value, "code", value))
