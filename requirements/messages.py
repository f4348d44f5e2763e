"""Compile the translations in locale/ with Babel, so that a machine needs no gettext."""

import sys
from pathlib import Path

LOCALE = Path(__file__).resolve().parents[1] / "locale"


def stale() -> list[Path]:
    """The translation files that are newer than what was compiled from them."""
    return [
        source
        for source in sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))
        if not (compiled := source.with_suffix(".mo")).exists()
        or compiled.stat().st_mtime < source.stat().st_mtime
    ]


def main() -> int:
    from babel.messages.mofile import (
        write_mo,
    )  # here, since prepare.py asks stale() before any package is installed
    from babel.messages.pofile import read_po

    for source in stale():
        target = source.with_suffix(".mo")
        with source.open("rb") as po:
            catalog = read_po(po, locale=source.parts[-3], abort_invalid=True)
        new = target.with_suffix(".new")
        with new.open("wb") as mo:
            write_mo(mo, catalog)
        new.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
