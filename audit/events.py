"""Records events: the one function that writes them, and how a row is told of in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.http import HttpRequest

from audit.models import Event
from audit.origin import current, origin_of

Kind = Event.Kind

# Never in the trail, not even as a hash.
SECRET = {"password"}


def record(
    kind: Event.Kind,
    *,
    by: Any = None,
    about: models.Model | None = None,
    name: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    request: HttpRequest | None = None,
) -> Event:
    """Write an event, in the caller's transaction where there is one.

    `by` is the account that did it (the request's, when none is named); `about` the row it is about, or `name` what that has
    for a name. Where it came from is known from the request being answered.
    """
    origin = origin_of(request) if request is not None else current()
    by = by or origin.user
    return Event.objects.create(
        kind=kind,
        channel=Event.Channel.WEB if origin.is_web else Event.Channel.COMMAND,
        actor_id=by.pk if by is not None else None,
        actor=clean(by.get_username())[:150] if by is not None else "",
        address=origin.address,
        session=origin.session,
        about_type=about._meta.label_lower if about is not None else "",
        about_id=str(about.pk)[:100] if about is not None else "",
        about=clean(name or (str(about) if about is not None else ""))[:200],
        before=dict(before or {}),
        after=dict(after or {}),
        reason=clean(reason),
    )


def clean(text: str) -> str:
    """PostgreSQL refuses a text with a NUL."""
    return text.replace("\0", "")


def values_of(row: models.Model, names: set[str] | None = None) -> dict[str, Any]:
    """What a row holds, by the names of its columns, without secrets; only `names`, when some are named."""
    return {
        field.attname: field.value_to_string(row)
        if not isinstance(value := field.value_from_object(row), (str, int, bool, type(None), list, dict))
        else value
        for field in row._meta.concrete_fields
        if field.name not in SECRET and (names is None or field.name in names)
    }


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of both only what is not the same."""
    names = [name for name in after if name not in before or before[name] != after[name]]
    return {name: before[name] for name in names if name in before}, {name: after[name] for name in names}


def exported(
    request: HttpRequest,
    rows: int | None,
    file: str,
    filters: str | None = None,
    about: models.Model | None = None,
) -> Event:
    """Somebody takes figures away as a file: from which page, how many rows, in which format, by which filters (a query).

    Recorded before the first byte leaves; None: nobody counted the rows.
    """
    match = request.resolver_match
    request.audit_exported = True  # type: ignore[attr-defined]
    query = request.META.get("QUERY_STRING", "") if filters is None else filters
    return record(
        Kind.EXPORT,
        about=about,
        name=match.view_name if match and about is None else "",
        after={
            "page": match.view_name if match else "",
            "path": clean(request.path)[:500],
            "filter": clean(query)[:4000],
            "rows": rows,
            "file": file,
        },
        request=request,
    )
