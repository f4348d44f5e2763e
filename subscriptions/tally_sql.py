"""The triggers that keep the tallies of payments, and the statements that recompute them, for both databases.

A trigger on payments reads nothing but the transition and `PaidBySubscription`, a trigger on subscriptions nothing but that and
the payments of the one. So the sums follow from the changes in whatever order they are made. SQLite drops the triggers of a
table that Django makes anew to alter it: such a migration ends with `create_triggers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

COUNTED = "status <> 'void'"
EXPECTED_TO_PAY = "status IN ('approved', 'active', 'ended')"

PAYMENTS, SUBSCRIPTIONS = "subscriptions_payment", "subscriptions_subscription"
CHANGES, KEPT = "subscriptions_paidchange", "subscriptions_paidbysubscription"
BY_AGENCY, BY_AGENCY_MONTH = "subscriptions_paidbyagency", "subscriptions_paidbyagencymonth"
BY_PRODUCT, BY_PRODUCT_MONTH = "subscriptions_paidbyproduct", "subscriptions_paidbyproductmonth"
IN_DETAIL = "subscriptions_paidindetail"

# What a payment is tallied under, of its subscription.
TALLIED_AS = ("agency_id", "product_id", "status", "data_class", "provenance")
# What a subscription without any payment is also asked for: when it is in force.
DATES = ("started_on", "ends_on")
KEPT_AS = (*TALLIED_AS, *DATES)

COLUMNS = {
    KEPT: f"subscription_id, {', '.join(KEPT_AS)}, won, payments, unknown",
    BY_AGENCY: "agency_id, won, payments, unknown, silent",
    BY_AGENCY_MONTH: "agency_id, month, won, payments, unknown",
    BY_PRODUCT: "product_id, won, payments, unknown, silent",
    BY_PRODUCT_MONTH: "product_id, month, won, payments, unknown",
    IN_DETAIL: "product_id, month, status, data_class, provenance, won, payments, unknown",
}
_CHANGE = f"INSERT INTO {CHANGES} ({', '.join(TALLIED_AS)}, month, won, payments, unknown, silent)"
_DRIFT = "the payments of a subscription are not those tallied: run manage.py fold_tallies --recount"


def month_of(vendor: str, day: str) -> str:
    """The first day of the month of a date's expression."""
    if vendor == "postgresql":
        return f"date_trunc('month', {day}::timestamp)::date"
    return f"substr({day}, 1, 8) || '01'"


def _tallied_as(row: str = "", names: Sequence[str] = TALLIED_AS) -> str:
    """The columns of `PaidBySubscription`."""
    return ", ".join(f"{row}.{name}" if row else name for name in names)


def _to_be_tallied_as(row: str, names: Sequence[str] = TALLIED_AS) -> str:
    """The same of a row of subscriptions, whose data class is null where it is not known: that would not be one key."""
    return _tallied_as(row, names).replace(f"{row}.data_class", _data_class(row))


def _data_class(row: str) -> str:
    return f"COALESCE({row}.data_class, '')"


# --- the triggers -----------------------------------------------------------------------------------------------------


def _moved(vendor: str, sign: str, subscription: str) -> str:
    """Append all that is tallied of one subscription, under what it is tallied as, with a sign.

    Payments of one of which none is tallied are left to their own trigger, which comes later in the same statement.
    """
    return f"""
    {_CHANGE}
    SELECT {_tallied_as("t")}, {month_of(vendor, "p.paid_on")}, {sign}SUM(COALESCE(p.won, 0)), {sign}COUNT(p.won),
        {sign}(COUNT(*) - COUNT(p.won)), 0
    FROM {KEPT} AS t JOIN {PAYMENTS} AS p ON p.subscription_id = t.subscription_id
    WHERE t.subscription_id = {subscription} AND t.{COUNTED} AND t.payments + t.unknown <> 0
    GROUP BY 1, 2, 3, 4, 5, 6;
    {_CHANGE}
    SELECT {_tallied_as()}, NULL, 0, 0, 0, {sign}1 FROM {KEPT}
    WHERE subscription_id = {subscription} AND {EXPECTED_TO_PAY} AND payments + unknown = 0;
    """


def _drifted(subscription: str) -> str:
    """Whether what is tallied of a subscription is other than its payments, which nothing but a bypassed trigger brings about.

    On PostgreSQL also one statement that moves a subscription and pays for it: the trigger sees what is not tallied yet.
    """
    return f"""EXISTS (
        SELECT 1 FROM {KEPT} AS t WHERE t.subscription_id = {subscription} AND t.payments + t.unknown <> 0
        AND (t.won, t.payments, t.unknown) <> (
            SELECT COALESCE(SUM(won), 0), COUNT(won), COUNT(*) - COUNT(won) FROM {PAYMENTS} WHERE subscription_id = {subscription}
        )
    )"""


_ROW = f"INSERT INTO {KEPT} (subscription_id, won, payments, unknown)"
_DATE = f"""
    UPDATE {KEPT} SET ({", ".join(DATES)}) = ({_tallied_as("NEW", DATES)}) WHERE subscription_id = NEW.id;
"""


def _leave(kept_as: Sequence[str]) -> str:
    return f"""
    UPDATE {KEPT} SET {", ".join(f"{name} = NULL" for name in kept_as)} WHERE subscription_id = OLD.id;
    DELETE FROM {KEPT} WHERE subscription_id = OLD.id AND payments + unknown = 0;
"""


def _enter(kept_as: Sequence[str]) -> str:
    return f"""
    UPDATE {KEPT} SET ({_tallied_as(names=kept_as)}) = ({_to_be_tallied_as("NEW", kept_as)})
    WHERE subscription_id = NEW.id;
"""


def _new_row(kept_as: Sequence[str]) -> str:
    return f"""
    INSERT INTO {KEPT} (subscription_id, {_tallied_as(names=kept_as)}, won, payments, unknown)
    VALUES (NEW.id, {_to_be_tallied_as("NEW", kept_as)}, 0, 0, 0) ON CONFLICT DO NOTHING;
"""


def _postgresql(kept_as: Sequence[str]) -> str:
    lock = f"PERFORM 1 FROM {KEPT} WHERE subscription_id = {{}} FOR NO KEY UPDATE;"
    check = (
        f"IF {{}} THEN RAISE EXCEPTION '{_DRIFT}' USING ERRCODE = 'integrity_constraint_violation'; END IF;"
    )
    out = _moved("postgresql", "-", "OLD.id")
    into = _moved("postgresql", "+", "NEW.id")
    changed = f"(OLD.id, {', '.join(f'OLD.{name}' for name in TALLIED_AS)})"
    # A plan that was made while there were few subscriptions is kept for the many that come in the same session.
    subscriptions = f"""
CREATE FUNCTION govtrack_tally_subscription() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        {lock.format("OLD.id")}
        {check.format(_drifted("OLD.id"))}
        {out}
        {_leave(kept_as)}
    END IF;
    IF TG_OP = 'INSERT' THEN
        {_new_row(kept_as)}
        IF FOUND THEN  -- nothing was paid for it yet
            IF NEW.{EXPECTED_TO_PAY} THEN
                {_CHANGE} VALUES ({_to_be_tallied_as("NEW")}, NULL, 0, 0, 0, 1);
            END IF;
            RETURN NULL;
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        {_ROW} VALUES (NEW.id, 0, 0, 0) ON CONFLICT DO NOTHING;
        {lock.format("NEW.id")}
        {check.format(_drifted("NEW.id"))}
        {_enter(kept_as)}
        {into}
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tally_subscription AFTER INSERT OR DELETE ON {SUBSCRIPTIONS}
FOR EACH ROW EXECUTE FUNCTION govtrack_tally_subscription();
CREATE TRIGGER tally_subscription_moved AFTER UPDATE ON {SUBSCRIPTIONS}
FOR EACH ROW WHEN ({changed} IS DISTINCT FROM {changed.replace("OLD", "NEW")})
EXECUTE FUNCTION govtrack_tally_subscription();
"""
    dates = "" if kept_as == TALLIED_AS else _on_other_dates()
    return subscriptions + dates + "".join(map(_on_payments, _ROWS)) + _on_truncate(kept_as)


def _on_other_dates() -> str:
    old, new = (_tallied_as(row, DATES) for row in ("OLD", "NEW"))
    return f"""
CREATE FUNCTION govtrack_tally_dates() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    {_DATE}
    RETURN NULL;
END $$;
CREATE TRIGGER tally_subscription_dates AFTER UPDATE ON {SUBSCRIPTIONS}
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION govtrack_tally_dates();
"""


# The rows that a statement on payments takes away and adds, and the tables that PostgreSQL gives its trigger.
_ROWS = {
    "insert": ("SELECT subscription_id, paid_on, won, 1 AS sign FROM added", "NEW TABLE AS added"),
    "delete": ("SELECT subscription_id, paid_on, won, -1 AS sign FROM gone", "OLD TABLE AS gone"),
    "update": (
        "SELECT subscription_id, paid_on, won, 1 AS sign FROM added"
        " UNION ALL SELECT subscription_id, paid_on, won, -1 FROM gone",
        "OLD TABLE AS gone NEW TABLE AS added",
    ),
}


# Payments in one statement, from which on all of `PaidBySubscription` may as well be read.
MANY = 5_000


def _on_payments(event: str) -> str:
    """Once for a statement, however many payments it writes; the rows of subscriptions are locked in one order by all.

    Each statement is planned for the number of these payments: a plan that was kept from one payment takes minutes for 100,000.
    So does one for a tally that was found empty when it was last analysed, hence no nested loops for many payments.
    """
    rows, tables = _ROWS[event]
    known, unknown = (f"COALESCE(SUM(sign) FILTER (WHERE won IS {name}), 0)" for name in ("NOT NULL", "NULL"))
    silent = "SUM((count = 0)::int - (before = 0)::int)"
    statements = (
        f"""{_ROW}
        SELECT DISTINCT subscription_id, 0, 0, 0 FROM ({rows}) AS r
        WHERE NOT EXISTS (SELECT 1 FROM {KEPT} AS t WHERE t.subscription_id = r.subscription_id)
        ORDER BY 1 ON CONFLICT DO NOTHING""",
        f"""SELECT 1 FROM {KEPT} WHERE subscription_id IN (SELECT subscription_id FROM ({rows}) AS r)
        ORDER BY subscription_id FOR NO KEY UPDATE""",
        f"""WITH r AS ({rows}), sums AS (
            SELECT subscription_id, SUM(sign * COALESCE(won, 0)) AS won, {known} AS payments, {unknown} AS unknown
            FROM r GROUP BY subscription_id
        ), kept AS (
            UPDATE {KEPT} AS t
            SET won = t.won + sums.won, payments = t.payments + sums.payments, unknown = t.unknown + sums.unknown
            FROM sums WHERE t.subscription_id = sums.subscription_id
            RETURNING t.subscription_id, {_tallied_as("t")}, t.payments + t.unknown AS count,
                t.payments + t.unknown - sums.payments - sums.unknown AS before
        )
        {_CHANGE}
        SELECT {_tallied_as()}, {month_of("postgresql", "paid_on")}, SUM(sign * COALESCE(won, 0)), {known}, {unknown}, 0
        FROM r JOIN kept USING (subscription_id) WHERE {COUNTED} GROUP BY 1, 2, 3, 4, 5, 6
        HAVING SUM(sign * COALESCE(won, 0)) <> 0 OR {known} <> 0 OR {unknown} <> 0
        UNION ALL
        SELECT {_tallied_as()}, NULL, 0, 0, 0, {silent} FROM kept WHERE {EXPECTED_TO_PAY} GROUP BY 1, 2, 3, 4, 5
        HAVING {silent} <> 0""",
        f"""DELETE FROM {KEPT} WHERE agency_id IS NULL AND payments + unknown = 0
        AND subscription_id IN (SELECT subscription_id FROM ({rows}) AS r)""",
    )
    executed = "".join(f"\n    EXECUTE $sql${statement}$sql$;" for statement in statements)
    return f"""
CREATE FUNCTION govtrack_tally_payment_{event}() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = on AS $$
BEGIN
    IF (SELECT COUNT(*) FROM {"gone" if event == "delete" else "added"}) > {MANY} THEN
        SET LOCAL enable_nestloop = off;  -- until the function ends
    END IF;{executed}
    RETURN NULL;
END $$;
CREATE TRIGGER tally_payment_{event} AFTER {event.upper()} ON {PAYMENTS} REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION govtrack_tally_payment_{event}();
"""


def _on_truncate(kept_as: Sequence[str]) -> str:
    triggers = "".join(
        f"""
CREATE TRIGGER tally_truncate AFTER TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION govtrack_tally_truncate();"""
        for table in (PAYMENTS, SUBSCRIPTIONS)
    )
    return f"""
CREATE FUNCTION govtrack_tally_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {";".join(recount_statements("postgresql", kept_as))};
    RETURN NULL;
END $$;{triggers}
"""


def _sqlite(kept_as: Sequence[str] = KEPT_AS) -> dict[str, str]:
    """The triggers by name."""
    check = f"SELECT RAISE(ABORT, '{_DRIFT}') WHERE {{}};"
    leave = check.format(_drifted("OLD.id")) + _moved("sqlite", "-", "OLD.id") + _leave(kept_as)
    # Not OR IGNORE: what the triggering statement says of conflicts is put in its place.
    row = f"{_ROW} SELECT NEW.id, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM {KEPT} WHERE subscription_id = NEW.id);"
    enter = row + check.format(_drifted("NEW.id")) + _enter(kept_as) + _moved("sqlite", "+", "NEW.id")
    moved = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in ("id", *TALLIED_AS))
    altered = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in ("subscription_id", "paid_on", "won"))
    gone, added = _one_payment("OLD", -1), _one_payment("NEW", 1)
    dated = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in DATES)
    each = f"CREATE TRIGGER {{}} AFTER {{}} ON {SUBSCRIPTIONS} {{}} BEGIN {{}} END"
    paid = each.replace(SUBSCRIPTIONS, PAYMENTS)
    dates = {
        "tally_subscription_dates": each.format("tally_subscription_dates", "UPDATE", f"WHEN {dated}", _DATE)
    }
    return {
        **({} if kept_as == TALLIED_AS else dates),
        "tally_subscription_insert": each.format("tally_subscription_insert", "INSERT", "", enter),
        "tally_subscription_delete": each.format("tally_subscription_delete", "DELETE", "", leave),
        "tally_subscription_moved": each.format(
            "tally_subscription_moved", "UPDATE", f"WHEN {moved}", leave + enter
        ),
        "tally_payment_insert": paid.format("tally_payment_insert", "INSERT", "", added),
        "tally_payment_delete": paid.format("tally_payment_delete", "DELETE", "", gone),
        "tally_payment_update": paid.format(
            "tally_payment_update", "UPDATE", f"WHEN {altered}", gone + added
        ),
    }


def _one_payment(row: str, sign: int) -> str:
    own = f"subscription_id = {row}.subscription_id"
    known = f"({row}.won IS NOT NULL)"
    silent = f"((payments + unknown + {sign} = 0) - (payments + unknown = 0))"
    return f"""
    {_ROW} SELECT {row}.subscription_id, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM {KEPT} WHERE {own});
    {_CHANGE}
    SELECT {_tallied_as()}, {month_of("sqlite", f"{row}.paid_on")}, {sign} * COALESCE({row}.won, 0), {sign} * {known},
        {sign} * (1 - {known}), 0
    FROM {KEPT} WHERE {own} AND {COUNTED};
    {_CHANGE}
    SELECT {_tallied_as()}, NULL, 0, 0, 0, {silent} FROM {KEPT} WHERE {own} AND {EXPECTED_TO_PAY} AND {silent} <> 0;
    UPDATE {KEPT} SET won = won + {sign} * COALESCE({row}.won, 0), payments = payments + {sign} * {known},
        unknown = unknown + {sign} * (1 - {known})
    WHERE {own};
    DELETE FROM {KEPT} WHERE {own} AND agency_id IS NULL AND payments + unknown = 0;
    """


def create_triggers(schema_editor: Any, kept_as: Sequence[str] = KEPT_AS) -> None:
    """`kept_as`: TALLIED_AS in a migration that comes before the dates were kept."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(_postgresql(kept_as), params=None)
    else:
        for statement in _sqlite(kept_as).values():
            schema_editor.execute(statement, params=None)


def drop_triggers(schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        functions = ("subscription", "dates", *(f"payment_{event}" for event in _ROWS), "truncate")
        for name in functions:
            schema_editor.execute(f"DROP FUNCTION IF EXISTS govtrack_tally_{name}() CASCADE", params=None)
    else:
        for name in _sqlite():
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}", params=None)


# --- recomputation ----------------------------------------------------------------------------------------------------


def recomputed(vendor: str, kept_as: Sequence[str] = KEPT_AS) -> dict[str, str]:
    """For each tally the query that gives its rows from the subscriptions and payments alone, in the order of COLUMNS."""
    per_subscription = f"""
        SELECT s.id AS subscription_id, {_to_be_tallied_as("s", kept_as)}, COALESCE(p.won, 0) AS won,
            COALESCE(p.payments, 0) AS payments, COALESCE(p.unknown, 0) AS unknown
        FROM {SUBSCRIPTIONS} AS s LEFT JOIN (
            SELECT subscription_id, SUM(COALESCE(won, 0)) AS won, COUNT(won) AS payments, COUNT(*) - COUNT(won) AS unknown
            FROM {PAYMENTS} GROUP BY subscription_id
        ) AS p ON p.subscription_id = s.id"""
    silent = f"SUM(CASE WHEN {EXPECTED_TO_PAY} AND payments + unknown = 0 THEN 1 ELSE 0 END)"
    counted = ", ".join(
        f"SUM(CASE WHEN {COUNTED} THEN {name} ELSE 0 END)" for name in ("won", "payments", "unknown")
    )
    whole = f"""SELECT {{by}}, {counted}, {silent} FROM ({per_subscription}) AS t GROUP BY {{by}}
        HAVING {silent} > 0 OR SUM(CASE WHEN {COUNTED} THEN payments + unknown ELSE 0 END) > 0"""
    month = month_of(vendor, "p.paid_on")
    months = f"""SELECT {{by}}, SUM(COALESCE(p.won, 0)), COUNT(p.won), COUNT(*) - COUNT(p.won)
        FROM {PAYMENTS} AS p JOIN {SUBSCRIPTIONS} AS s ON s.id = p.subscription_id WHERE s.{COUNTED}
        GROUP BY {{by}} ORDER BY 2, 1"""
    return {
        KEPT: per_subscription,
        BY_AGENCY: whole.format(by="agency_id"),
        BY_AGENCY_MONTH: months.format(by=f"s.agency_id, {month}"),
        BY_PRODUCT: whole.format(by="product_id"),
        BY_PRODUCT_MONTH: months.format(by=f"s.product_id, {month}"),
        IN_DETAIL: months.format(by=f"s.product_id, {month}, s.status, {_data_class('s')}, s.provenance"),
    }


def recount_statements(vendor: str, kept_as: Sequence[str] = KEPT_AS) -> list[str]:
    """What makes all tallies anew, in order, while nobody writes subscriptions or payments."""
    statements = [f"DELETE FROM {CHANGES}"]
    columns = {**COLUMNS, KEPT: COLUMNS[KEPT].replace(_tallied_as(names=KEPT_AS), _tallied_as(names=kept_as))}
    for table, query in recomputed(vendor, kept_as).items():
        statements += [f"DELETE FROM {table}", f"INSERT INTO {table} ({columns[table]}) {query}"]
    return statements
