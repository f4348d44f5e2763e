"""What price lines commit to, worked out by PostgreSQL in whole numbers.

Nearly all lines are known exactly and of usual size. Each of these counts by itself, and a few whole numbers of 64 bits tell
what it comes to until a day: they are added up by agency as they are read. Only subscriptions with another line, or none, are
looked at one by one, for what is at least known of them and what is not.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import math
from collections.abc import Sequence

from subscriptions.committed import LARGEST
from subscriptions.committed_lines import day_sql, lines_of, place_of, prices
from subscriptions.money import Rates

# How far back a line may have begun that counts by itself, and how long a cycle is at most, in days, by its months.
YEARS_BACK = 10
TENTHS_AT_MOST = 11
LARGEST_SCALE = 2**40
LONGEST = {0: 1, 1: 31, 3: 92, 12: 366}
# The parts of the statement: what lines come to whose VAT is known, those at least and at most where it is not, how many
# subscriptions run in each period, and what those that are looked at one by one add to all that.
KNOWN, AT_LEAST, AT_MOST, RUNNING, ONE_BY_ONE = range(5)
# What the last of them holds of each period.
CORRECTIONS = ("low", "high", "given", "open", "unknown", "rateless")


def statement(subscriptions: str, cuts: Sequence[datetime.date], rates: Rates, by_place: bool = False) -> str:
    """Rows of an agency's key, a part, and its numbers in the order of the periods; the rest of a row is empty.

    For the first three parts these are what has been committed to until each of the cuts. With `by_place` the rows are of the
    places of agencies, given as two more parameters: keys of agencies, and for each that of its place.
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
    together = " UNION ALL ".join(padded)
    if by_place:
        names = [f"n{n}" for n in range(width)]
        together = (
            f"SELECT place, part, {', '.join(f'SUM({name})' for name in names)}"
            f" FROM ({together}) AS u (agency_id, part, {', '.join(names)})"
            " JOIN unnest(%s::bigint[], %s::bigint[]) AS p (agency_id, place) USING (agency_id) GROUP BY place, part"
        )
    return f"WITH chosen AS NOT MATERIALIZED ({subscriptions}) {together}"


def runs(first: datetime.date, after: datetime.date) -> str:
    return f"(started_on IS NULL OR started_on < {day_sql(after)}) AND (ends_on IS NULL OR ends_on >= {day_sql(first)})"


def since(cuts: Sequence[datetime.date]) -> datetime.date:
    """The first day on which a line may have begun that counts by itself."""
    back = datetime.timedelta(days=YEARS_BACK * 365)
    return cuts[0] - back if cuts[0] - datetime.date.min > back else datetime.date.min


def _exact(cuts: Sequence[datetime.date]) -> str:
    """Whether a line is known exactly, but for VAT, and small and young enough for whole numbers of 64 bits."""
    return f"COALESCE(begins >= {day_sql(since(cuts))} AND {_small(cuts)}, false)"


def _small(cuts: Sequence[datetime.date]) -> str:
    """The part of it that its dates do not matter to."""
    bounds = {}
    for months, longest in LONGEST.items():
        # As many days as lie between a line's begin or a cut and the first cut, with a cycle more for each.
        days = (cuts[-1] - since(cuts)).days + 2 * longest
        bounds[months] = 2**61 // (2 * TENTHS_AT_MOST * longest * days)
    bound = " ".join(f"WHEN {months} THEN {bound}" for months, bound in bounds.items())
    return (
        f"counted = 1 AND scale < {LARGEST_SCALE} AND amount::float8 * rate * seats < CASE months {bound} END"
    )


@functools.lru_cache(maxsize=32)
def _days_among_cycles(
    first: datetime.date, last: datetime.date, base: datetime.date
) -> tuple[str, str, str]:
    """Where each day from `first` to `last` lies in a line's cycles: two arrays, and at what place a cycle's days begin in both.

    They hold the days since the begin of the cycle that `base` is in, were all cycles as long as the day's own, and that length.
    To look them up takes the database a tenth of working them out.
    """
    days = [first + datetime.timedelta(days=n) for n in range((last - first).days + 1)]
    passed: list[int] = []
    lengths: list[int] = []
    begins: list[str] = []
    for months in LONGEST:
        begins.append(f"WHEN {months} THEN {len(passed) + 1}")
        whole = place_of(base, months)[0]
        for day in days:
            # A one-off is a cycle of one day.
            cycle, into, length = place_of(day, months) if months else (whole + (day - base).days, 0, 1)
            passed.append((cycle - whole) * length + into)
            lengths.append(length)
    arrays = [f"'{{{','.join(map(str, numbers))}}}'::int[]" for numbers in (passed, lengths)]
    return arrays[0], arrays[1], f"CASE months {' '.join(begins)} END"


def _added_up(lines: str, cuts: Sequence[datetime.date]) -> str:
    """What the exact lines come to until each cut, by agency and part.

    With the price P / scale a cycle, a line that begins b / l cycles after the first cut's cycle has come, until c / k, to
    P * (c / k - b / l) / scale; doubled and with a half added, whole numbers divide and round at once.
    """
    last = day_sql(cuts[-1])
    passed, lengths, place = _days_among_cycles(since(cuts), cuts[-1], cuts[0])
    passed_over, lengths_over, place_over = _days_among_cycles(cuts[0], cuts[-1], cuts[0])
    begun = f"[begins - {day_sql(since(cuts))} + {place}]"
    end = "CASE months WHEN 0 THEN begins ELSE ends END"
    ended = f"[{end} + 1 - {day_sql(cuts[0])} + {place_over}]"
    begins_in_it = f"begins >= {day_sql(since(cuts))} AND begins < {last}"
    ends_in_it = f"{end} >= {day_sql(cuts[0])} AND {end} < {last}"
    read = f"""
        SELECT agency_id, vat, months, begins, ends, amount, rate, scale, seats, counted FROM ({lines}) AS l OFFSET 0"""
    priced = f"""
        SELECT agency_id, vat, months, begins, scale::bigint AS scale,
            {end} + 1 AS over,
            CASE WHEN {_exact(cuts)} AND begins < {last} AND (ends IS NULL OR ends >= begins)
                THEN 2 * amount::bigint * rate * seats END AS price,
            CASE WHEN {begins_in_it} THEN ({passed}){begun} END AS b,
            CASE WHEN {begins_in_it} THEN ({lengths}){begun} END::bigint AS l,
            CASE WHEN {ends_in_it} THEN ({passed_over}){ended} END::bigint AS co,
            CASE WHEN {ends_in_it} THEN ({lengths_over}){ended} END::bigint AS ko
        FROM ({read}) AS l OFFSET 0"""
    ready = f"""
        SELECT agency_id, part, months, begins, over, price * tenths * l AS slope,
            scale * l - price * tenths * b AS shift, 2 * scale * l AS whole, co, ko
        FROM ({priced}) AS l JOIN (VALUES ('included', {KNOWN}, 10), ('excluded', {KNOWN}, 11),
            ('not_given', {AT_LEAST}, 10), ('not_given', {AT_MOST}, 11)) AS v (vat, part, tenths) USING (vat)
        OFFSET 0"""
    rows = []
    for months in LONGEST:
        numbers = [str(months)]
        for cut in cuts:
            cycles, days, length = place_of(cut, months)
            run = (cycles - place_of(cuts[0], months)[0]) * length + days
            common = math.gcd(run, length)
            numbers += [f"{run // common}::bigint", f"{length // common}::bigint"]
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
    # Some more than that are no harm. Only the lines are read, which is quicker than with their subscriptions.
    others = f"""
        SELECT subscription_id FROM (SELECT l.subscription_id, {prices(rates)} FROM subscriptions_priceline AS l) AS l
            WHERE NOT COALESCE({_small(cuts)}, false)
        UNION ALL SELECT id FROM ({subscriptions}) AS s WHERE started_on IS NULL OR started_on < {day_sql(since(cuts))}
        UNION ALL SELECT id FROM ({subscriptions}) AS s
            WHERE NOT EXISTS (SELECT FROM subscriptions_priceline AS l WHERE l.subscription_id = s.id)"""
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
