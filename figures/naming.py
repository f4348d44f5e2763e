"""Names and texts kept in Korean and English, read in the reader's language."""

from typing import Any

from django.utils.translation import get_language


class InLanguage:
    """A read-only attribute: `<field>_ko` or `<field>_en` as the reader's language asks, else the one that is filled."""

    def __init__(self, field: str) -> None:
        self.field = field

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        korean, english = getattr(instance, f"{self.field}_ko"), getattr(instance, f"{self.field}_en")
        first, second = (korean, english) if is_korean() else (english, korean)
        return first or second


def is_korean() -> bool:
    return (get_language() or "ko").startswith("ko")


def named(field: str) -> str:
    """The database column of a bilingual field in the reader's language, for ordering and labels."""
    return f"{field}_{'ko' if is_korean() else 'en'}"
