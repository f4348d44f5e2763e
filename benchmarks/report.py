"""The table of what was measured, and what misses the bar."""

from __future__ import annotations

from typing import Any

from benchmarks.databases import POSTGRESQL

Measured = dict[str, dict[int, list[dict[str, Any]]]]

FULL_SIZE, SMALL_SIZE = 1_000_000, 10_000
MOST_TIMES = 1.5
# A page is compared with the same page of the small register when it shows hardly more rows.
ROWS_MORE = 10
# What the bars of the checks are about.
LEAST_SHARE, MOST_MEGABYTES, LEAST_PER_SECOND = 0.02, 300, 5_000_000
# Of a file, on PostgreSQL at a million.
LEAST_ROWS_A_SECOND, MOST_FILE_MEGABYTES = 50_000, 150
MOST_MEGABYTES_IMPORTING = 300


def markdown(measured: Measured) -> str:
    """One table for each database and size; times are medians in milliseconds."""
    parts = []
    for database, sizes in measured.items():
        for size, results in sizes.items():
            small = _by_page(sizes.get(SMALL_SIZE, []))
            parts += [
                f"### {database}, {size:,} subscriptions",
                "",
                f"| page | seen by | rows | ms | bar | raw SQL, ms | ratio | times {SMALL_SIZE:,} | queries |",
                "|---|---|--:|--:|--:|--:|--:|--:|--:|",
                *(_row(result, small, database) for result in results),
                "",
            ]
    return "\n".join(parts)


def _row(result: dict[str, Any], small: dict[tuple[str, str], dict[str, Any]], database: str) -> str:
    times = _times(result, small)
    cells = [
        result["page"],
        result["person"],
        str(result["rows"]),
        f"{result['ms']:.1f}",
        str(result["bar"] or "") if database == POSTGRESQL else "",
        f"{result['raw_ms']:.1f}",
        f"{result['ms'] / result['raw_ms']:.1f}",
        f"{times:.2f}" if times else "",
        str(result["queries"]),
    ]
    return f"| {' | '.join(cells)} |"


def missed(measured: Measured) -> list[str]:
    """A sentence for each page that misses its bar on PostgreSQL at a million."""
    sizes = measured.get(POSTGRESQL, {})
    small = _by_page(sizes.get(SMALL_SIZE, []))
    found = []
    for result in sizes.get(FULL_SIZE, []):
        if not result["bar"]:
            continue
        name, times = f"{result['page']} ({result['person']})", _times(result, small)
        if result["ms"] > result["bar"]:
            found.append(f"{name} takes {result['ms']:.1f} ms, more than {result['bar']}")
        if times and times > MOST_TIMES:
            found.append(
                f"{name} takes {times:.2f} times as long as with {SMALL_SIZE:,}, more than {MOST_TIMES}"
            )
    return found


def markdown_of_checks(checked: Measured) -> str:
    """One table for each database and size."""
    parts = []
    for database, sizes in checked.items():
        for size, results in sizes.items():
            if not results:
                continue
            parts += [
                f"### Checks: {database}, {size:,} subscriptions, 20 policies",
                "",
                "| what | pairs that do not pass | ms | bar | |",
                "|---|--:|--:|--:|---|",
            ]
            parts += [
                f"| {r['name']} | {r['share']:.0%} | {r['ms']:,.0f} |"
                f" {_bar(r, database, size)} | {r['note']} |"
                for r in results
            ]
            parts.append("")
    return "\n".join(parts)


def markdown_of_imports(imported: Measured) -> str:
    """One table for each database and size of the register."""
    parts = []
    for database, sizes in imported.items():
        for size, results in sizes.items():
            if not results:
                continue
            parts += [
                f"### Import of a file: {database}, {size:,} subscriptions",
                "",
                "| what | ms | bar | |",
                "|---|--:|--:|---|",
            ]
            for result in results:
                bar = f"{result['bar']:,.0f}" if database == POSTGRESQL else ""
                parts.append(f"| {result['name']} | {result['ms']:,.0f} | {bar} | {result['note']} |")
            parts.append("")
    return "\n".join(parts)


def missed_imports(imported: Measured) -> list[str]:
    """A sentence for each import that is too slow or takes too much memory on PostgreSQL."""
    found = []
    for size, results in imported.get(POSTGRESQL, {}).items():
        for result in results:
            name = f"{result['name']} into {size:,} subscriptions"
            if result["ms"] > result["bar"]:
                found.append(f"{name} takes {result['ms']:,.0f} ms, more than {result['bar']:,.0f}")
            if result["megabytes"] > MOST_MEGABYTES_IMPORTING:
                found.append(
                    f"{name} takes {result['megabytes']:.0f} MB, more than {MOST_MEGABYTES_IMPORTING}"
                )
    return found


def markdown_of_committed(committed: Measured) -> str:
    """One table for each database and size."""
    parts = []
    for database, sizes in committed.items():
        for size, results in sizes.items():
            if not results:
                continue
            parts += [
                f"### Committed cost: {database}, {size:,} subscriptions",
                "",
                "| what | ms | raw SQL without rounding and gaps, ms | ratio |",
                "|---|--:|--:|--:|",
                *(
                    f"| {r['name']} | {r['ms']:,.0f} | {r['raw_ms']:,.0f} | {r['ms'] / r['raw_ms']:.1f} |"
                    for r in results
                ),
                "",
            ]
    return "\n".join(parts)


def _bar(result: dict[str, Any], database: str, size: int) -> str:
    counts = database == POSTGRESQL and size == FULL_SIZE and result["share"] <= LEAST_SHARE
    return f"{result['bar']:,}" if counts and result["bar"] else ""


def missed_checks(checked: Measured) -> list[str]:
    """A sentence for each check that misses its bar on PostgreSQL at a million, with few pairs failing."""
    found = []
    for result in checked.get(POSTGRESQL, {}).get(FULL_SIZE, []):
        if result["share"] > LEAST_SHARE:
            continue
        if result["bar"] and result["ms"] > result["bar"]:
            found.append(f"{result['name']} takes {result['ms']:,.0f} ms, more than {result['bar']:,}")
        if result.get("megabytes", 0) > MOST_MEGABYTES:
            found.append(f"{result['name']} takes {result['megabytes']:.0f} MB, more than {MOST_MEGABYTES}")
        if result.get("per_second", LEAST_PER_SECOND) < LEAST_PER_SECOND:
            found.append(
                f"{result['name']}: {result['per_second']:,.0f} a second, less than {LEAST_PER_SECOND:,}"
            )
    return found


def markdown_of_explorer(explored: Measured) -> str:
    """One table for each database and size."""
    parts = []
    for database, sizes in explored.items():
        for size, results in sizes.items():
            if not results:
                continue
            parts += [
                f"### Spending explorer: {database}, {size:,} subscriptions with about ten payments each",
                "",
                "| grouped | filtered by | rows | answer, ms | bar | raw SQL without filter, ms | ratio | whole page, ms | |",
                "|---|---|--:|--:|--:|--:|--:|--:|---|",
            ]
            parts += [_explored(result, database, size) for result in results]
            parts.append("")
    return "\n".join(parts)


def _explored(result: dict[str, Any], database: str, size: int) -> str:
    bar = f"{result['bar']:,}" if result["bar"] and (database, size) == (POSTGRESQL, FULL_SIZE) else ""
    raw, page = result["raw_ms"], result["page_ms"]
    cells = [
        result["name"],
        result["filter"],
        f"{result['rows']:,}",
        f"{result['ms']:,.0f}",
        bar,
        f"{raw:,.0f}" if raw else "",
        f"{result['ms'] / raw:.2f}" if raw else "",
        f"{page:,.0f}" if page else "",
        result["note"],
    ]
    return f"| {' | '.join(cells)} |"


def missed_explorer(explored: Measured) -> list[str]:
    """A sentence for each question or file that misses its bar on PostgreSQL at a million."""
    found = []
    for result in explored.get(POSTGRESQL, {}).get(FULL_SIZE, []):
        name = f"spending {result['name']}, {result['filter']}" if result["filter"] else result["name"]
        if result["bar"] and result["ms"] > result["bar"]:
            found.append(f"{name} takes {result['ms']:,.0f} ms, more than {result['bar']:,}")
        if result.get("per_second") and result["per_second"] < LEAST_ROWS_A_SECOND:
            found.append(
                f"{name}: {result['per_second']:,.0f} rows a second, less than {LEAST_ROWS_A_SECOND:,}"
            )
        if result.get("megabytes", 0) > MOST_FILE_MEGABYTES:
            found.append(f"{name} takes {result['megabytes']:.0f} MB, more than {MOST_FILE_MEGABYTES}")
    return found


def _by_page(results: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(result["page"], result["person"]): result for result in results}


def _times(result: dict[str, Any], small: dict[tuple[str, str], dict[str, Any]]) -> float | None:
    base = small.get((result["page"], result["person"]))
    if base is None or result["rows"] - base["rows"] > ROWS_MORE:
        return None
    return result["ms"] / base["ms"]
