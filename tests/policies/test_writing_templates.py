"""What each template asks, which conditions it makes, and how these judge."""

import html
import re

import pytest
from django.db.models import BigIntegerField, Value

from policies.compiling import compile_conditions
from policies.models import Condition
from policies.templating import TEMPLATES
from subscriptions.models import Facts

pytestmark = pytest.mark.django_db

NEW = "/policies/new/"


@pytest.fixture
def officer(report_data, signed_in):
    return signed_in("policy_officer", "KR", language="en")


def conditions(code, **values):
    form = TEMPLATES[code].form(values)
    assert form.is_valid(), form.errors
    return TEMPLATES[code].conditions(form.cleaned_data)


def verdict(conditions, **columns):
    """How facts with these flat columns are judged: True violates, False passes, None cannot be decided."""
    truth = compile_conditions(conditions)
    kinds = {field.name: type(field) for field in Facts._meta.concrete_fields}
    known = {
        name: Value(value, output_field=kinds.get(name, BigIntegerField)()) for name, value in columns.items()
    }
    if truth.true.check(known):
        return True
    return False if truth.false.check(known) else None


def span(name, low, high):
    return {f"{name}_min": low, f"{name}_max": high}


def many(name, codes, known=True):
    return {name: codes, f"{name}_known": known}


CASES = {
    "block-tools": (
        {"products": ["deepseek"], "inside": "on"},
        [
            ({"product": "deepseek", **many("engine_product", "|")}, True),
            ({"product": "gamma", **many("engine_product", "|deepseek|", False)}, True),
            ({"product": "gamma", **many("engine_product", "|chatgpt|")}, False),
            ({"product": "gamma", **many("engine_product", "|", False)}, None),
        ],
    ),
    "block-vendors": (
        {"vendors": ["deepseek", "openai"]},
        [({"vendor": "openai"}, True), ({"vendor": "naver-cloud"}, False), ({"vendor": None}, None)],
    ),
    "block-countries": (
        {"countries": ["CN", "RU"], "inside": "on"},
        [
            ({"vendor_country": "RU", **many("engine_country", "|")}, True),
            ({"vendor_country": "US", **many("engine_country", "|CN|")}, True),
            ({"vendor_country": "US", **many("engine_country", "|US|")}, False),
            ({"vendor_country": None, **many("engine_country", "|US|")}, None),
        ],
    ),
    "cap-annual-cost": (
        {"won": "50,000,000"},
        [
            (span("annual_cost", 50_000_001, None), True),
            (span("annual_cost", 50_000_000, 50_000_000), False),
            (span("annual_cost", 1, None), None),
        ],
    ),
    "cap-seat-price": (
        {"won": "40000"},
        [(span("seat_price", 40_001, 40_001), True), (span("seat_price", 40_000, 40_000), False)],
    ),
    "cap-agency-cost": (
        {"won": "300,000,000"},
        [
            (span("agency_annual_cost", 300_000_001, None), True),
            (span("agency_annual_cost", 299_999_999, 300_000_000), False),
            (span("agency_annual_cost", 0, None), None),
        ],
    ),
    "cap-seats": (
        {"seats": "100"},
        [
            (span("seats", 101, 101), True),
            (span("seats", 100, 100), False),
            (span("seats", None, None), None),
        ],
    ),
    "limit-data-class": (
        {"highest": "open"},
        [
            ({"data_class": "sensitive"}, True),
            ({"data_class": "classified"}, True),
            ({"data_class": "open"}, False),
            ({"data_class": None}, None),
        ],
    ),
    "require-certification": (
        {"schemes": ["csap-high", "csap-medium"], "for_data": "sensitive"},
        [
            ({"data_class": "sensitive", **many("certification", "|isms-p|")}, True),
            ({"data_class": "classified", **many("certification", "|csap-high|")}, False),
            ({"data_class": "open", **many("certification", "|")}, False),
            ({"data_class": "sensitive", **many("certification", "|", False)}, None),
        ],
    ),
    "limit-term": (
        {"months": "12", "no_renewal": "on"},
        [
            ({**span("term", 13, 13), "auto_renewal": False}, True),
            ({**span("term", 12, 12), "auto_renewal": True}, True),
            ({**span("term", 12, 12), "auto_renewal": False}, False),
            ({**span("term", 12, 12), "auto_renewal": None}, None),
        ],
    ),
    "require-owner": (
        {"seats": "10"},
        [
            ({"owner_named": False, **span("seats", 10, 10)}, True),
            ({"owner_named": False, **span("seats", 9, 9)}, False),
            ({"owner_named": True, **span("seats", 10, 10)}, False),
        ],
    ),
}


def test_every_template_has_cases():
    assert set(CASES) == set(TEMPLATES)


@pytest.mark.parametrize("code", CASES)
def test_a_template_makes_conditions_that_judge_as_it_says(report_data, code):
    values, cases = CASES[code]
    composed = conditions(code, **values)
    for condition in composed:
        condition.clean()
    assert [verdict(composed, **facts) for facts, _expected in cases] == [expected for _f, expected in cases]


@pytest.mark.parametrize("code", CASES)
def test_a_template_is_completed_in_the_editor_and_saved(officer, code):
    values, _cases = CASES[code]
    page = officer.get(NEW, {"template": code, "step": "compose", **values})
    form, rows = page.context["form"], page.context["conditions"].rows
    data = {"owner": "KR", "scope": "KR", "code": "made", "reason": "From the template"}
    data |= {name: form.initial[name] for name in ("title_ko", "title_en", "effect")}
    data["effective_from"] = str(form.initial["effective_from"])
    for row in rows:
        data.update({f"conditions-{row.index}-{name}": value for name, value in row.initial.items()})
    answer = officer.post(NEW, data)
    assert answer.status_code == 302, answer.context["conditions"].messages()
    saved = Condition.objects.filter(version__policy__code="made").order_by("position")
    assert [(c.fact, c.operator, c.values) for c in saved] == [
        (c.fact, c.operator.value, c.values) for c in conditions(code, **values)
    ]


@pytest.mark.parametrize(
    ("code", "values", "made"),
    [
        ("block-tools", {"products": ["gamma"]}, [(1, "product", "one_of", ["gamma"])]),
        ("block-countries", {"countries": ["CN"]}, [(1, "vendor_country", "one_of", ["CN"])]),
        ("limit-term", {"months": "6"}, [(1, "term", "more_than", [6])]),
        ("limit-term", {"no_renewal": "on"}, [(1, "auto_renewal", "is", [True])]),
        ("require-owner", {}, [(1, "owner_named", "is", [False])]),
        (
            "require-certification",
            {"schemes": ["isms-p"]},
            [(1, "certification", "none_of", ["isms-p"])],
        ),
        (
            "require-certification",
            {"schemes": ["isms-p"], "for_data": "personal"},
            [(1, "personal_data", "is", [True]), (2, "certification", "none_of", ["isms-p"])],
        ),
    ],
)
def test_what_is_left_out_makes_no_condition(report_data, code, values, made):
    assert [(c.group, c.fact, c.operator, c.values) for c in conditions(code, **values)] == made


@pytest.mark.parametrize(
    ("code", "values", "message"),
    [
        ("block-tools", {}, "Choose at least one value."),
        ("block-countries", {"countries": "XX"}, "“XX” is not a value of “vendor country”."),
        ("cap-annual-cost", {"won": ""}, "Type a number."),
        ("cap-annual-cost", {"won": "much"}, "Type a number such as 1,234,567."),
        ("cap-seats", {"seats": "0"}, "Type 1 or more."),
        ("limit-data-class", {"highest": "classified"}, "Select a valid choice."),
        ("limit-term", {}, "Limit the term, forbid automatic renewal, or both."),
    ],
)
def test_a_template_says_what_is_missing(officer, code, values, message):
    page = officer.get(NEW, {"template": code, "step": "compose", **values})
    assert page.status_code == 200
    assert "policies/template.html" in [template.name for template in page.templates]
    assert message in html.unescape(page.content.decode())


def test_the_templates_are_listed_and_one_that_is_not_there_is_404(officer):
    page = officer.get(NEW).content.decode()
    assert re.findall(r"\?template=([a-z-]+)", page) == [*TEMPLATES, "free"]
    assert officer.get(f"{NEW}?template=nonsense").status_code == 404
    for code in TEMPLATES:
        assert officer.get(f"{NEW}?template={code}").status_code == 200


def test_titles_are_made_in_both_languages(officer):
    page = officer.get(NEW, {"template": "block-countries", "step": "compose", "countries": "CN"})
    initial = page.context["form"].initial
    assert initial["title_en"] == "Vendor countries not to be used: China"
    assert "중국" in initial["title_ko"]
