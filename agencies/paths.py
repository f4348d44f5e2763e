"""The agency tree as materialised paths: "this agency and all below" as one indexed condition on both databases."""

from typing import Any

from django.db import models

SEPARATOR = "/"


class TreePathField(models.CharField):
    """A node's place in the tree: the codes from the root down, each followed by a slash, as `KR/KR-49/`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 255)
        kwargs.setdefault("db_index", True)
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)


@TreePathField.register_lookup
class Within(models.Lookup):
    """`path__within="KR/KR-49/"`: the node itself and all below it, read from the index.

    PostgreSQL reads `LIKE 'prefix%'` from the pattern index whatever the collation. SQLite reads no index for a LIKE with
    ESCAPE, but does for a range, and compares bytes; "0" is the character that follows the slash.
    """

    lookup_name = "within"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        prefix = str(self.rhs)
        return f"({lhs} >= %s AND {lhs} < %s)", (*params, prefix, *params, prefix[:-1] + "0")

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        escaped = str(self.rhs).replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        return f"{lhs} LIKE %s", (*params, escaped + "%")


def below(code: str, parent_path: str = "") -> str:
    """The path of the agency `code` under the node at `parent_path`."""
    return f"{parent_path}{code}{SEPARATOR}"
