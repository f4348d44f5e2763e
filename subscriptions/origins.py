"""Tells which flat facts may not follow any more from what they were made of, without making them all anew.

Beside each row of flat facts stands its origin: a digest of the rows it was made of and of itself, the rates that it used,
and the last day that it holds for by its dates alone. The database compares; nothing is trusted that somebody may have
written past the register's own acts. The digest guards against slips, not against forgers.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import (
    Aggregate,
    Case,
    CharField,
    Expression,
    F,
    Func,
    Q,
    QuerySet,
    SmallIntegerField,
    Value,
    When,
)
from django.db.models.lookups import Exact

from agencies.models import Agency
from catalog.models import Product
from catalog.tool_facts import tool_facts
from subscriptions.costs import days_of_change, lines_on
from subscriptions.models import Facts, FactsOrigin, PriceLine, Subscription
from subscriptions.money import Rates, rates_on

# Of an origin's rates, as `lacks_rate`; in the words of the index's condition.
RATE_MISSING = Q(facts_origin__rates__endswith="=") | Q(facts_origin__rates__contains="= ")
ONE_DAY = datetime.timedelta(days=1)
ORIGIN = ("subscription_id", "digest", "lines", "rates", "holds_until")
# The rates that facts were made with, and the last day on which they hold by their dates.
Basis = tuple[str, datetime.date | None]


class Digest(Func):
    """A short text that differs, but for chance, when any of the values does. Never null, whatever the values are."""

    output_field = CharField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        return super().as_sql(compiler, connection, template="MD5(json_array(%(expressions)s))", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "hash_record_extended(ROW(%(expressions)s), 0)::text"
        return super().as_sql(compiler, connection, template=template, **extra)


class DigestOfRows(Aggregate):
    """A text that differs, but for chance, when the values of any row do, or when a row is added or taken away."""

    output_field = CharField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        template = "group_concat(MD5(json_array(%(expressions)s)))"
        return super().as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        # Hashed twice: the hash of a record is linear in its columns, so that a sum would not tell values changed about.
        template = "sum(hashint8extended(hash_record_extended(ROW(%(expressions)s), 0), 1))::text"
        return super().as_sql(compiler, connection, template=template, **extra)


def _columns(model: Any, prefix: str = "", besides: Sequence[str] = ()) -> list[F]:
    return [F(prefix + f.attname) for f in model._meta.concrete_fields if f.attname not in besides]


def digest() -> Expression:
    """The digest of a subscription, the names that a search looks for, and its flat facts."""
    names = [
        "agency__path", "agency__kind", "agency__name_ko", "agency__name_en", "product__name_ko", "product__name_en",
        "product__vendor__name_ko", "product__vendor__name_en",
    ]  # fmt: skip
    return Digest(
        *_columns(Subscription), *_columns(Facts, "facts__", besides=["day"]), *(F(name) for name in names)
    )


def digests_of_lines(lines: QuerySet[PriceLine]) -> QuerySet:
    """The digest of the price lines of each subscription that has any, as (subscription, digest)."""
    grouped = lines.order_by().values("subscription").annotate(now=DigestOfRows(*_columns(PriceLine)))
    return grouped.values_list("subscription", "now")


def stale(on: datetime.date, agency: Agency | None = None) -> list[int]:
    """The subscriptions whose flat facts are missing or may be others on a day, of an agency with all below or of all.

    Five statements; nothing is fetched but the keys of what is found.
    """
    below = {} if agency is None else {"agency__path__within": agency.path}
    lines = {f"subscription__{name}": path for name, path in below.items()}
    may_differ = (
        Q(facts__isnull=True)
        | Q(facts_origin__isnull=True)
        | ~Q(facts_origin__digest=F("now"))
        | Q(facts_origin__holds_until__lt=on)
        | Q(facts__day__gt=on)
        | Q(facts_origin__rates__in=_outdated_rates(on))
        | Q(facts__product__in=_changed_tools(on))
    )
    # As a number that is compared: PostgreSQL then expects few rows, as there are, and lets its workers look for them.
    differs = Case(When(may_differ, then=Value(1)), default=Value(0), output_field=SmallIntegerField())
    rows = Subscription.objects.filter(**below).annotate(now=digest()).filter(Exact(differs, Value(1)))
    found = set(rows.order_by().values_list("pk", flat=True))
    priced = digests_of_lines(PriceLine.objects.filter(**lines))
    changed = priced.exclude(now=F("subscription__facts_origin__lines"))
    found.update(changed.values_list("subscription", flat=True))
    unpriced = FactsOrigin.objects.filter(**lines, subscription__price_lines=None).exclude(lines="")
    found.update(unpriced.values_list("pk", flat=True))
    return sorted(found)


def _outdated_rates(on: datetime.date) -> list[str]:
    """The rates that facts were made with and that are not those of the day."""
    used = list(FactsOrigin.objects.exclude(rates="").order_by().values_list("rates", flat=True).distinct())
    rates = rates_on({currency for text in used for currency in _currencies(text)}, on)
    return [text for text in used if rates_text(_currencies(text), rates) != text]


def rates_text(currencies: Iterable[str], rates: Rates) -> str:
    """The rates of foreign currencies as one text: `EUR=1500 USD=2899/2`; a missing rate is empty."""
    foreign = sorted({currency for currency in currencies if currency and currency != "KRW"})
    return " ".join(f"{currency}={rates.get(currency, '')}" for currency in foreign)


def _currencies(text: str) -> list[str]:
    return [part.partition("=")[0] for part in text.split()]


def _changed_tools(on: datetime.date) -> set[str]:
    """The codes, as the flat facts have them, of tools whose facts are others on the day."""
    tools = tool_facts(Product.objects.values_list("pk", flat=True), on).values()
    names = list(next(iter(tools), {}))
    right = {tuple(tool[name] for name in names) for tool in tools}
    kept = Facts.objects.order_by().values_list(*names).distinct() if names else []
    product = names.index("product") if names else 0
    return {row[product] for row in kept if row not in right}


def keep_origins(
    subscriptions: Sequence[Subscription],
    lines: Mapping[int, Sequence[PriceLine]],
    rates: Rates,
    on: datetime.date,
) -> None:
    """Note what the flat facts, just made for a day, were made of; in the transaction that made them."""
    kept = FactsOrigin.objects.in_bulk([subscription.pk for subscription in subscriptions])
    names = ["digest", "lines", "rates", "holds_until"]
    wrong = []
    made_of = {one.pk: basis(one, lines.get(one.pk, []), rates, on) for one in subscriptions}
    for values in origins_of(made_of):
        origin = dict(zip(ORIGIN, values, strict=True))
        old = kept.get(origin["subscription_id"])
        if old is None or any(getattr(old, name) != origin[name] for name in names):
            wrong.append(FactsOrigin(**origin))
    FactsOrigin.objects.bulk_create(
        wrong, update_conflicts=True, unique_fields=["subscription"], update_fields=names, batch_size=500
    )


def basis(subscription: Subscription, lines: Sequence[PriceLine], rates: Rates, on: datetime.date) -> Basis:
    """What facts are made of besides the rows that are stored."""
    used = rates_text(currencies_priced(subscription, lines, on), rates)
    return used, holds_until(subscription, lines, on)


def origins_of(made_of: Mapping[int, Basis]) -> Iterator[list[Any]]:
    """What the flat facts of these subscriptions, as they are stored now, were made of, in the order of ORIGIN."""
    ids = list(made_of)
    digests = dict(Subscription.objects.filter(pk__among=ids).order_by().values_list("pk", digest()))
    of_lines = dict(digests_of_lines(PriceLine.objects.filter(subscription__among=ids)))
    for pk, (rates, until) in made_of.items():
        yield [pk, digests[pk], of_lines.get(pk, ""), rates, until]


def currencies_priced(
    subscription: Subscription, lines: Sequence[PriceLine], on: datetime.date
) -> Iterator[str]:
    """The currencies whose rates the costs of a day hang on: those of the lines that count on it and state an amount."""
    for line in lines_on(subscription, lines, on):
        if line.amount is not None:
            yield line.currency


def lacks_rate(text: str) -> bool:
    """Whether one of the rates, as `rates_text` writes them, is missing."""
    return any(part.endswith("=") for part in text.split())


def lacking_rate(subscriptions: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Those of whose cost nothing is known because a rate is missing. An index holds the few that any is missing of."""
    return subscriptions.filter(RATE_MISSING, facts__annual_cost_min=None, facts__annual_cost_max=None)


def holds_until(
    subscription: Subscription, lines: Sequence[PriceLine], on: datetime.date
) -> datetime.date | None:
    """The last day on which facts made for a day still hold by the dates of what they are made of; None: for good."""
    later = [day for day in days_of_change(subscription, lines) if day > on]
    return min(later) - ONE_DAY if later else None
