"""A generated register: agencies below the 17 governments, tools, and subscriptions with their price lines."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from itertools import accumulate

from agencies.models import Agency
from agencies.paths import below
from benchmarks import words
from catalog.models import Category, Certification, Product, Vendor
from figures.standing import Standing
from policies.vocabulary import DataClass, PaymentRoute
from subscriptions.models import ExchangeRate, PriceLine, Status, Subscription

AGENCIES = 20_000
VENDORS = 120
PRODUCTS = 300

# Cities, counties and districts of each government, as many as there really are.
MUNICIPALITIES = {
    "KR-11": 25, "KR-26": 16, "KR-27": 9, "KR-28": 10, "KR-29": 5, "KR-30": 5, "KR-31": 5, "KR-50": 1, "KR-41": 31,
    "KR-42": 18, "KR-43": 11, "KR-44": 15, "KR-45": 14, "KR-46": 22, "KR-47": 22, "KR-48": 18, "KR-49": 2,
}  # fmt: skip
KINDS = (
    (Agency.Kind.CITY, "시", "City"), (Agency.Kind.COUNTY, "군", "County"), (Agency.Kind.DISTRICT, "구", "District"),
)  # fmt: skip
# How many subscriptions an agency of a kind has, relative to an office.
SHARES = {Agency.Kind.CITY: 12, Agency.Kind.COUNTY: 8, Agency.Kind.DISTRICT: 10, Agency.Kind.OFFICE: 1}
GOVERNMENT_SHARE = 60
# The first municipality of each government is a large city, with so many times the subscriptions of another.
LARGE_CITY, LARGE_CITY_TIMES = "-01/", 8

STATUSES = {
    Status.ACTIVE: 66, Status.ENDED: 15, Status.REQUESTED: 6, Status.APPROVED: 5, Status.DRAFT: 4, Status.REFUSED: 3,
    Status.VOID: 1,
}  # fmt: skip


def make_agencies(rng: random.Random) -> None:
    """Twenty thousand agencies in all: municipalities below the 17 governments, offices and institutions below both."""
    governments = list(Agency.objects.filter(code__in=MUNICIPALITIES).order_by("path"))
    municipalities = []
    for government in governments:
        kinds = KINDS[2:] if government.kind.endswith("city") else KINDS[:2]
        for number in range(MUNICIPALITIES[government.code]):
            kind, korean, english = rng.choice(kinds)
            short = words.place(rng) + korean
            municipalities.append(
                agency_below(government, f"{number + 1:02}", kind, short, f"{english} {number + 1}")
            )
    write_agencies(municipalities)
    above = governments * 3 + municipalities  # a government has about three times the offices of a city
    offices = []
    missing = AGENCIES - Agency.objects.count()
    for number in range(missing):
        parent = above[number % len(above)]
        if rng.random() < 0.06:
            kind, (korean, english) = Agency.Kind.PUBLIC_INSTITUTION, rng.choice(words.INSTITUTIONS)
        else:
            kind, (korean, english) = Agency.Kind.OFFICE, rng.choice(words.OFFICES)
        offices.append(agency_below(parent, f"{number // len(above):03}{number % 3}", kind, korean, english))
    write_agencies(offices)


def agency_below(parent: Agency, number: str, kind: str, korean: str, english: str) -> Agency:
    code = f"{parent.code}-{number}"
    return Agency(
        code=code,
        parent=parent,
        path=below(code, parent.path),
        kind=kind,
        name_ko=f"{parent.name_ko} {korean}",
        name_en=f"{english}, {parent.name_en}",
        short_ko=f"{parent.short_ko} {korean}"[:40],
        short_en=f"{english}, {parent.short_en}"[:40],
    )


def write_agencies(agencies: list[Agency]) -> None:
    Agency.objects.bulk_create(agencies, batch_size=1000)


def make_catalog(rng: random.Random, on: datetime.date) -> None:
    """Vendors and tools besides the report's, with facts that are often unknown; a few run a blocked engine inside."""
    countries = ["US"] * 6 + ["KR"] * 5 + ["CN", "JP", "GB", "FR", "DE", None]
    names = rng.sample(
        [(first, second) for first in words.TOOL_FIRST for second in words.TOOL_SECOND], VENDORS
    )
    Vendor.objects.bulk_create(
        Vendor(
            code=f"vendor-{number}",
            name_ko=f"{words.TOOL_FIRST[first]}{words.TOOL_SECOND[second]}",
            name_en=f"{first}{second}",
            country=rng.choice(countries),
        )
        for number, (first, second) in enumerate(names)
    )
    vendors = list(Vendor.objects.filter(code__startswith="vendor-").order_by("pk"))
    categories = list(Category.objects.order_by("pk"))
    products = []
    for number in range(PRODUCTS):
        vendor = vendors[number % len(vendors)]
        product, korean = rng.choice(list(words.TOOL_SECOND.items()))
        products.append(
            Product(
                code=f"tool-{number}",
                name_ko=f"{vendor.name_ko} {korean} {number}",
                name_en=f"{vendor.name_en} {product} {number}",
                vendor=vendor,
                category=rng.choice([*categories, None]),
                trains_on_inputs=rng.choice([True, False, None]),
                engines_known=rng.random() < 0.97,
                processing_regions=rng.choice([[], ["US"], ["KR"], ["KR", "US"]]),
                regions_known=rng.random() < 0.7,
                certifications_known=rng.random() < 0.9,
                reviewed=rng.random() < 0.9,
            )
        )
    Product.objects.bulk_create(products)
    products = list(Product.objects.filter(code__startswith="tool-").order_by("pk"))
    deepseek = Product.objects.get(code="deepseek")
    for product in rng.sample(products, 6):
        product.engines.add(deepseek)
    Certification.objects.bulk_create(
        Certification(
            product=product,
            scheme=rng.choice(Certification.Scheme.values),
            valid_from=on - datetime.timedelta(days=rng.randrange(400)),
            valid_until=on + datetime.timedelta(days=rng.randrange(30, 700)),
            evidence=f"No. {product.pk}",
        )
        for product in products
        if rng.random() < 0.8
    )
    for currency, won in (("USD", 1_400), ("EUR", 1_550), ("JPY", 9)):
        ExchangeRate.objects.get_or_create(
            currency=currency, day=on, defaults={"rate": won * ExchangeRate.SCALE}
        )


def subscriptions(
    rng: random.Random, count: int, first_pk: int, on: datetime.date
) -> Iterator[tuple[Subscription, list[PriceLine]]]:
    """`count` subscriptions, not saved, with their price lines; the newest last, and most of the last three years."""
    agencies = list(Agency.objects.exclude(parent=None).order_by("path"))
    agency_weights = list(accumulate(share(agency) for agency in agencies))
    products = list(Product.objects.select_related("vendor").order_by("pk"))
    # A few tools are everywhere, most are rare; those with unknown models inside and the blocked one are the rarest.
    ranked = sorted(products, key=lambda product: (product.code == "deepseek", not product.engines_known))
    product_weights = list(accumulate(1 / (rank + 3) for rank in range(len(ranked))))
    statuses, status_weights = list(STATUSES), list(accumulate(STATUSES.values()))
    numbers: dict[tuple[int, int], int] = {}
    rare = {
        position: text
        for text in words.RARE_PURPOSES.values()
        for position in rng.sample(range(count), words.RARE_ROWS)
    }
    for position in range(count):
        pk = first_pk + position
        agency = rng.choices(agencies, cum_weights=agency_weights)[0]
        product = rng.choices(ranked, cum_weights=product_weights)[0]
        status = rng.choices(statuses, cum_weights=status_weights)[0]
        recorded = on - datetime.timedelta(days=1 + (count - position) * 1000 // count)
        started = recorded + datetime.timedelta(days=rng.randrange(-60, 30))
        ends = started + datetime.timedelta(days=rng.choice((89, 180, 364, 364, 729)))
        if status == Status.ENDED:
            ends = max(started, min(ends, on - datetime.timedelta(days=1)))
        elif status in (Status.ACTIVE, Status.APPROVED):
            ends = max(ends, on + datetime.timedelta(days=rng.randrange(360)))
        numbers[agency.pk, recorded.year] = number = numbers.get((agency.pk, recorded.year), 0) + 1
        subscription = Subscription(
            pk=pk,
            # Numbers that the fixtures do not use.
            reference=f"{agency.code}-{recorded.year}-{9_000_000 + number}",
            agency=agency,
            product=product,
            plan=rng.choice(words.PLANS),
            reseller=rng.choice(words.RESELLERS),
            contract_number=f"C{rng.randrange(10**9):09}" if rng.random() < 0.4 else "",
            status=status,
            owner_department=rng.choice(words.OFFICES)[0] if rng.random() < 0.93 else "",
            purpose=rare.get(position) or words.purpose(rng),
            data_class=rng.choices(
                (DataClass.OPEN, DataClass.SENSITIVE, DataClass.CLASSIFIED, None), (94, 3, 0.1, 2.9)
            )[0],
            personal_data=rng.choices((True, False, None), (3, 96, 1))[0],
            started_on=started,
            ends_on=None if rng.random() < 0.1 else ends,
            auto_renewal=rng.choice((True, False, None)),
            payment_route=rng.choice((*PaymentRoute.values, None)),
            declared=status == Status.ACTIVE and rng.random() < 0.1,
            approved_at=at_noon(started)
            if status in (Status.ACTIVE, Status.APPROVED, Status.ENDED)
            else None,
            recorded_at=at_noon(recorded),
        )
        yield subscription, price_lines(rng, subscription)


def share(agency: Agency) -> int:
    return SHARES.get(agency.kind, GOVERNMENT_SHARE) * (LARGE_CITY_TIMES if LARGE_CITY in agency.path else 1)


def price_lines(rng: random.Random, subscription: Subscription) -> list[PriceLine]:
    """None of some, one of most, a base with a fee of a few; an amount in thirty is not known."""
    kind = rng.random()
    if kind < 0.005:
        return []
    standing = rng.choices(
        (Standing.STATED, Standing.NOT_GIVEN, Standing.UNDETERMINED, Standing.WITHHELD), (98, 1.2, 0.4, 0.4)
    )[0]
    stated = standing == Standing.STATED
    currency = "USD" if rng.random() < 0.3 else "KRW"
    monthly = rng.choice((20, 25, 30, 60)) * (100 if currency == "USD" else 1_400)
    seats = min(1 + int(rng.expovariate(1 / 12)), 4000) if rng.random() < 0.97 else rng.randrange(80, 900)
    line = PriceLine(
        subscription_id=subscription.pk,
        position=1,
        seats=seats if rng.random() < 0.99 else None,
        standing=standing,
        amount=monthly if stated else None,
        currency=currency if stated else "",
        vat=rng.choice(PriceLine.Vat.values),
        cycle=PriceLine.Cycle.MONTHLY,
    )
    if kind > 0.9:
        fee = PriceLine(
            subscription_id=subscription.pk,
            position=2,
            basis=PriceLine.Basis.FLAT,
            amount=rng.randrange(1, 90) * 100_000,
            vat=PriceLine.Vat.INCLUDED,
            cycle=rng.choice((PriceLine.Cycle.ONE_OFF, PriceLine.Cycle.ANNUAL)),
        )
        return [line, fee]
    return [line]


def at_noon(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(3), datetime.UTC)
