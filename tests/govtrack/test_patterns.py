"""Regular expressions: no pattern is made of what a user typed, and none takes longer than its text deserves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from re import _constants, _parser  # type: ignore[attr-defined]

import pytest
from django.core.exceptions import ValidationError

from tests.run import APPS, ROOT

FUNCTIONS = {"compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split"}
# What patterns may be put together of besides texts: constants by name, what is escaped, and digits and codes of our own making.
CONSTANT = re.compile(r"_?[A-Z][A-Z_]*")
KNOWN = {
    # An agency's code, which the model holds to letters, digits and hyphens, and a year.
    ("subscriptions/recording.py", "f'^{prefix}\\\\d+$'"),
    # The same, escaped.
    ("subscriptions/importing/writing.py", "f'{re.escape(agencies[pk].code)}-{self.year}-(\\\\d+)'"),
    # Tables of words in the same module.
    ("subscriptions/importing/columns.py", "pattern"),
    ("subscriptions/importing/columns.py", "'|'.join([*_CYCLES.values(), '1인당|인당|계정당|총|당'])"),
}


def patterns(source: str) -> Iterator[ast.expr]:
    """Every expression that is used as a pattern: of the module `re`, and of the database."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and ast.unparse(function.value) == "re"
            and function.attr in FUNCTIONS
        ):
            yield node.args[0]
        for keyword in node.keywords:
            if keyword.arg and keyword.arg.endswith(("__regex", "__iregex")):
                yield keyword.value


def is_fixed(node: ast.expr) -> bool:
    """Whether the pattern is the same whatever users type."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return bool(CONSTANT.fullmatch(node.id))
    if isinstance(node, ast.JoinedStr):
        return all(
            is_fixed(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values
        )
    if isinstance(node, ast.BinOp):
        return is_fixed(node.left) and is_fixed(node.right)
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "re.escape"


def grows_fast(pattern: str | bytes) -> bool:
    """Whether one repetition without bound stands in another, with nothing else in it to tell where the inner one ends."""

    def unbounded(items: object, inside: bool) -> bool:
        for kind, value in items:  # type: ignore[attr-defined]
            if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
                _least, most, below = value
                repeats = most is _constants.MAXREPEAT
                if repeats and inside:
                    return True
                # With a fixed letter beside it, the inner repetition has one place to end.
                alone = len(below) == 1 or all(item[0] in _REPEATS for item in below)
                if unbounded(below, inside or (repeats and alone)):
                    return True
            elif kind is _constants.SUBPATTERN:
                if unbounded(value[-1], inside):
                    return True
            elif kind is _constants.BRANCH and any(unbounded(branch, inside) for branch in value[1]):
                return True
        return False

    return unbounded(_parser.parse(pattern), False)


_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)


def modules() -> Iterator[tuple[str, str]]:
    for app in APPS:
        for file in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in file.parts:
                yield str(file.relative_to(ROOT)), file.read_text()


def test_no_pattern_is_made_of_what_users_type():
    found = {
        (name, ast.unparse(pattern))
        for name, source in modules()
        for pattern in patterns(source)
        if not is_fixed(pattern)
    }
    assert found == KNOWN


def test_no_pattern_takes_longer_than_its_text_deserves():
    fixed = [
        (name, pattern.value)
        for name, source in modules()
        for pattern in patterns(source)
        if isinstance(pattern, ast.Constant)
    ]
    assert len(fixed) > 20
    assert [(name, pattern) for name, pattern in fixed if grows_fast(pattern)] == []


@pytest.mark.parametrize(
    "source",
    [
        "re.search(request.GET['q'], text)",
        "re.compile(f'{typed}+')",
        "rows.filter(name__iregex=typed)",
        "re.sub(typed + 'x', '', t)",
    ],
)
def test_a_pattern_of_what_users_type_is_noticed(source: str):
    assert [is_fixed(pattern) for pattern in patterns(source)] == [False]


@pytest.mark.parametrize(
    ("pattern", "noticed"),
    [
        (r"(a+)+b", True),
        (r"(?:\w*\s*)*x", True),
        (r"((a|b)*)*", True),
        (r"\d{1,3}(?:,\d{3})+", False),
        (r"(?:a+,)+", False),
        (r"[a-z]+\d*", False),
    ],
)
def test_a_pattern_that_grows_fast_is_noticed(pattern: str, noticed: bool):
    assert grows_fast(pattern) is noticed


def test_codes_of_agencies_hold_nothing_that_a_pattern_would_take_otherwise():
    from agencies.models import Agency

    code = Agency._meta.get_field("code")
    for wrong in (".*", "a(b", "a|b", "a\nb"):
        with pytest.raises(ValidationError):
            code.run_validators(wrong)
