"""Regular expressions: no pattern is made of what a user typed, and none takes longer than its text deserves."""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Iterator
from itertools import product
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tests.run import APPS, ROOT

FUNCTIONS = {"compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split"}
# What patterns may be put together of besides texts: constants by name, what is escaped, and digits and codes of our own making.
CONSTANT = re.compile(r"_?[A-Z][A-Z_]*")
KNOWN = {
    # An agency's code, which the model holds to letters, digits and hyphens, and a year.
    ("subscriptions/storing.py", "f'^{prefix}\\\\d+$'"),
    # The same, escaped.
    ("subscriptions/importing/writing.py", "f'{re.escape(agencies[pk].code)}-{self.year}-(\\\\d+)'"),
    # Tables of words in the same module.
    ("subscriptions/importing/columns.py", "pattern"),
    ("subscriptions/importing/columns.py", "'|'.join([*_CYCLES.values(), '1인당|인당|계정당|총|당'])"),
}
# Characters (bytes) of a text, and seconds of the processor for it; going over it once takes a thirtieth of that.
LENGTHS, PATIENCE = {str: 30_000, bytes: 100_000}, 0.1


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


def attacks(pattern: str | bytes, length: int) -> Iterator[str]:
    """For each repetition without bound: long texts that lead into it and never out, and the way to it over and over."""
    for way, step in _repetitions(_parser.parse(pattern)):
        for end in ("\0", "a\nb"):
            yield way + step * length + end
            yield (way + step) * (length // len(way + step)) + end
            yield (way or step) * (length // len(way or step)) + end


def _repetitions(items: Any, way: str = "") -> Iterator[tuple[str, str]]:
    """A text that leads to each repetition without bound, and one that is repeated in it; each kind of letter tried."""
    for kind, value in items:
        if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            _least, most, below = value
            if most is _constants.MAXREPEAT:
                yield from ((way, "".join(step)) for step in product(*_letters(below)) if step)
            yield from _repetitions(below, way)
        elif kind is _constants.SUBPATTERN:
            yield from _repetitions(value[-1], way)
        elif kind is _constants.BRANCH:
            for branch in value[1]:
                yield from _repetitions(branch, way)
        way += "".join(letters[0] for letters in _letters([(kind, value)]))


_OF_CATEGORY = {_constants.CATEGORY_DIGIT: "1", _constants.CATEGORY_SPACE: " ", _constants.CATEGORY_WORD: "a"}


def _letters(items: Any) -> list[list[str]]:
    """Letters that match, one list for each place of a text; what may be repeated stands there once, if it must."""
    found: list[list[str]] = []
    for kind, value in items:
        if kind is _constants.LITERAL:
            found.append([chr(value)])
        elif kind is _constants.IN:
            tried = "a1 (-,." + "".join(chr(one[1]) for one in value if one[0] is _constants.LITERAL)[:3]
            found.append([letter for letter in dict.fromkeys(tried) if _among(letter, value)] or ["~"])
        elif kind in (_constants.ANY, _constants.NOT_LITERAL):
            found.append(["a", " "])
        elif kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            found += _letters(value[2]) if value[0] else []
        elif kind is _constants.SUBPATTERN:
            found += _letters(value[-1])
        elif kind is _constants.BRANCH:
            found += _letters(value[1][0])
    return found


def _among(letter: str, kinds: Any) -> bool:
    negated, hit = False, False
    for kind, value in kinds:
        if kind is _constants.NEGATE:
            negated = True
        elif kind is _constants.LITERAL:
            hit |= chr(value) == letter
        elif kind is _constants.RANGE:
            hit |= value[0] <= ord(letter) <= value[1]
        elif kind is _constants.CATEGORY:
            hit |= _OF_CATEGORY.get(value) == letter or (
                value is _constants.CATEGORY_NOT_WORD and letter in " (-,."
            )
    return hit is not negated


def slowest(pattern: str | bytes, use: str, flags: int = 0, length: int = 0) -> float:
    """Seconds of the processor that the pattern needs at most, for any of its attacks."""
    compiled = re.compile(pattern, flags)
    function = getattr(compiled, "search" if use == "split" else use)
    longest = 0.0
    for text in attacks(pattern, length or LENGTHS[type(pattern)]):
        given = text.encode() if isinstance(pattern, bytes) else text
        started = time.process_time()
        function(*(("", given) if use in ("sub", "subn") and isinstance(given, str) else (given,)))
        longest = max(longest, time.process_time() - started)
        if longest > PATIENCE:
            break
    return longest


def uses() -> Iterator[tuple[str, str | bytes, str, int]]:
    """Every pattern of the register, as the function that it is used by; of compiled ones, those of its module."""
    for name, source in modules():
        if not any(True for _pattern in patterns(source)):
            continue
        module = importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        compiled = {key: value for key, value in vars(module).items() if isinstance(value, re.Pattern)}
        for node in ast.walk(ast.parse(source)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner, use = ast.unparse(node.func.value), node.func.attr
            if use not in FUNCTIONS - {"compile"}:
                continue
            if owner in compiled:
                yield name, compiled[owner].pattern, use, compiled[owner].flags
            elif owner == "re" and isinstance(node.args[0], ast.Constant):
                yield name, node.args[0].value, use, 0
    columns = importlib.import_module("subscriptions.importing.columns")
    words = [columns._CYCLES.values(), columns._BASES.values(), columns._VATS.values()]
    for pattern in {text for texts in words for text in texts}:
        yield "columns", pattern, "search", 0
    yield "columns", "|".join([*columns._CYCLES.values(), "1인당|인당|계정당|총|당"]), "sub", 0


def test_every_pattern_goes_over_a_long_text_once():
    found = list(uses())
    assert len(found) > 40
    assert [one for one in found if slowest(*one[1:]) > PATIENCE] == []


@pytest.mark.parametrize(
    ("pattern", "use", "length"),
    [
        (r"[(\[].*?[)\]]", "sub", 9_000),
        (r"[(\[][^)\]]*[)\]]", "findall", 9_000),
        (r"\s*(seats?|users?)\s*$", "sub", 6_000),
        (r"[-△]\s*(.+)", "fullmatch", 8_000),
        (r"(excl\w*|without) (vat|tax)", "search", 16_000),
        (rb"<(?:\w+:)?Relationship\b[^>]*>", "findall", 80_000),
        (r"^\d+(?:\s*,\s*\d+)*\s*,?\s*;", "match", 13_000),
    ],
)
def test_a_pattern_that_goes_over_it_again_and_again_is_noticed(pattern: str | bytes, use: str, length: int):
    """Shorter texts than those of the register's own patterns show it, and let no failure take long."""
    assert slowest(pattern, use, length=length) > PATIENCE


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
