"""The fixtures: they load in their order, twice without a trace, and state what the report states."""

import io
import json
from itertools import pairwise
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from agencies.models import Agency, FormerName
from catalog.models import Product
from figures.interval import sum_intervals
from figures.standing import Standing
from policies.models import Condition, PolicyVersion
from policies.verdicts import Effect
from sources.models import Source, Statement
from subscriptions.models import PriceLine, Subscription

FIXTURES = ["agencies", "catalog", "sources", "policies", "subscriptions"]
SEVENTEEN = {f"KR-{n}" for n in (11, 26, 27, 28, 29, 30, 31, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50)}
SEOUL, GYEONGGI, JEJU, SOUTH_JEOLLA, SOUTH_CHUNGCHEONG = "KR-11", "KR-41", "KR-49", "KR-46", "KR-44"
GANGWON, DAEJEON = "KR-42", "KR-30"


def records() -> list[dict[str, Any]]:
    return [
        record
        for name in FIXTURES
        for record in json.loads((settings.BASE_DIR / "fixtures" / f"{name}.json").read_text())
    ]


def whole_database() -> list[dict[str, Any]]:
    """Every row of the project's own tables, change history included."""
    output = io.StringIO()
    call_command("dumpdata", *FIXTURES, stdout=output)
    return json.loads(output.getvalue())


def members(code: str) -> set[str]:
    return set(statement(code).subject.values_list("code", flat=True))


def statement(code: str) -> Statement:
    return Statement.objects.get(code=code)


def values(*codes: str) -> list[int | None]:
    return [statement(code).value for code in codes]


@pytest.mark.django_db
def test_each_loads_after_those_before_it_and_twice_changes_nothing():
    for name in FIXTURES:
        call_command("loaddata", name, verbosity=0)
    once = whole_database()
    for name in FIXTURES:
        call_command("loaddata", name, verbosity=0)
    assert whole_database() == once


def test_no_record_has_a_primary_key_of_its_own():
    assert [record for record in records() if "pk" in record] == []


@pytest.mark.parametrize("label", sorted({record["model"] for record in records()}))
def test_every_record_is_there_and_keeps_the_rules_of_its_model(report_data, label):
    model = apps.get_model(label)
    assert model.objects.count() == sum(record["model"] == label for record in records())
    for instance in model.objects.all():
        instance.full_clean()


def test_the_17_governments_stand_below_the_nation(report_data):
    nation = Agency.objects.get(parent=None)
    assert (nation.code, nation.path, nation.name_ko) == ("KR", "KR/", "대한민국")
    assert dict(nation.children.values_list("code", "path")) == {code: f"KR/{code}/" for code in SEVENTEEN}
    assert set(nation.children.values_list("kind", flat=True)) == set(Agency.METROPOLITAN_AND_PROVINCIAL)


def test_former_names(report_data):
    assert [
        (former.agency.code, former.name_ko, str(former.used_until)) for former in FormerName.objects.all()
    ] == [("KR-42", "강원도", "2023-06-10"), ("KR-45", "전라북도", "2024-01-17")]


def test_tools_and_the_countries_of_their_vendors(report_data):
    assert set(Product.objects.values_list("code", "vendor__code", "vendor__country", "engines_known")) == {
        ("chatgpt", "openai", "US", True),
        ("claude", "anthropic", "US", True),
        ("midjourney", "midjourney", "US", True),
        ("gamma", "gamma-tech", "US", False),
        ("suno", "suno", "US", True),
        ("perplexity", "perplexity-ai", "US", False),
        ("clova-dubbing", "naver-cloud", "KR", False),
        ("bluedot", "bluedot", "KR", False),
        ("deepseek", "deepseek", "CN", True),
    }


def test_what_the_report_does_not_say_of_a_tool_stays_unknown(report_data):
    for product in Product.objects.all():
        assert (product.trains_on_inputs, product.regions_known, product.certifications_known) == (
            None,
            False,
            False,
        )
        assert list(product.processing_regions) == []
        assert not product.engines.exists()
        assert product.reviewed


def test_the_sources_and_what_they_state(report_data):
    assert {
        source.code: sorted(source.statements.values_list("code", flat=True))
        for source in Source.objects.published()
    } == {"a": sorted(f"A{n}" for n in range(25)), "e1": ["E1"], "e2": ["E2"]}
    article = Source.objects.get(code="a")
    assert (article.title, article.author, article.publisher, article.dated, article.url) == (
        "",
        "Kim Hyun-bin",
        "",
        None,
        "",
    )


def test_stated_spending(report_data):
    assert values("A1", "A2", "A3", "A4", "A5", "A6") == [
        391_700_000,
        68_700_000,
        56_300_000,
        46_700_000,
        44_500_000,
        43_100_000,
    ]
    given = [statement(f"A{n}").figure for n in range(2, 7)]
    assert sum(figure.value or 0 for figure in given) == 259_300_000
    left = statement("A1").figure.interval - sum_intervals(figure.interval for figure in given)
    # Five rounded figures and a rounded sum: 132.4 million, give or take 0.3.
    assert (left.low, left.high) == (132_100_005, 132_699_999)


def test_stated_users(report_data):
    assert values("A8", "A10", "A11", "A12", "A13") == [3_687, 1_274, 858, 440, 275]
    assert 3_687 - sum(value or 0 for value in values("A10", "A11", "A12", "A13")) == 840
    assert (statement("A9").value, statement("A9").standing) == (None, Standing.UNDETERMINED)


def test_governments_that_subscribe(report_data):
    subscribing = Statement.objects.filter(measure=Statement.Measure.GOVERNMENTS_SUBSCRIBING)
    assert {s.product.code: (s.value, s.qualifier) for s in subscribing.select_related("product")} == {
        "chatgpt": (17, "exact"),
        "claude": (5, "exact"),
        "midjourney": (5, "exact"),
        "gamma": (4, "exact"),
        "suno": (1, "at_least"),
        "perplexity": (1, "at_least"),
        "clova-dubbing": (1, "at_least"),
        "bluedot": (1, "at_least"),
        "deepseek": (0, "exact"),
    }
    programs = statement("A23")
    assert (programs.value, programs.reading) == (10, Statement.Reading.EACH)


def test_subjects_are_explicit_members(report_data):
    assert members("A1") == members("A15") == members("A24") == members("E2") == SEVENTEEN
    assert members("A7") == SEVENTEEN - {JEJU, SEOUL, GYEONGGI, SOUTH_JEOLLA, SOUTH_CHUNGCHEONG}
    assert members("A8") == SEVENTEEN - {GYEONGGI}
    assert members("A14") == SEVENTEEN - {GYEONGGI, SOUTH_CHUNGCHEONG, GANGWON, SEOUL, DAEJEON}
    assert members("A23") == {SEOUL, GYEONGGI}
    assert members("E1") == {SEOUL, GYEONGGI, "KR-28", "KR-27", "KR-43", JEJU, "KR-45"}
    for code in ("A7", "A14"):
        assert (statement(code).standing, statement(code).reading) == (Standing.NOT_GIVEN, "each")


def test_ranks_follow_the_values(report_data):
    for codes in (["A2", "A3", "A4", "A5", "A6"], ["A10", "A11", "A12", "A13"]):
        assert [statement(code).rank for code in codes] == list(range(1, len(codes) + 1))
        assert all(first > second for first, second in pairwise(values(*codes)))  # type: ignore[operator]


def test_periods_and_precision(report_data):
    for code in ("A1", "A2", "A3", "A4", "A5", "A6", "A7"):
        found = statement(code)
        assert (str(found.period_from), str(found.period_until)) == ("2023-01-01", "2024-01-31")
        assert found.precision == (100_000 if found.value else 1)
    loose = statement("A0")
    assert (loose.value, loose.precision, loose.qualifier) == (400_000_000, 100_000_000, "about")
    assert (loose.period_from, loose.period_until) == (None, None)


def test_every_text_is_in_both_languages(report_data):
    for found in Statement.objects.all():
        assert found.text_ko
        assert found.text_en
        assert bool(found.note_ko) == bool(found.note_en)
    for version in PolicyVersion.objects.all():
        for part in ("title", "rationale", "authority", "legal_basis", "remedy"):
            assert getattr(version, f"{part}_ko")
            assert getattr(version, f"{part}_en")


def test_the_demonstration_policies(report_data):
    assert {
        version.policy.code: (version.effect, version.policy.owner.code, version.scope.code, version.number)
        for version in PolicyVersion.objects.all()
        if version.demonstration and version.status == PolicyVersion.Status.IN_FORCE
    } == {
        "deepseek-block": (Effect.BLOCK, "KR", "KR", 1),
        "personal-data-certified": (Effect.APPROVAL, "KR", "KR", 1),
        "cost-over-50m": (Effect.APPROVAL, "KR", "KR", 1),
        "seats-without-owner": (Effect.WARN, "KR", "KR", 1),
    }
    blocked = PolicyVersion.objects.get(policy__code="deepseek-block")
    assert str(blocked.effective_from) == "2025-02-06"
    assert set(blocked.cites.values_list("code", flat=True)) == {"A24", "E1", "E2"}


def test_what_violates_the_demonstration_policies(report_data):
    schemes = ["csap-high", "csap-medium", "csap-low", "isms-p", "iso-27001", "soc-2"]
    assert [
        (c.version.policy.code, c.group, c.fact, c.operator, c.values)
        for c in Condition.objects.order_by("version__policy__code", "group", "position")
    ] == [
        ("cost-over-50m", 1, "annual_cost", "more_than", [50_000_000]),
        ("deepseek-block", 1, "vendor", "one_of", ["deepseek"]),
        ("deepseek-block", 1, "product", "one_of", ["deepseek"]),
        ("deepseek-block", 1, "engine_vendor", "one_of", ["deepseek"]),
        ("personal-data-certified", 1, "data_class", "more_than", ["open"]),
        ("personal-data-certified", 1, "personal_data", "is", [True]),
        ("personal-data-certified", 2, "certification", "none_of", schemes),
        ("seats-without-owner", 1, "seats", "more_than", [100]),
        ("seats-without-owner", 2, "owner_named", "is", [False]),
    ]


def test_each_government_has_its_chatgpt_subscription_at_an_amount_not_given(report_data):
    assert {
        (s.reference, s.agency.code, s.product.code, s.status, s.statement.code, s.started_on, s.declared)
        for s in Subscription.objects.select_related("agency", "product", "statement")
    } == {
        (f"{code}-2024-0001", code, "chatgpt", "active", "A15", None, False)
        for code in SEVENTEEN
    }  # fmt: skip
    assert {
        (line.subscription.agency.code, line.standing, line.amount, line.seats, line.vat, line.cycle)
        for line in PriceLine.objects.select_related("subscription__agency")
    } == {(code, "not_given", None, None, "not_given", "monthly") for code in SEVENTEEN}


@pytest.fixture
def other_sources(report_data):
    call_command("loaddata", "other_sources", verbosity=0)


def test_the_other_sources_load_twice_and_leave_the_first_as_it_is(report_data):
    before = list(Statement.objects.order_by("pk").values())
    call_command("loaddata", "other_sources", verbosity=0)
    once = whole_database()
    call_command("loaddata", "other_sources", verbosity=0)
    assert whole_database() == once
    assert (
        list(Statement.objects.filter(source__code__in=["a", "e1", "e2"]).order_by("pk").values()) == before
    )


def test_what_the_other_sources_state(other_sources):
    def stated(source):
        return {
            s.code: (
                s.value,
                s.precision,
                s.qualifier,
                s.rank,
                s.product and s.product.code,
                str(s.period_from),
            )
            for s in Statement.objects.filter(source__code=source).select_related("product")
        }

    assert stated("b") == {
        "B1": (391_686_165, 1, "exact", None, None, "2024-01-01"),
        "B2a": (68_710_000, 10_000, "about", None, None, "2024-01-01"),
        "B2b": (56_340_000, 10_000, "exact", None, None, "2024-01-01"),
        "B2c": (46_750_000, 10_000, "exact", None, None, "2024-01-01"),
        "B2d": (44_540_000, 10_000, "exact", None, None, "2024-01-01"),
        "B2e": (43_130_000, 10_000, "exact", None, None, "2024-01-01"),
        "B3a": (5, 1, "exact", None, "claude", "None"),
        "B3b": (5, 1, "exact", None, "midjourney", "None"),
    }
    assert stated("c") == {
        "C1a": (3_148_000, 1_000, "exact", 13, None, "None"),
        "C1b": (128_000, 1_000, "exact", 17, None, "None"),
        "C2a": (37, 1, "exact", None, None, "None"),
        "C2b": (118, 1, "exact", None, None, "None"),
        "C3a": (1, 1, "exact", None, "chatgpt", "None"),
        "C3b": (1, 1, "exact", None, None, "None"),
        "C3c": (1, 1, "exact", None, "midjourney", "None"),
        "C3d": (1, 1, "exact", None, "claude", "None"),
        "C3e": (3, 1, "at_least", None, None, "None"),
    }
    assert stated("d") == {
        "D1a": (44_542_000, 1_000, "exact", None, None, "2023-01-01"),
        "D1b": (1, 1, "exact", None, "chatgpt", "None"),
        "D1c": (1, 1, "exact", None, "midjourney", "None"),
        "D1d": (1, 1, "exact", None, "gamma", "None"),
        "D1e": (1, 1, "exact", None, "claude", "None"),
        "D1f": (4, 1, "at_least", None, None, "None"),
    }
    assert [members(code) for code in ("B1", "B3a", "C1a", "C1b", "D1a")] == [
        SEVENTEEN,
        SEVENTEEN,
        {"KR-29"},
        {DAEJEON},
        {SOUTH_JEOLLA},
    ]


def test_the_other_sources_keep_the_rules_and_are_told_in_both_languages(other_sources):
    others = Source.objects.filter(code__in=["b", "c", "d"])
    assert {source.report.code for source in others} == {"ai-subscriptions-2025"}
    for source in others:
        source.full_clean()
        assert source.note_ko
        assert source.note_en
    for found in Statement.objects.filter(source__in=others):
        found.full_clean()
        assert found.text_ko
        assert found.text_en
        assert bool(found.note_ko) == bool(found.note_en)
