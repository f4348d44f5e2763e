"""Every place in the code that writes past a model's own `save` and `delete`, found by reading the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What writes rows of a queryset, or hands statements to the database.
WRITES = {
    "bulk_create",
    "bulk_update",
    "bulk_create_with_history",
    "bulk_update_with_history",
    "get_or_create",
    "update_or_create",
    "update",
    "delete",
    "_raw_delete",
    "execute",
    "executemany",
    "copy",
}


def written_in(app: str) -> Iterator[str]:
    """`module.function` of each function that calls one of them, but for `update` of a dict or set."""
    for path in sorted((ROOT / app).rglob("*.py")):
        if "migrations" in path.parts:
            continue
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield from (f"{module}.{name}" for name in _functions(ast.parse(path.read_text()), ""))


def _functions(node: ast.AST, within: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{within}.{child.name}" if within else child.name
            if isinstance(child, ast.ClassDef):
                yield from _functions(child, name)
            elif any(_writes(part) for part in ast.walk(child)):
                yield name


def _writes(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    # A queryset's takes names of fields only, a dict's or a hash's a value.
    return name in WRITES and not (name == "update" and (node.args or not node.keywords))
