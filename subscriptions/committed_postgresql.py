"""What price lines commit to, worked out by PostgreSQL in whole numbers.

Nearly all lines are known exactly and of usual size. Each of these counts by itself, and a few whole numbers of 64 bits tell
what it comes to until a day: they are added up by agency as they are read. Only subscriptions with another line, or none, are
looked at one by one, for what is at least known of them and what is not.
"""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Sequence

from subscriptions.committed import LARGEST
from subscriptions.committed_lines import day_sql, lines_of, place_of
from subscriptions.money import Rates

# How far back a line may have begun that counts by itself, and how long a cycle is at most, in days, by its months.
YEARS_BACK = 20
TENTHS_AT_MOST = 11
LARGEST_SCALE = 2**40
LONGEST = {0: 1, 1: 31, 3: 92, 12: 366}
# The parts of the statement: what lines come to whose VAT is known, those at least and at most where it is not, how many
# subscriptions run in each period, and what those that are looked at one by one add to all that.
KNOWN, AT_LEAST, AT_MOST, RUNNING, ONE_BY_ONE = range(5)
# What the last of them holds of each period.
CORRECTIONS = ("low", "high", "given", "open", "unknown", "rateless")


def statement(subscriptions: str, cuts: Sequence[datetime.date], rates: Rates) -> str:
    """Rows of an agency's key, a part, and its numbers in the order of the periods; the rest of a row is empty.

    For the first three parts these are what has been committed to until each of the cuts, `begun` before the first one.
    """
    periods = list(itertools.pairwise(cuts))
    width = len(CORRECTIONS) * len(periods)
    chosen = "SELECT * FROM chosen"
    running = ", ".join(
        f"COUNT(*) FILTER (WHERE {runs(first, after)})::numeric AS c{n}"
        for n, (first, after) in enumerate(periods)
    )
    parts = [
        (_added_up(lines_of(chosen, rates), cuts), len(cuts)),
        (f"SELECT agency_id, {RUNNING} AS part, {running} FROM chosen GROUP BY agency_id", len(periods)),
        (_one_by_one(chosen, cuts, rates), width),
    ]
    padded = (
        f"SELECT p.*{', NULL::numeric' * (width - columns)} FROM ({part}) AS p" for part, columns in parts
    )
    return f"WITH chosen AS NOT MATERIALIZED ({subscriptions}) {' UNION ALL '.join(padded)}"


def runs(first: datetime.date, after: datetime.date) -> str:
    return f"(started_on IS NULL OR started_on < {day_sql(after)}) AND (ends_on IS NULL OR ends_on >= {day_sql(first)})"


def _exact(cuts: Sequence[datetime.date]) -> str:
    """Whether a line is known exactly, but for VAT, and small and young enough for whole numbers of 64 bits."""
    years = max(0, cuts[-1].year - cuts[0].year) + 2
    bounds = {}
    for months, longest in LONGEST.items():
        # As many days as lie between a line's begin or a cut and the first cut, with a cycle more for each.
        days = (YEARS_BACK + years) * 366 + 2 * longest
        bounds[months] = 2**61 // (2 * TENTHS_AT_MOST * longest * days)
    bound = " ".join(f"WHEN {months} THEN {bound}" for months, bound in bounds.items())
    since = day_sql(max(datetime.date.min, cuts[0] - datetime.timedelta(days=YEARS_BACK * 365)))
    return (
        f"COALESCE(counted = 1 AND begins >= {since} AND scale < {LARGEST_SCALE}"
        f" AND amount::float8 * rate * seats < CASE months {bound} END, false)"
    )


def _added_up(lines: str, cuts: Sequence[datetime.date]) -> str:
    """What the exact lines come to until each cut, by agency and part.

    With the price P / scale a cycle, a line's begin b / l cycles after the first cut's cycle and a cut c / k, these are
    (P * (c / k - b / l)) / scale cycles' worth; doubled and a half added, whole numbers divide and round at once. A one-off is
    a cycle of one day.
    """
    last = day_sql(cuts[-1])
    base = " ".join(f"WHEN {months} THEN {place_of(cuts[0], months)[0]}" for months in (1, 3, 12))

    def cycle(day: str) -> str:
        return f"{_cycle(day)} - CASE months {base} END"

    def first_day(cycles: str) -> str:
        number = f"(({cycles}) + CASE months {base} END) * months"
        return f"make_date(({number}) / 12, ({number}) % 12 + 1, 1)".replace("%", "%%")

    read = f"""
        SELECT agency_id, vat, months, begins, ends, amount, rate, scale, seats, counted FROM ({lines}) AS l OFFSET 0"""
    priced = f"""
        SELECT agency_id, vat, months, begins, scale::bigint AS scale,
            CASE months WHEN 0 THEN begins ELSE ends END + 1 AS over,
            CASE WHEN {_exact(cuts)} AND begins < {last} AND (ends IS NULL OR ends >= begins)
                THEN 2 * amount::bigint * rate * seats END AS price,
            CASE WHEN begins < {last} THEN {cycle("begins")} END AS b_cycle,
            CASE WHEN ends < {last} THEN {cycle("ends + 1")} END AS o_cycle
        FROM ({read}) AS l OFFSET 0"""
    placed = f"""
        SELECT agency_id, vat, months, begins, over, scale, price, b_cycle, o_cycle,
            begins - {first_day("b_cycle")} AS b_days, {first_day("b_cycle + 1")} - {first_day("b_cycle")} AS b_length,
            over - {first_day("o_cycle")} AS o_days, {first_day("o_cycle + 1")} - {first_day("o_cycle")} AS o_length
        FROM ({priced}) AS l OFFSET 0"""
    ready = f"""
        SELECT agency_id, part, months, begins, over,
            CASE months WHEN 0 THEN price * tenths ELSE price * tenths * b_length END AS slope,
            CASE months WHEN 0 THEN scale
                ELSE scale * b_length - price * tenths * (b_cycle * b_length + b_days) END AS shift,
            CASE months WHEN 0 THEN 2 * scale ELSE 2 * scale * b_length END AS whole,
            CASE months WHEN 0 THEN 1 ELSE o_cycle * o_length + o_days END::bigint AS co,
            CASE months WHEN 0 THEN 1 ELSE o_length END::bigint AS ko
        FROM ({placed}) AS l JOIN (VALUES ('included', {KNOWN}, 10), ('excluded', {KNOWN}, 11),
            ('not_given', {AT_LEAST}, 10), ('not_given', {AT_MOST}, 11)) AS v (vat, part, tenths) USING (vat)
        OFFSET 0"""
    rows = []
    for months in LONGEST:
        numbers = [str(months)]
        for cut in cuts:
            cycles, days, length = place_of(cut, months)
            begun = (cycles - place_of(cuts[0], months)[0]) * length + days
            common = math.gcd(begun, length)
            numbers += [f"{begun // common}::bigint", f"{length // common}::bigint"]
        rows.append(f"({', '.join(numbers)})")
    names = ", ".join(f"c{n}, k{n}" for n, _cut in enumerate(cuts))
    until = ", ".join(
        f"SUM(CASE WHEN begins >= {day_sql(cut)} THEN 0 WHEN over <= {day_sql(cut)} THEN (slope * co + shift * ko) / (whole * ko)"
        f" ELSE (slope * c{n} + shift * k{n}) / (whole * k{n}) END) AS until{n}"
        for n, cut in enumerate(cuts)
    )
    # A left join, though every line has its row: the planner then expects as many lines as there are.
    return (
        f"SELECT agency_id, part, {until} FROM ({ready}) AS l LEFT JOIN (VALUES {', '.join(rows)}) AS c (months, {names})"
        " USING (months) GROUP BY agency_id, part"
    )


def _one_by_one(subscriptions: str, cuts: Sequence[datetime.date], rates: Rates) -> str:
    """For the subscriptions with a line that is not exact, or without any: CORRECTIONS to what the exact lines come to."""
    exact = _exact(cuts)
    others = f"SELECT id FROM ({lines_of(subscriptions, rates)}) AS l WHERE NOT {exact}"
    lines = lines_of(f"{subscriptions} WHERE id IN ({others})", rates)
    periods = list(enumerate(itertools.pairwise(cuts)))
    of_each = ", ".join(
        f"SUM(low{n}) AS low{n}, SUM(CASE WHEN exact THEN 0 ELSE low{n} END) AS more{n},"
        f" COALESCE(SUM(high{n}), 0) AS high{n}, COALESCE(SUM(CASE WHEN exact THEN high{n} END), 0) AS counted{n},"
        f" MAX(open{n}) AS open{n}, MAX(CASE WHEN open{n} = 1 THEN rateless ELSE 0 END) AS rateless{n},"
        f" CASE WHEN {runs(first, after)} THEN 1 ELSE 0 END AS runs{n}"
        for n, (first, after) in periods
    )
    sums = ", ".join(
        f"SUM(more{n}), SUM(CASE WHEN open{n} = 0 THEN high{n} ELSE 0 END - counted{n}),"
        f" -SUM(CASE WHEN open{n} = 1 AND low{n} = 0 THEN runs{n} ELSE 0 END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} > 0 THEN 1 ELSE 0 END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} = 0 AND rateless{n} = 0 THEN 1 ELSE 0 END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} = 0 AND rateless{n} = 1 THEN 1 ELSE 0 END)"
        for n, _period in periods
    )
    return (
        f"SELECT agency_id, {ONE_BY_ONE} AS part, {sums} FROM (SELECT id, agency_id, {of_each}"
        f" FROM ({each_line(f'SELECT l.*, {exact} AS exact FROM ({lines}) AS l', cuts)}) AS c"
        " GROUP BY id, agency_id, started_on, ends_on) AS t GROUP BY agency_id"
    )


# --- one by one -------------------------------------------------------------------------------------------------------


# A price so small, in won times the row's scale, that its product with as many cycles as there can be is of 64 bits.
SMALL = 10**10


def each_line(lines: str, cuts: Sequence[datetime.date]) -> str:
    """`low`, `high` and `open` of each line and period. OFFSET 0: each stage is worked out once, however often it is named.

    Prices come in whole numbers of 64 bits where these hold all that is made of them, which is the quicker by half, and
    otherwise in numbers of any length.
    """
    dear, exact = "amount::numeric * rate * {} * seats", "amount::bigint * rate * {} * seats"
    priced = f"""
        SELECT id, agency_id, started_on, ends_on, rateless, exact, small, begins, ends + 1 AS over, months,
            scale::bigint AS scale,
            CASE WHEN small THEN {exact.format("least")} END AS price,
            CASE WHEN small AND counted = 1 THEN {exact.format("most")} END AS dearest,
            CASE WHEN NOT small THEN LEAST({dear.format("least")}, {LARGEST} * scale::numeric) END AS big_price,
            CASE WHEN NOT small AND counted = 1 AND {dear.format("most")} <= {LARGEST} * scale::numeric
                THEN {dear.format("most")} END AS big_dearest
        FROM (
            SELECT l.*, COALESCE(amount::float8 * rate * most * seats < {SMALL}, true) AS small FROM ({lines}) AS l OFFSET 0
        ) AS l OFFSET 0"""
    cycles = f"""
        SELECT p.*, {_cycle("begins")} AS begins_cycle, {_cycle("over")} AS over_cycle FROM ({priced}) AS p OFFSET 0"""
    at_cuts = ", ".join(_place_at(cut, n) for n, cut in enumerate(cuts))
    begun = f"SELECT p.*, {_place('begins', 'b', 0)}, {_place('over', 'o', 1)} FROM ({cycles}) AS p OFFSET 0"
    placed = f"SELECT p.*, {at_cuts} FROM ({begun}) AS p OFFSET 0"
    since_begun = ", ".join(
        f"CASE WHEN begins >= {day_sql(cut)} OR begins >= over THEN 0 ELSE {_since(n, 'b')} END AS d{n}, l{n} * lb AS e{n}"
        for n, cut in enumerate(cuts)
    )
    run = f"SELECT p.*, {since_begun} FROM ({placed}) AS p OFFSET 0"
    until = ", ".join(f"{_rounded('price', f'd{n}', f'e{n}')} AS low_until{n}" for n, _cut in enumerate(cuts))
    added = f"SELECT p.*, {until} FROM ({run}) AS p OFFSET 0"
    high_until = [
        f"CASE WHEN dearest = price THEN low_until{n} ELSE {_rounded('dearest', f'd{n}', f'e{n}')} END"
        for n, _cut in enumerate(cuts)
    ]
    columns = []
    for n, first in enumerate(cuts[:-1]):
        unbegun = f"begins IS NULL AND (over > {day_sql(first)} OR over IS NULL)"
        whole = _rounded("dearest", _since(n + 1, n), f"(l{n + 1} * l{n})")
        columns.append(
            f"CASE WHEN begins IS NULL THEN 0 ELSE low_until{n + 1} - low_until{n} END AS low{n},"
            f" CASE WHEN {unbegun} THEN {whole} WHEN begins IS NULL THEN 0"
            f" ELSE {high_until[n + 1]} - {high_until[n]} END AS high{n},"
            f" CASE WHEN dearest IS NULL AND big_dearest IS NULL"
            f" AND ({unbegun} OR d{n + 1} * e{n} <> d{n} * e{n + 1}) THEN 1 ELSE 0 END AS open{n}"
        )
    return f"SELECT id, agency_id, started_on, ends_on, rateless, exact, {', '.join(columns)} FROM ({added}) AS p"


def _cycle(day: str) -> str:
    """Which cycle a day is in, counted from the year 0."""
    return f"(date_part('year', {day})::int * 12 + date_part('month', {day})::int - 1) / NULLIF(months, 0)"


def _place(day: str, name: str, of_one_off: int) -> str:
    """The columns w, n and l of a day whose cycle is known: whole cycles, days into the one that runs, and its length."""
    first, after = (
        f"make_date(({day}_cycle{more}) * months / 12, ({day}_cycle{more}) * months % 12 + 1, 1)".replace(
            "%", "%%"
        )
        for more in ("", " + 1")
    )
    return (
        f"CASE WHEN months = 0 THEN {of_one_off} ELSE {day}_cycle END::bigint AS w{name},"
        f" CASE WHEN months = 0 THEN 0 ELSE {day} - {first} END::bigint AS n{name},"
        f" CASE WHEN months = 0 THEN 1 ELSE {after} - {first} END::bigint AS l{name}"
    )


def _place_at(cut: datetime.date, n: int) -> str:
    """The same of a day that all lines share, or of the line's end where that comes first."""
    columns = []
    for index, name in enumerate("wnl"):
        shared = " ".join(f"WHEN {months} THEN {place_of(cut, months)[index]}" for months in (0, 1, 3, 12))
        columns.append(
            f"CASE WHEN over <= {day_sql(cut)} THEN {name}o ELSE CASE months {shared} END::bigint END AS {name}{n}"
        )
    return ", ".join(columns)


def _since(n: int, begun: int | str) -> str:
    """The numerator of the cycles between two places, over the product of their lengths."""
    # A one-off that nobody knows the day of has not counted before the period.
    whole = f"CASE months WHEN 0 THEN 0 ELSE w{begun} END" if isinstance(begun, int) else f"w{begun}"
    return f"((w{n} - {whole}) * l{n} * l{begun} + n{n} * l{begun} - n{begun} * l{n})"


def _rounded(price: str, cycles: str, length: str) -> str:
    """The nearest whole won of a price times so many cycles, a half up; nothing is negative."""
    return (
        f"CASE WHEN small THEN COALESCE((2 * {price} * {cycles} + scale * {length}) / (2 * scale * {length}), 0)"
        f" ELSE LEAST(COALESCE(div(2 * big_{price} * {cycles} + scale * {length}, 2 * scale::numeric * {length}), 0),"
        f" {2**62})::bigint END"
    )
