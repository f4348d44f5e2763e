"""Amounts: in their own currency, at the rate of a day, and in won with what VAT leaves open. All worked out by hand."""

import datetime
from fractions import Fraction

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from figures.interval import Interval
from subscriptions.models import ExchangeRate, PriceLine
from subscriptions.money import amount_text, currencies, in_won, is_currency, minor_units, rates_on
from tests.subscriptions.factories import DAY, PriceLineFactory, days, rate

UNKNOWN = Interval(0, None)


@pytest.mark.parametrize(
    ("currency", "decimals"), [("KRW", 0), ("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3)]
)
def test_the_decimals_of_a_currency(currency, decimals):
    assert minor_units(currency) == decimals


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (68_700_000, "KRW", "₩68,700,000"),
        (0, "KRW", "₩0"),
        (1234, "USD", "12.34 USD"),
        (5, "USD", "0.05 USD"),
        (123_456_700, "USD", "1,234,567.00 USD"),
        (1234, "JPY", "1,234 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (-1234, "USD", "-12.34 USD"),  # a refund
        (-5, "USD", "-0.05 USD"),
    ],
)
@pytest.mark.usefixtures("in_english")
def test_an_amount_in_its_own_currency(amount, currency, text):
    assert amount_text(amount, currency) == text


def test_currencies_to_choose_from():
    codes = [code for code, _name in currencies()]
    assert codes[:6] == ["KRW", "USD", "EUR", "JPY", "GBP", "CNY"]
    assert len(codes) == len(set(codes))
    assert codes[6:] == sorted(codes[6:])
    assert {"CHF", "SGD"} < set(codes)
    assert "DEM" not in codes  # replaced by the euro


@pytest.mark.parametrize(
    ("code", "known"), [("KRW", True), ("USD", True), ("XYZ", False), ("usd", False), ("", False)]
)
def test_what_is_a_currency(code, known):
    assert is_currency(code) is known


# --- rates ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("published", "won"),
    [
        ([], None),
        ([(0, 1400)], 1400),
        ([(-6, 1400)], 1400),
        ([(-7, 1400)], 1400),  # seven days old
        ([(-8, 1400)], None),
        ([(1, 1400)], None),  # tomorrow's is not known today
        ([(-7, 1300), (-2, 1400), (1, 1500)], 1400),  # the latest on or before the day
        ([(-2, 1400), (-7, 1300)], 1400),  # in whatever order they were entered
        ([(-20, 1300), (-8, 1400)], None),
    ],
)
def test_the_rate_for_a_day(published, won):
    for offset, value in published:
        rate(value, days(offset))
        rate(9.5, days(offset), "JPY")
    found = rates_on(["USD"], DAY)
    assert found == ({"KRW": 1} if won is None else {"KRW": 1, "USD": Fraction(won, 100)})


@pytest.mark.django_db
def test_rates_are_exact_and_per_smallest_unit():
    rate(1449.123456)
    rate(9.5, currency="JPY")
    assert rates_on(["USD", "JPY", "KRW", ""], DAY) == {
        "KRW": 1,
        "USD": Fraction(1_449_123_456, 100_000_000),
        "JPY": Fraction(19, 2),
    }


@pytest.mark.django_db
def test_won_needs_no_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert rates_on(["KRW", ""], DAY) == {"KRW": 1}


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"rate": 0}, {"rate": -1}, {"currency": "usd"}, {"currency": "US"}])
def test_a_rate_that_is_none(wrong):
    with pytest.raises(ValidationError) as raised:
        ExchangeRate(**{"currency": "USD", "day": DAY, "rate": 1, **wrong}).full_clean()
    assert set(raised.value.message_dict) & set(wrong)


@pytest.mark.django_db
def test_one_rate_a_day():
    rate(1400)
    with pytest.raises(IntegrityError):
        rate(1500)


# --- won --------------------------------------------------------------------------------------------------------------

RATES = {"KRW": Fraction(1), "USD": Fraction(1449, 100)}


@pytest.mark.parametrize(
    ("line", "won"),
    [
        ({"amount": 10_000, "vat": "included"}, Interval(10_000, 10_000)),
        ({"amount": 10_000, "vat": "excluded"}, Interval(11_000, 11_000)),
        ({"amount": 10_000, "vat": "not_given"}, Interval(10_000, 11_000)),
        ({"amount": 0, "vat": "not_given"}, Interval(0, 0)),
        # Cents: 20.00 dollars at 1,449 won.
        ({"amount": 2000, "currency": "USD", "vat": "included"}, Interval(28_980, 28_980)),
        ({"amount": 2000, "currency": "USD", "vat": "excluded"}, Interval(31_878, 31_878)),
        ({"amount": 2000, "currency": "USD", "vat": "not_given"}, Interval(28_980, 31_878)),
        # Parts of a won are kept until all is multiplied out: 0.01 dollar is 14.49 won, with VAT 15.939.
        (
            {"amount": 1, "currency": "USD", "vat": "not_given"},
            Interval(Fraction(1449, 100), Fraction(15_939, 1000)),
        ),
        # Without a rate an amount is unknown, never one to one.
        ({"amount": 2000, "currency": "EUR", "vat": "included"}, UNKNOWN),
        ({"amount": 2000, "currency": "", "vat": "included"}, UNKNOWN),
        ({"amount": None, "standing": "not_given"}, UNKNOWN),
        ({"amount": None, "standing": "undetermined"}, UNKNOWN),
        ({"amount": None, "standing": "withheld"}, UNKNOWN),
        ({"amount": None, "standing": "not_applicable"}, Interval(0, 0)),
        ({"amount": None, "standing": "not_applicable", "currency": "EUR"}, Interval(0, 0)),
    ],
)
def test_a_line_in_won(line, won):
    assert in_won(PriceLineFactory.build(subscription=None, position=1, **line), RATES) == won


def line(**fields) -> PriceLine:
    return PriceLine(**{"amount": 1, "currency": "KRW", **fields})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"amount": None, "standing": "stated"}, "__all__"),
        ({"amount": 5, "standing": "not_given"}, "__all__"),
        ({"amount": -1}, "__all__"),
        ({"amount": 5, "currency": ""}, "__all__"),
        ({"currency": "usd"}, "currency"),
        ({"seats": 0}, "seats"),
        ({"starts_on": DAY, "ends_on": DAY - datetime.timedelta(days=1)}, "__all__"),
    ],
)
def test_a_line_that_is_none(fields, wrong):
    with pytest.raises(ValidationError) as raised:
        line(**fields).full_clean(exclude=["subscription"])
    assert next(iter(raised.value.message_dict)) == wrong


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"amount": None},
        {"standing": "not_given"},
        {"amount": -1},
        {"currency": ""},
        {"seats": 0},
        {"starts_on": DAY, "ends_on": days(-1)},
    ],
)
def test_the_database_refuses_it_too(fields):
    with pytest.raises(IntegrityError):
        PriceLineFactory(**fields)
