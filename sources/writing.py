"""Many statements of a source written at once, with their subjects and the history of both."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from agencies import bulk
from agencies.models import User
from sources.models import Source, Statement


@transaction.atomic
def write_statements(
    source: Source, statements: Sequence[tuple[Statement, Sequence[int]]], *, by: User, reason: str
) -> None:
    """Create the statements, each given with the ids of its member agencies. `reason` is kept in the history.

    The source has none yet. Their keys are set, and four statements write them all.
    """
    if not statements:
        return
    keys = bulk.next_keys(Statement, len(statements))
    for (statement, _members), key in zip(statements, keys, strict=True):
        statement.pk = key
    bulk.insert(Statement, [statement for statement, _members in statements])
    bulk.write_history(Statement, keys, "+", by, reason, timezone.now())
    bulk.insert_rows(
        Statement.subject.through,
        ("statement_id", "agency_id"),
        ([statement.pk, agency] for statement, members in statements for agency in members),
    )
    _keep_subjects(source)


def _keep_subjects(source: Source) -> None:
    """The history of a statement holds its subject too."""
    quote = connection.ops.quote_name
    kept, there, history = (
        quote(model._meta.db_table)
        for model in (
            apps.get_model("sources", "HistoricalStatement_subject"),
            Statement.subject.through,
            Statement.history.model,
        )
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {kept} (id, history_id, statement_id, agency_id)"
            f" SELECT m.id, h.history_id, m.statement_id, m.agency_id FROM {there} AS m"
            f" JOIN {history} AS h ON h.id = m.statement_id WHERE h.source_id = %s AND h.history_type = '+'",
            [source.pk],
        )
