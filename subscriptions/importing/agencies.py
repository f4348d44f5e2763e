"""Agencies read from a file, by their codes; each is checked by its model as the administration does.

An agency may stand before the one above it: the rows are written in the order in which they can be.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm, modelform_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from agencies.duties import hold_duties
from agencies.models import Agency, User
from subscriptions.import_models import FileImport
from subscriptions.importing import plain
from subscriptions.importing.columns import Column, Vocabulary, headers_of, normal
from subscriptions.importing.directory import NearCodes
from subscriptions.importing.plain import Line, Rows
from subscriptions.importing.running import Table
from subscriptions.importing.values import read_day
from subscriptions.importing.words import EMPTY


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


COLUMNS: dict[str, Column] = {
    "code": Column(gettext_lazy("Code"), _split("기관 코드|기관코드|코드|agency code")),
    "name_ko": Column(gettext_lazy("Full name in Korean"), _split("기관명|기관 이름|한글명|한글 이름|전체 이름|정식 명칭|korean name|name")),
    "name_en": Column(gettext_lazy("Full name in English"), _split("영문명|영문 이름|영문 기관명|english name")),
    "short_ko": Column(gettext_lazy("Short name in Korean"), _split("약칭|한글 약칭|기관 약칭|short name")),
    "short_en": Column(gettext_lazy("Short name in English"), _split("영문 약칭")),
    "kind": Column(gettext_lazy("Kind"), _split("종류|기관 종류|기관 유형|유형|구분|type")),
    "parent": Column(gettext_lazy("Code of the parent agency"), _split("상위 기관|상위기관|상위 기관 코드|상위기관 코드|상위 코드|parent|parent code")),
    "active_from": Column(gettext_lazy("Active from"), _split("설치일|신설일|시작일|founded|from")),
    "active_until": Column(gettext_lazy("Active until"), _split("폐지일|종료일|dissolved|until")),
    "successor": Column(gettext_lazy("Code of the successor"), _split("승계 기관|승계기관|승계 기관 코드|successor")),
}  # fmt: skip
FIELDS = list(COLUMNS)
NAMES = ("name_ko", "name_en", "short_ko", "short_en")


@cache
def _headers() -> dict[str, str]:
    return headers_of(COLUMNS)


VOCABULARY = Vocabulary(COLUMNS, lambda header: _headers().get(normal(header), ""))


def missing(columns: Sequence[str]) -> str:
    return "" if "code" in columns else _("There must be a column for the code of the agency.")


def example() -> list[list[str]]:
    return [
        [str(column.label) for column in COLUMNS.values()],
        ["KR-49-110", "제주시", "Jeju City", "제주시", "Jeju City", str(Agency.Kind.CITY.label), "KR-49", "", "", ""],
        ["KR-49-111", "제주시 정보화과", "Jeju City Information Office", "정보화과", "IT Office",
         str(Agency.Kind.OFFICE.label), "KR-49-110", "2024-01-01", "", ""],
    ]  # fmt: skip


class Agencies(Rows):
    kind, model, vocabulary = FileImport.Kind.AGENCIES, Agency, VOCABULARY

    def __init__(self, by: User, mapped: Sequence[str], table: Table) -> None:
        super().__init__(by, mapped, table)
        self._seen: dict[str, int] = {}
        self._near = NearCodes(Agency.objects.visible_to(by), "code")
        self._kinds = {}
        for language in ("ko", "en"):
            with override(language):
                self._kinds.update({_folded(str(kind.label)): kind.value for kind in Agency.Kind})
        self._kinds.update({kind.value: kind.value for kind in Agency.Kind})

    @classmethod
    def may(cls, by: User) -> bool:
        return by.is_superuser

    @classmethod
    def changeable(cls, by: User) -> QuerySet:
        return Agency.objects.visible_to(by)

    @classmethod
    def missing(cls, columns: Sequence[str]) -> str:
        return missing(columns)

    def ordered(self, lines: Iterator[Line]) -> Iterator[Line]:
        """Every agency after those that its row names. What goes round in a circle comes last, and fails there."""
        waiting: dict[str, list[Line]] = defaultdict(list)
        rest = list(lines)
        codes = {line.texts.get("code", "").upper() for line in rest}
        done: set[str] = set()
        ready: list[Line] = []
        for line in rest:
            above = self._above(line, codes, done)
            (waiting[above] if above else ready).append(line)
        while ready:
            line = ready.pop(0)
            yield line
            code = line.texts.get("code", "").upper()
            if code in done:
                continue
            done.add(code)
            for one in waiting.pop(code, []):
                above = self._above(one, codes, done)
                (waiting[above] if above else ready).append(one)
        for lines_left in waiting.values():
            for line in lines_left:
                line.wrong("parent", _("An agency cannot be below itself."))
                yield line

    @staticmethod
    def _above(line: Line, codes: set[str], done: set[str]) -> str:
        """An agency of the file that must be written before this one."""
        named = (line.texts.get(name, "").upper() for name in ("parent", "successor"))
        return next((code for code in named if code in codes and code not in done), "")

    @classmethod
    def hold(cls) -> None:
        hold_duties()  # as whoever saves an agency does before its row

    def prepare(self, lines: Sequence[Line], hold: bool) -> None:
        if hold:
            codes = {line.texts.get("code", "").upper() for line in lines}
            # A role that is given meanwhile refers to its agency, and holds what a later row may wait for (`duties`).
            held = Agency.objects.visible_to(self.by).select_for_update(of=("self",), no_key=True)
            list(held.filter(code__in=codes).order_by("pk").values_list("pk"))

    def form(self, line: Line) -> ModelForm | None:
        texts = {name: "" if text in EMPTY else text for name, text in line.texts.items()}
        code = texts["code"].upper()
        before = self._seen.setdefault(code, line.number)
        if before != line.number:
            line.wrong("code", _("Line %(line)s is the same agency.") % {"line": before})
            return None
        stored = Agency.objects.visible_to(self.by).filter(code=code).first()
        form = agency_form()
        data: dict[str, Any] = dict(form(instance=stored).initial) if stored else {}
        data.update(texts, code=code)
        if stored is None:
            for short in ("short_ko", "short_en"):
                if short not in self.mapped:
                    data[short] = data.get(short.replace("short", "name"), "")
        if "kind" in texts:
            data["kind"] = self._kinds.get(_folded(texts["kind"]), texts["kind"])
        for name in ("active_from", "active_until"):
            if texts.get(name):
                try:
                    data[name] = read_day(texts[name]).isoformat()
                except ValidationError as error:
                    line.wrong(name, plain.cell_error(error))
        for name in ("parent", "successor"):
            if texts.get(name):
                data[name] = self._named(line, name, texts[name].upper())
        return None if line.has_errors else form(data, instance=stored)

    def _named(self, line: Line, name: str, code: str) -> int | None:
        found = Agency.objects.visible_to(self.by).filter(code=code).values_list("pk", flat=True).first()
        if found is None:
            message = _("There is no agency with this code, neither here nor in the file.")
            line.wrong(name, message, self._near.of(code))
        return found

    def label(self, record: Agency) -> str:
        return f"{record} ({record.code})"


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


@cache
def agency_form() -> type[ModelForm]:
    return modelform_factory(Agency, fields=FIELDS)


run = partial(plain.run, Agencies)
