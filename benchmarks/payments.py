"""Payments of the generated register: twelve a subscription, a month apart, of which one in fifty is not known in won."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from django.db import connection, transaction

from subscriptions.tally_sql import recount_statements

EACH = 12
# One in twenty of those that should have been paid for has no payment.
INSERT = """
INSERT INTO subscriptions_payment (subscription_id, paid_on, amount, currency, won, document_number)
SELECT id, {paid_on}, amount, CASE WHEN known THEN 'KRW' ELSE 'USD' END, CASE WHEN known THEN amount END, ''
FROM (
    SELECT s.id, n, CASE WHEN s.started_on > %s THEN %s ELSE s.started_on END AS first,
        1000 * (1 + (s.id * 7919 + n * 31) %% 4999) AS amount, (s.id * 12 + n) * 104729 %% 50 <> 0 AS known
    FROM subscriptions_subscription AS s CROSS JOIN ({numbers}) AS numbers
    WHERE s.status IN ('approved', 'active', 'ended', 'void') AND s.id * 7919 %% 20 <> 0 AND s.started_on IS NOT NULL
    ORDER BY first, s.id, n
) AS paid
"""
PAID_ON = {
    "postgresql": "(first + n * interval '1 month')::date",
    "sqlite": "date(first, n || ' months')",
}


def write_payments(on: datetime.date, say: Callable[[str], None]) -> None:
    """Up to the day `on`: the newest subscriptions are paid for as if they were a year old."""
    numbers = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(EACH))
    latest = on - datetime.timedelta(days=31 * (EACH - 1))
    with connection.cursor() as cursor:
        day = latest if connection.vendor == "postgresql" else latest.isoformat()
        cursor.execute(INSERT.format(paid_on=PAID_ON[connection.vendor], numbers=numbers), [day, day])
        say(f"{cursor.rowcount:,} payments")


@transaction.atomic
def tally() -> None:
    """Count what was written without the triggers, when nobody else writes."""
    with connection.cursor() as cursor:
        for statement in recount_statements(connection.vendor):
            cursor.execute(statement)
