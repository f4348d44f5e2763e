"""The end of the chain of seals as a file, to be signed off and kept where nobody of this machine can change it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db.models import Max, Sum
from django.utils import timezone

from audit.models import Seal

KIND = "govtrack-audit-head-1"


class NoHead(Exception):
    """The text is no head of a trail."""


def head() -> dict[str, Any]:
    """The last seal, and how many rows of which table the chain up to it holds."""
    last = Seal.objects.order_by("-number").values("number", "hash", "sealed_at").first()
    number = last["number"] if last else 0
    sums = Seal.objects.filter(number__lte=number).order_by("table").values("table")
    return {
        "kind": KIND,
        "written_at": timezone.now().isoformat(),
        "seals": number,
        "hash": last["hash"] if last else "",
        "sealed_at": last["sealed_at"].isoformat() if last else None,
        "tables": {
            row["table"]: {"rows": row["rows"], "last": row["last"]}
            for row in sums.annotate(rows=Sum("count"), last=Max("last_id"))
        },
    }


def written(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def read(text: str) -> dict[str, Any]:
    """Raises NoHead."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise NoHead("it is not JSON") from error
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise NoHead(f"it is no {KIND}")
    number, digest = found.get("seals"), found.get("hash")
    if not isinstance(number, int) or not isinstance(digest, str):
        raise NoHead("it names no seal")
    return found
