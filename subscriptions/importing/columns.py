"""What a column of a file means: guessed from its header in Korean or English, as agencies write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from subscriptions.models import PriceLine

Cycle, Basis, Vat = PriceLine.Cycle, PriceLine.Basis, PriceLine.Vat
# What is longer, in characters as they are compared, is chosen by hand: of ten rows, every cell might be a header.
LONGEST_HEADER = 200
_BRACKETS = re.compile(r"[(\[][^)\]]*(?:[)\]]|\Z)")


@dataclass(frozen=True)
class Column:
    """A field that a file may fill; `names` are headers besides its label. `of_line`: it belongs to a price line."""

    label: Promise
    names: tuple[str, ...] = ()
    of_line: bool = False


def _split(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split("|"))


COLUMNS: dict[str, Column] = {
    "reference": Column(_("Reference"), _split("참조 번호|관리번호|구독번호|등록번호|id|ref")),
    "version": Column(_("Version"), _split("판")),
    "agency_code": Column(_("Agency code"), _split("기관 코드|기관코드|code of agency")),
    "agency": Column(_("Agency"), _split("기관명|기관 이름|소속|소속기관|이용기관|사용기관|지자체|자치단체|organisation|organization")),
    "product": Column(
        _("AI tool"),
        _split("도구|도구명|AI 도구명|제품|제품명|서비스|서비스명|프로그램|프로그램명|소프트웨어|솔루션|AI 서비스|생성형 AI|tool|product|service|software"),
    ),
    "plan": Column(_("Plan"), _split("플랜|요금제|구독 유형|상품|라이선스 유형|edition|tier|licence type|license type")),
    "status": Column(_("Status"), _split("상태|진행 상태|구독 상태|state")),
    "started_on": Column(_("Starts"), _split("시작일|개시일|계약일|계약 시작일|구독 시작일|이용 시작일|도입일|start|start date|started|starts on|from")),
    "ends_on": Column(_("Ends"), _split("종료일|만료일|계약 종료일|구독 종료일|이용 종료일|만기일|end|end date|ends on|expires|expiry|until")),
    "owner_department": Column(_("Owner department"), _split("담당 부서|담당부서|부서|부서명|소관 부서|주관 부서|관리 부서|department|owner|team")),
    "purpose": Column(_("Purpose"), _split("목적|용도|사용 목적|이용 목적|활용 목적|도입 목적|업무|use|usage|use case")),
    "data_class": Column(_("Highest data class"), _split("데이터 등급|최고 데이터 등급|자료 등급|정보 등급|보안 등급|N2SF 등급|N2SF|data class|classification")),
    "personal_data": Column(_("Personal data"), _split("개인정보|개인정보 처리|개인정보 포함|개인정보 여부|개인정보 처리 여부|pii|personal information")),
    "auto_renewal": Column(_("Automatic renewal"), _split("자동 갱신|자동갱신|자동 연장|자동 갱신 여부|자동 결제|auto renewal|autorenew")),
    "notice_days": Column(_("Notice days"), _split("통지 일수|해지 통지|해지 통지 기한|해지 통보일|notice period|notice")),
    "payer": Column(_("Payer"), _split("지급 기관|납부 기관|결제 기관|비용 부담 기관|paid by")),
    "payment_route": Column(_("Payment route"), _split("지급 경로|결제 경로|결제 방법|결제 수단|구매 방법|구매 경로|계약 방법|지급 방법|payment method|purchase route")),
    "reseller": Column(_("Reseller"), _split("공급업체|판매사|총판|대리점|계약 업체|계약상대자|supplier|distributor")),
    "contract_number": Column(_("Contract number"), _split("계약번호|계약 번호|계약서 번호|계약관리번호|contract no|contract|contract id")),
    "seats": Column(_("Seats"), _split("좌석|좌석 수|계정 수|라이선스 수|수량|구독 수|licences|licenses|quantity|accounts"), True),
    "amount": Column(_("Amount"), _split("금액|비용|단가|요금|가격|이용료|구독료|구독 비용|계약금액|소요 예산|예산|price|cost|fee|unit price|charge"), True),
    "currency": Column(_("Currency"), _split("통화|화폐|통화 단위"), True),
    "basis": Column(_("Per seat or flat"), _split("기준|가격 기준|과금 기준|산정 기준|basis|pricing|price basis"), True),
    "cycle": Column(_("Billed"), _split("주기|결제 주기|청구 주기|납부 주기|과금 주기|billing cycle|billing|cycle|period"), True),
    "vat": Column(_("VAT"), _split("부가세|부가가치세|부가세 포함 여부|부가세 여부|tax"), True),
    "standing": Column(_("Amount is"), _split("금액 상태|standing"), True),
    "line_from": Column(_("Price from"), _split("가격 시작일|단가 적용 시작일|price start"), True),
    "line_until": Column(_("Price until"), _split("가격 종료일|단가 적용 종료일|price end"), True),
}  # fmt: skip
RECORD = tuple(name for name, column in COLUMNS.items() if not column.of_line)
LINE = tuple(name for name, column in COLUMNS.items() if column.of_line)
NEEDED = (("agency", "agency_code"), ("product",))

UNITS = {"원": 1, "천원": 1_000, "만원": 10_000, "십만원": 100_000, "백만원": 1_000_000, "천만원": 10_000_000, "억원": 100_000_000, "억": 100_000_000}  # fmt: skip
# What surrounds the amount in a header: `월 단가(만원, VAT 별도)` says the cycle, the basis, the unit and the VAT.
_CYCLES = {
    Cycle.MONTHLY: r"월(?=정액|간|별|단위|\b|\s|단가|비용|금액|이용료|구독료|요금)|매월|monthly|per month|/\s*month|a month",
    Cycle.QUARTERLY: r"분기|quarterly|per quarter",
    Cycle.ANNUAL: r"연간|연(?=\b|\s|단가|비용|금액|이용료|구독료|요금)|년간|매년|annual|yearly|per year|/\s*year|a year",
}
_BASES = {
    Basis.PER_SEAT: r"단가|[1일]?인당|1인|계정당|좌석당|명당|per (seat|user|person|licen[cs]e)|unit price",
    Basis.FLAT: r"총액|총 ?금액|합계|정액|계약금액|일괄|total|flat",
}
_VATS = {
    Vat.EXCLUDED: r"(부가세|부가가치세|vat|tax)[\s.]{0,5}(별도|제외|미포함|excl|out)|(excl\w{0,9}|without) (vat|tax)|공급가",
    Vat.INCLUDED: r"(부가세|부가가치세|vat|tax)[\s.]{0,5}(포함|incl|in\b)|(incl\w{0,9}|with) (vat|tax)",
}


@dataclass(frozen=True)
class Implied:
    """What the header of the amounts says of all of them; `unit` is won for 1."""

    unit: int = 1
    currency: str = ""
    cycle: str = ""
    basis: str = ""
    vat: str = ""


def implied_by(header: str) -> Implied:
    text = unicodedata.normalize("NFKC", header).lower()
    inside = " ".join(_BRACKETS.findall(_to_the_last_bracket(text)))
    unit = re.search(r"(십만|백만|천만|천|만|억)\s*원?", inside)
    currency = re.search(r"\b(krw|usd|eur|jpy|gbp|cny)\b", text)
    symbols = {"$": "USD", "€": "EUR", "£": "GBP", "₩": "KRW", "달러": "USD", "유로": "EUR"}
    found = next((code for symbol, code in symbols.items() if symbol in text), "")
    factor = UNITS[unit[1] + "원"] if unit else 1
    return Implied(
        unit=factor,
        currency=currency[1].upper()
        if currency
        else found or ("KRW" if factor > 1 or "원" in inside else ""),
        cycle=_first(_CYCLES, text),
        basis=_first(_BASES, text),
        vat=_first(_VATS, text),
    )


def _first(patterns: Mapping[Any, str], text: str) -> str:
    return next((str(value) for value, pattern in patterns.items() if re.search(pattern, text)), "")


def guess(header: str) -> str:
    """The name of the column that a header means, or an empty text."""
    known = _known_headers()
    full, bare = normal(header), normal(without_brackets(header))
    if full in _ignored():
        return ""
    if found := known.get(full) or known.get(bare):
        return found
    # `월 이용료`, `연간 구독 비용`, `1인당 단가`: what is left without the cycle and the basis.
    rest = normal(re.sub("|".join([*_CYCLES.values(), "1인당|인당|계정당|총|당"]), "", bare_text(header)))
    return "amount" if known.get(rest) == "amount" else ""


def bare_text(header: str) -> str:
    return without_brackets(unicodedata.normalize("NFKC", header)).lower()


def without_brackets(text: str) -> str:
    """A text without what stands in brackets, and without these."""
    closed = _to_the_last_bracket(text)
    return _BRACKETS.sub("", closed) + text[len(closed) :]


def _to_the_last_bracket(text: str) -> str:
    """Without what follows, where a bracket that opens is never closed."""
    return text[: max(text.rfind(")"), text.rfind("]")) + 1]


def normal(header: str) -> str:
    """A header for comparison: without spaces, punctuation and case."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", header).casefold())


@cache
def _known_headers() -> dict[str, str]:
    return headers_of(COLUMNS)


def headers_of(columns: Mapping[str, Column]) -> dict[str, str]:
    """Every header that names a column by itself, in both languages, and the name of the column."""
    known: dict[str, str] = {}
    for name, column in columns.items():
        labels = []
        for language in ("ko", "en"):
            with override(language):
                labels.append(str(column.label))
        for header in (name, *labels, *column.names):
            known.setdefault(normal(header), name)
    return known


@cache
def _ignored() -> frozenset[str]:
    """Headers of our own files that hold what follows from other columns."""
    from subscriptions.tables import EXPORT_HEADER

    headers: set[str] = set()
    for language in ("ko", "en"):
        with override(language):
            headers.update(normal(str(header)) for header in EXPORT_HEADER)
    return frozenset(headers - set(_known_headers()))


@dataclass(frozen=True)
class Vocabulary:
    """The columns that one kind of file may have, and how a header is understood; `guess` gives a name or an empty text."""

    columns: Mapping[str, Column]
    guess: Callable[[str], str]

    def meaning(self, header: str) -> str:
        """The name of the column that a header means, or an empty text, as of one that is too long."""
        if len(header) > LONGEST_HEADER or len(unicodedata.normalize("NFKC", header)) > LONGEST_HEADER:
            return ""
        return self.guess(header)


SUBSCRIPTIONS = Vocabulary(COLUMNS, guess)


def guess_all(
    headers: Sequence[str],
    chosen: Mapping[str, str] | None = None,
    vocabulary: Vocabulary = SUBSCRIPTIONS,
) -> list[str]:
    """What each column means: as it was chosen for its header, or as the header says; each once, the first that claims it."""
    chosen = {normal(header): name for header, name in (chosen or {}).items()}
    taken: set[str] = set()
    found = []
    for header in headers:
        name = chosen.get(normal(header), vocabulary.meaning(header))
        if name in taken or name not in vocabulary.columns:
            name = ""
        taken.add(name)
        found.append(name)
    return found


def find_header(
    rows: Iterable[tuple[int, list[str]]], vocabulary: Vocabulary = SUBSCRIPTIONS
) -> tuple[list[str], Iterable[tuple[int, list[str]]]]:
    """The header and the rows after it: among the first ten, the row in which most columns are known; else the first.

    Spreadsheets often begin with a title, a date or a unit.
    """
    rest = iter(rows)
    first = [row for _number, row in zip(range(10), rest, strict=False)]
    scores = [sum(bool(vocabulary.meaning(cell)) for cell in cells) for _line, cells in first]
    at = scores.index(max(scores)) if scores else 0
    return first[at][1], chain(first[at + 1 :], rest)
