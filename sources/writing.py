"""Many statements of a source written at once, with their subjects and the history of both."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import apps
from django.db import transaction
from simple_history.utils import bulk_create_with_history

from agencies.models import User
from sources.models import Source, Statement

ROWS_AT_ONCE = 1000


@transaction.atomic
def write_statements(
    source: Source, statements: Sequence[tuple[Statement, Sequence[int]]], *, by: User, reason: str
) -> None:
    """Create the statements, each given with the ids of its member agencies. `reason` is kept in the history.

    The number of statements decides only how many batches of a thousand rows are written.
    """
    created = bulk_create_with_history(
        [statement for statement, _members in statements],
        Statement,
        batch_size=ROWS_AT_ONCE,
        default_user=by,
        default_change_reason=reason[:100],
    )
    through = Statement.subject.through
    members = through._default_manager.bulk_create(
        (
            through(statement_id=statement.pk, agency_id=agency)
            for statement, (_given, agencies) in zip(created, statements, strict=True)
            for agency in agencies
        ),
        batch_size=ROWS_AT_ONCE,
    )
    # The history of a statement holds its subject too, which a bulk creation leaves out.
    kept = apps.get_model("sources", "HistoricalStatement_subject")
    rows = Statement.history.filter(source_id=source.pk, history_type="+").values_list("id", "history_id")
    history = dict(rows)
    kept._default_manager.bulk_create(
        (
            kept(
                id=member.pk,
                history_id=history[member.statement_id],
                statement_id=member.statement_id,
                agency_id=member.agency_id,
            )
            for member in members
        ),
        batch_size=ROWS_AT_ONCE,
    )
