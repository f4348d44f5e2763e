"""What follows from the figures, in sentences, in both languages."""

import datetime
import re
from typing import Any

import pytest
from django.utils import translation

from agencies.models import Agency, User
from catalog.models import Product
from figures.standing import Standing
from oversight.conclusions import conclusions
from oversight.spending import Filters, spending_by_agency
from oversight.stated import default_source
from sources.models import Statement

pytestmark = pytest.mark.usefixtures("register")


def said(user: User, **filters: Any) -> list[str]:
    spending = spending_by_agency(user, Filters(**filters), datetime.date.today(), default_source())
    return conclusions(spending)


@pytest.mark.usefixtures("in_english")
def test_of_the_whole_report(committee: User) -> None:
    assert said(committee) == [
        "5 governments have a stated figure: ₩259.3M in all, which is 66.2% of the stated ₩391.7M.",
        "₩132.4M (±₩300,000) is left for the other 12 governments, ₩11.03M on average; each lies between ₩0 and "
        "₩43,149,999.",
        "840 users are left for the other 12 governments, 70 on average; each has between 0 and 275.",
        "Gyeonggi Province: users undetermined; nothing bounds their number.",
        "The 16 governments whose users are stated together spent ₩345.0M (±₩100,000) for 3,687 users: ₩93,570 "
        "(±₩27) for each user.",
        "At least 10 different AI programs are in use, of which the source names 8.",
        "The source does not say for which day or period it counts users.",
    ]


def test_of_the_whole_report_in_korean(committee: User) -> None:
    """The same numbers as Korean writes them, whatever the words around them."""
    numbers = [set(re.findall(r"[\d,.]*\d%?원?", sentence)) for sentence in said(committee)]
    assert numbers == [
        {"5", "259,300,000원", "66.2%", "391,700,000원"},
        {"132,400,000원", "300,000원", "12", "11,030,000원", "0원", "43,149,999원"},
        {"840", "12", "70", "0", "275"},
        set(),
        {"16", "345,000,000원", "100,000원", "3,687", "93,570원", "27원"},
        {"10", "8"},
        set(),
    ]


@pytest.mark.usefixtures("in_english")
def test_a_filter_says_why_a_total_is_hidden_and_does_not_tell_it(committee: User) -> None:
    sentences = said(committee, kind=Agency.Kind.PROVINCE)
    assert sentences == [
        "The source states spending for 17 governments together. The filter keeps 6 in view, so that total is left "
        "out, and the sum is of what is given for those in view.",
        "The same holds for users, which the source states for 16 governments together.",
        "The source does not say for which day or period it counts users.",
    ]
    assert "391" not in " ".join(sentences)


@pytest.mark.usefixtures("in_english")
def test_a_tool_of_which_the_source_does_not_say_who_subscribes(committee: User) -> None:
    assert said(committee, product=Product.objects.get(code="claude"))[-1] == (
        "Claude: the source tells of 5 subscribing governments and does not say which, so they are not among these "
        "unless a subscription is recorded."
    )
    assert said(committee, product=Product.objects.get(code="suno"))[-1] == (
        "Suno: the source tells of at least 1 subscribing governments and does not say which, so they are not among "
        "these unless a subscription is recorded."
    )


@pytest.mark.usefixtures("in_english")
def test_figures_that_cannot_all_be_true_conclude_nothing(committee: User) -> None:
    Statement.objects.filter(code="A2").update(value=400_000_000)
    assert said(committee)[0] == (
        "The figures of this source cannot all be true, so nothing is concluded from them."
    )
    assert not [sentence for sentence in said(committee) if "is left" in sentence]


@pytest.mark.usefixtures("in_english")
def test_users_of_another_period(committee: User) -> None:
    users = Statement.objects.filter(source__code="a", measure=Statement.Measure.USERS)
    users.update(period_from="2025-01-01", period_until="2025-01-31")
    assert said(committee)[-1] == "The users are those of another period: Jan. 1, 2025 to Jan. 31, 2025."


@pytest.mark.usefixtures("in_english")
def test_one_government_left(committee: User) -> None:
    """When all but one are stated, the sentence is about that one."""
    own = Statement.objects.get(code="A7")
    last = Agency.objects.get(code="KR-50")
    own.subject.set([last])
    for number, agency in enumerate(Agency.objects.filter(parent__code="KR").exclude(pk=last.pk)):
        if agency.statements.filter(measure="spending", value__isnull=False, code__gt="A1").exists():
            continue
        statement = Statement.objects.create(
            source=own.source,
            code=f"X{number}",
            measure=own.measure,
            period_from=own.period_from,
            period_until=own.period_until,
            value=12_000_000,
        )
        statement.subject.set([agency])
    left = [sentence for sentence in said(committee) if "is left for" in sentence]
    assert left == [
        "₩400,000 (±₩300,000) is left for the other government; it lies between ₩100,005 and ₩699,999."
    ]


def test_every_sentence_is_translated(committee: User) -> None:
    for filters in ({}, {"standing": Standing.STATED}, {"product": Product.objects.get(code="claude")}):
        korean = said(committee, **filters)
        with translation.override("en"):
            assert not set(korean) & set(said(committee, **filters))
