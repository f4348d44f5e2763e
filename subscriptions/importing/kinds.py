"""The kinds of files that can be imported, each with its columns, who may, how it runs and how it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from agencies.models import Role, User
from subscriptions.import_models import FileImport
from subscriptions.importing import agencies, exchange_rates, exporting, payments, plain, running, undoing
from subscriptions.importing.columns import SUBSCRIPTIONS, Vocabulary
from subscriptions.importing.report import Report
from subscriptions.models import Status


class Run(Protocol):
    def __call__(
        self,
        data: bytes,
        file_name: str,
        by: User,
        *,
        columns: Any = None,
        trial: bool = False,
        expected: str = "",
        progress: Callable[[int], None] = lambda done: None,
    ) -> Report: ...


Records = Callable[[User], Iterable[list[Any]]]


@dataclass(frozen=True)
class Kind:
    """One kind of file. `missing` says what such a file lacks by its columns, or nothing; `example` are rows of one,
    and `records` what is recorded, in such rows, for a person."""

    code: str
    title: Promise
    vocabulary: Vocabulary
    may: Callable[[User], bool]
    run: Run
    run_in_use: Run
    missing: Callable[[Sequence[str]], str]
    touched: Callable[[FileImport], list[str]]
    undo: Callable[..., None]
    example: Callable[[], list[list[str]]]
    records: Records
    has_status: bool = False


def _administers(by: User) -> bool:
    return by.has_role(Role.ADMINISTRATOR)


def _missing(columns: Sequence[str]) -> str:
    return running.missing_text() if running.missing_columns(columns) else ""


def _example() -> list[list[str]]:
    """A header that says the rest of the amounts, a record of two price lines, and one of which little is known."""
    return [
        [_("Agency"), _("AI tool"), _("Plan"), _("Contract number"), _("Starts"), _("Ends"), _("Owner department"),
         _("Highest data class"), _("Personal data"), _("Seats"), _("Amount"), _("Currency"), _("Per seat or flat"),
         _("Billed"), _("VAT")],
        [_("Jeju"), "ChatGPT", "Team", "2026-011", "2026-01-01", "2026-12-31", _("Information Department"),
         _("Open"), _("no"), "10", "38,000", "KRW", _("Per seat"), _("Monthly"), _("VAT included")],
        [_("Jeju"), "ChatGPT", "Team", "2026-011", "2026-01-01", "2026-12-31", _("Information Department"),
         _("Open"), _("no"), "", "500,000", "KRW", _("Flat"), _("One-off"), _("VAT excluded")],
        [_("Jeju"), "Claude", "", "", "2026-03-01", "", "", "", "", "5", "30", "USD", _("Per seat"), _("Monthly"), ""],
    ]  # fmt: skip


def _plain(rows: type[plain.Rows], example: Callable[[], list[list[str]]], records: Records) -> Kind:
    """A kind of files of which each row is one record."""
    run = partial(plain.run, rows)
    return Kind(
        rows.kind,
        FileImport.Kind(rows.kind).label,
        rows.vocabulary,
        rows.may,
        run,
        run,
        rows.missing,
        partial(plain.touched, rows),
        partial(plain.undo, rows),
        example,
        records,
    )


KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            FileImport.Kind.SUBSCRIPTIONS,
            FileImport.Kind.SUBSCRIPTIONS.label,
            SUBSCRIPTIONS,
            _administers,
            running.run,
            partial(running.run, new_as=Status.ACTIVE),
            _missing,
            undoing.touched_references,
            undoing.undo,
            _example,
            exporting.subscription_rows,
            has_status=True,
        ),
        _plain(payments.Payments, payments.example, exporting.payment_rows),
        _plain(agencies.Agencies, agencies.example, exporting.agency_rows),
        _plain(exchange_rates.ExchangeRates, exchange_rates.example, exporting.rate_rows),
    )
}


def kinds_for(by: User) -> dict[str, Kind]:
    """The kinds that this person may import."""
    return {code: kind for code, kind in KINDS.items() if kind.may(by)}
