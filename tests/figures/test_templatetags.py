"""The template filters, which write figures as `figures.formatting` does."""

import datetime

import pytest
from django.template import Context, Template

from figures.figure import Figure, Total


@pytest.mark.usefixtures("in_english")
def test_filters() -> None:
    template = Template(
        "{% load figures %}{{ won|won }}|{{ none|won }}|{{ figure|money }}|{{ figure|count }}|"
        "{{ total|money_total }}|{{ total|count_total }}|{{ day|day }}"
    )
    figure = Figure.stated(2_000_000)
    context = {
        "won": 2_000_000,
        "none": None,
        "figure": figure,
        "total": Total.of([figure, Figure.missing()]),
        "day": datetime.date(2024, 1, 31),
    }
    assert template.render(Context(context)) == (
        '<data class="figure" value="2000000" title="₩2,000,000">₩2.0M</data>||'
        '<data class="figure" value="2000000" title="₩2,000,000">₩2.0M</data>|'
        '<data class="figure" value="2000000" title="2,000,000">2,000,000</data>|'
        "at least ₩2.0M; 1 not given|at least 2,000,000; 1 not given|Jan. 31, 2024"
    )
