"""What a snapshot holds: an answer with its labels in both languages, as canonical JSON; and the answer read from it again."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language, gettext

from agencies.models import User
from figures.figure import Figure, Total
from figures.interval import Interval
from figures.standing import CALLED, Qualifier, Standing, missing_called
from oversight.explorer.answer import Answer, Key, Row
from oversight.explorer.answering import answer
from oversight.explorer.citing import citation
from oversight.explorer.form import ExplorerForm
from oversight.explorer.question import Dimension, Measure, Question
from oversight.explorer.reading import parts
from oversight.explorer.wording import column_name
from oversight.exporting import Citation

SCHEMA = "govtrack-snapshot-1"
CITED = ("measure", "source", "period", "filters", "as_of", "coverage")


def document(user: User, question: Question, as_of: datetime.datetime) -> dict[str, Any]:
    """The figures of `question` in the sight of `user` with everything a reader needs, in both languages.

    The figures come from one answer; another one gives the labels of the other language.
    """
    languages = [code for code, _name in settings.LANGUAGES]
    answers = {code: _in(code, lambda: answer(user, question, as_of)) for code in languages}
    found = answers[languages[0]]

    def said(text: Callable[[Answer], Any]) -> dict[str, Any]:
        return {code: _in(code, partial(text, found)) for code, found in answers.items()}

    labels = {
        code: {(n, key.code): key.label for row in (*a.rows, *a.subtotals) for n, key in enumerate(row.keys)}
        for code, a in answers.items()
    }

    def written(row: Row) -> dict[str, Any]:
        keys = [_key(n, key, labels) for n, key in enumerate(row.keys)]
        return {"keys": keys, "figure": figure(row.total)}

    def filters() -> list[str]:
        return ExplorerForm(question.parameters(), user).in_use

    return {
        "schema": SCHEMA,
        "as_of": as_of.astimezone(datetime.UTC).isoformat(),
        "question": question.parameters(),
        "measure": {
            "code": question.measure.value,
            "label": said(lambda _answer: str(question.measure.label)),
        },
        "unit": "won" if question.measure.money else "count",
        "by": [
            {
                "code": dimension.value,
                "label": {code: _in(code, partial(column_name, dimension)) for code in answers},
            }
            for dimension in question.by
        ],
        "filters": said(lambda _answer: filters()),
        "source": found.source
        and {"code": found.source.code, "label": said(lambda _answer: str(found.source.label))},
        "citation": said(lambda a: _cited(citation(a, filters(), ""))),
        "notes": said(lambda a: list(a.notes)),
        "unseen": found.unseen,
        "rows": [written(row) for row in found.rows],
        "subtotals": [written(row) for row in found.subtotals],
        "total": figure(found.total),
    }


def _in(language: str, work: Callable[[], Any]) -> Any:
    with translation.override(language):
        return work()


def _cited(cited: Citation) -> dict[str, str]:
    return {name: getattr(cited, name) for name in CITED}


def _key(place: int, key: Key, labels: Mapping[str, Mapping[Any, str]]) -> dict[str, Any]:
    label = {code: known.get((place, key.code), key.label) for code, known in labels.items()}
    return {"code": key.code, "label": label, **({"path": key.path} if key.path else {})}


def figure(total: Total) -> dict[str, Any]:
    """A total in parts. `rounded_to` is the unit of its last known digit."""
    return {**asdict(parts(total)), "rounded_to": total.known.unit}


def total(written: Mapping[str, Any]) -> Total:
    """The total that `figure` wrote: it reads the same and leaves the same open."""
    missing = Counter({missing_called(code): count for code, count in written["missing"].items()})
    low, high = written["at_least"], written["at_most"]
    if written["value"] is None:
        code = written["standing"]
        known = missing_called(code) if code in CALLED else Standing.NOT_GIVEN
        return Total(Figure.missing(known, Interval(low or 0, high)), int(written["given"]), missing)
    stated = Figure(
        Standing.STATED,
        written["value"],
        Interval(low, high),
        written["rounded_to"],
        Qualifier(written["qualifier"]),
    )
    return Total(stated, int(written["given"]), missing)


def canonical(content: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces: the same content is always the same text. Raises TypeError for a float."""
    _refuse_floats(content)
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("a frozen figure is a whole number")
    if isinstance(value, Mapping):
        for part in value.values():
            _refuse_floats(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_floats(part)


def in_language(said: Mapping[str, Any]) -> Any:
    """What a document says in the reader's language, else in the first that it has."""
    language = (get_language() or settings.LANGUAGE_CODE).split("-")[0]
    return said.get(language, next(iter(said.values()), ""))


def frozen_answer(content: Mapping[str, Any]) -> Answer:
    """The answer that a document holds, its labels in the reader's language. Its question knows no filters."""
    by = tuple(Dimension(dimension["code"]) for dimension in content["by"])
    as_of = parse_datetime(content["as_of"])
    assert as_of is not None
    return Answer(
        question=Question(Measure(content["measure"]["code"]), by),
        as_of=as_of,
        rows=list(_rows(content["rows"])),
        subtotals=list(_rows(content["subtotals"])),
        total=total(content["total"]),
        unseen=int(content["unseen"]),
        notes=tuple(in_language(content["notes"])),
    )


def _rows(written: Iterable[Mapping[str, Any]]) -> Iterable[Row]:
    for row in written:
        keys = (Key(key["code"], in_language(key["label"]), {}, key.get("path", "")) for key in row["keys"])
        yield Row(tuple(keys), total(row["figure"]))


def comparable(found: Answer) -> Answer:
    """An answer of today as it would be read from a document, so that nothing but a change tells the two apart."""

    def same(row: Row) -> Row:
        return row._replace(figure=total(figure(row.total)))

    return replace(
        found,
        rows=[same(row) for row in found.rows],
        subtotals=[same(row) for row in found.subtotals],
        total=total(figure(found.total)),
    )


@dataclass(frozen=True)
class FrozenCitation(Citation):
    """What a snapshot says of itself: the citation as it was frozen, with its title, who froze it, and its hash."""

    title: str = ""
    frozen_by: str = ""
    sha256: str = ""

    def lines(self) -> list[tuple[str, str]]:
        return [
            (gettext("Snapshot"), self.title),
            (gettext("Frozen by"), self.frozen_by),
            *super().lines(),
            (gettext("SHA-256 of the document"), self.sha256),
        ]
