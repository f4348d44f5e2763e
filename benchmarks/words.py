"""The words that the generated register is written in: names of places and offices, tools, and purposes of use."""

import random

# Words of known frequency in purposes, so that searches for them can be measured and compared between sizes. A rare word stands
# in so many subscriptions whatever their number, so that a page of its results is the same at each size.
RARE_ROWS = 60
RARE_SHORT, RARE_LONG = "드론", "photogrammetry"
RARE_PURPOSES = {RARE_SHORT: "드론 촬영 업무", RARE_LONG: "Photogrammetry of cultural heritage"}
COMMON_SHORT, COMMON_LONG = "업무", "보고서"  # in about six and three of ten purposes
MIDDLING = "홍보물"  # in about one of fifty

PLACE_FIRST = "강남동서평안해산천주성덕영양고진청용수금"
PLACE_SECOND = "주천산양성원포진흥령해안평구창릉곡암도월"
OFFICES = (
    ("총무과", "General Affairs Division"),
    ("정보통신과", "Information and Communications Division"),
    ("기획예산과", "Planning and Budget Division"),
    ("문화관광과", "Culture and Tourism Division"),
    ("복지정책과", "Welfare Policy Division"),
    ("도시계획과", "Urban Planning Division"),
    ("환경위생과", "Environment and Hygiene Division"),
    ("농업기술센터", "Agricultural Technology Center"),
    ("보건소", "Public Health Center"),
    ("시립도서관", "Public Library"),
    ("상하수도사업소", "Waterworks Office"),
    ("교통행정과", "Transport Administration Division"),
    ("세무과", "Taxation Division"),
    ("민원봉사과", "Civil Petitions Division"),
    ("안전총괄과", "Safety Division"),
    ("의회사무국", "Council Secretariat"),
)
INSTITUTIONS = (
    ("연구원", "Research Institute"),
    ("시설관리공단", "Facilities Corporation"),
    ("문화재단", "Cultural Foundation"),
    ("도시공사", "Urban Corporation"),
    ("의료원", "Medical Center"),
    ("신용보증재단", "Credit Guarantee Foundation"),
)

TOOL_FIRST = {
    "Aria": "아리아", "Nova": "노바", "Lumen": "루멘", "Orbit": "오르빗", "Pixel": "픽셀", "Quill": "퀼",
    "Tempo": "템포", "Vista": "비스타", "Clear": "클리어", "Swift": "스위프트", "Echo": "에코", "Atlas": "아틀라스",
    "Delta": "델타", "Prism": "프리즘", "Sage": "세이지",
}  # fmt: skip
TOOL_SECOND = {
    "Write": "라이트", "Draw": "드로우", "Speak": "스피크", "Note": "노트", "Scribe": "스크라이브", "Voice": "보이스",
    "Slide": "슬라이드", "Code": "코드", "Search": "서치", "Meet": "미트", "Translate": "트랜스레이트", "Desk": "데스크",
    "Vision": "비전", "Mail": "메일",
}  # fmt: skip
PLANS = ("", "Team", "Team", "Business", "Enterprise", "Pro", "Plus", "Education", "API")
RESELLERS = ("", "", "", "", "한빛정보", "대한소프트", "누리시스템", "가온클라우드")

KOREAN_SUBJECTS = (
    "보도자료 초안", "회의록 정리", "민원 답변 초안", "법령과 조례 검토", "통계 자료 분석", "예산 설명 자료",
    "외국어 자료 번역", "교육 자료 제작", "정책 동향 조사", "행사 안내문", "주민 설문 분석", "계약 서류 점검",
    "음성 안내 제작", "영상 자막 작성", "홈페이지 문안", "감사 자료 정리", "기록물 요약", "직원 교육",
)  # fmt: skip
KOREAN_ENDS = ("업무 지원", "업무에 활용", "작성 업무 효율화", "작성에 활용", "시범 운영", "반복 업무 경감")
ENGLISH_PURPOSES = (
    "Drafting answers to civil petitions", "Summaries of council minutes", "Translation of foreign notices",
    "Slides for budget hearings", "Analysis of survey data", "Voice guidance for visitors",
)  # fmt: skip


def place(rng: random.Random) -> str:
    return rng.choice(PLACE_FIRST) + rng.choice(PLACE_SECOND)


def purpose(rng: random.Random) -> str:
    """A purpose as people write it, in Korean nine times out of ten, or none at all."""
    kind = rng.random()
    if kind < 0.05:
        return ""
    if kind < 0.12:
        text = rng.choice(ENGLISH_PURPOSES)
    else:
        text = f"{rng.choice(KOREAN_SUBJECTS)} {rng.choice(KOREAN_ENDS)}"
        if rng.random() < 0.35:
            text += f", {rng.choice(KOREAN_SUBJECTS)} 보고서 작성"
    if rng.random() < 0.02:
        text += f", {MIDDLING} 제작"
    return text
