"""The words that people write for a choice, besides its label: in Korean and English, without spaces, in small letters."""

from figures.standing import Standing

SYMBOLS = {
    "₩": "KRW",
    "원": "KRW",
    "us$": "USD",
    "$": "USD",
    "달러": "USD",
    "€": "EUR",
    "유로": "EUR",
    "£": "GBP",
}

WORDS: dict[str, dict[str, str]] = {
    "yes_no": {
        **dict.fromkeys(("yes", "y", "true", "1", "o", "예", "네", "유", "있음", "여", "해당", "포함", "처리", "○", "v"), "true"),
        **dict.fromkeys(("no", "n", "false", "0", "x", "아니오", "아니요", "무", "없음", "부", "비해당", "미해당", "미포함", "미처리", "×"), "false"),
    },
    "data_class": {"o": "open", "s": "sensitive", "c": "classified", "공개": "open", "민감": "sensitive", "기밀": "classified", "open": "open", "sensitive": "sensitive", "classified": "classified"},
    "payment_route": {"수의계약": "contract", "조달": "contract", "디지털서비스몰": "digital_service_mall", "법인카드": "official_card", "관용카드": "official_card", "구매카드": "official_card", "카드": "official_card", "card": "official_card", "총판": "reseller", "대리점": "reseller", "개인 결제 후 환급": "reimbursed", "환급": "reimbursed"},
    "basis": {"인당": "per_seat", "1인당": "per_seat", "명당": "per_seat", "계정당": "per_seat", "단가": "per_seat", "per user": "per_seat", "정액": "flat", "총액": "flat", "일괄": "flat", "total": "flat"},
    "cycle": {"월": "monthly", "매월": "monthly", "월간": "monthly", "월납": "monthly", "month": "monthly", "분기": "quarterly", "quarter": "quarterly", "연": "annual", "년": "annual", "연간": "annual", "매년": "annual", "연납": "annual", "year": "annual", "yearly": "annual", "일시불": "one_off", "일시": "one_off", "1회": "one_off", "일회성": "one_off", "once": "one_off", "사용량": "usage", "종량제": "usage"},
    "vat": {"포함": "included", "별도": "excluded", "제외": "excluded", "미포함": "excluded", "included": "included", "excluded": "excluded", "yes": "included", "no": "excluded"},
    "standing": {},
    "status": {"사용중": "active", "이용중": "active", "구독중": "active", "in use": "active", "초안": "draft", "작성중": "draft"},
}  # fmt: skip
MISSING = {"미정": Standing.UNDETERMINED, "비공개": Standing.WITHHELD, "해당없음": Standing.NOT_APPLICABLE, "n/a": Standing.NOT_APPLICABLE}  # fmt: skip
EMPTY = ("-", "–", "—", "―", "미기재", "미입력")
