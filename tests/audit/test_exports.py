"""Every page that gives a file or takes one in is found by reading the code, opened, and seen to write its event."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from django.urls import get_resolver, reverse

from audit.models import Event
from tests.access.addresses import ADMIN
from tests.access.world import client_of, people, world  # noqa: F401
from tests.answers import is_file, misunderstood

# What makes a response a file.
FILES = {"file_of", "FileResponse", "StreamingHttpResponse", "Content-Disposition"}
# Beside each page that gives files: who, what stands in its address, and the query that asks for one of a known number of rows.
WALKED: dict[str, tuple[str, list[str], str]] = {
    "audit:events": ("sysadmin", [], "_export=csv"),
    "audit:changes": ("sysadmin", [], "_export=csv"),
    "subscriptions:list": ("administrator", [], "_export=csv"),
    "subscriptions:decisions": ("administrator", [], "_export=csv"),
    "subscriptions:payments": ("administrator", [], "_export=csv"),
    "subscriptions:renewals": ("administrator", [], "_export=csv"),
    "subscriptions:attachment": ("administrator", ["[attachment]"], ""),
    "subscriptions:what-if": ("officer", ["deepseek-block", "1"], "_export=csv"),
    "subscriptions:import-example": ("administrator", ["payments", "csv"], ""),
    "subscriptions:import-records": ("administrator", ["subscriptions", "csv"], ""),
    "subscriptions:import-problems": ("administrator", ["[import]"], ""),
    "oversight:spending": ("committee", [], "_export=csv"),
    "oversight:plan": ("committee", [], "_export=csv"),
    "oversight:explore": ("committee", [], "measure=subscriptions&_export=csv"),
    "oversight:records": ("committee", [], "measure=subscriptions&_export=csv"),
    "oversight:snapshot": ("committee", ["[snapshot]"], "_export=json"),
    "oversight:export-file": ("administrator", ["[made export]"], ""),
    "oversight:round": ("committee", ["[round]"], "_export=csv"),
    "oversight:round-return": ("administrator", ["[round]", "[code]"], "_export=json"),
}
# Each line of these is a row, beneath one line of headers.
A_LINE_A_ROW = {
    "audit:changes",
    "subscriptions:list",
    "subscriptions:decisions",
    "subscriptions:payments",
    "subscriptions:renewals",
    "subscriptions:what-if",
    "subscriptions:import-example",
    "subscriptions:import-records",
    "subscriptions:import-problems",
    "oversight:records",
    "oversight:round",
}


def giving_files() -> set[str]:
    """The names of our URLs whose view, or a function of its module that it calls, makes a file."""
    found = set()
    for name, view in views(get_resolver().url_patterns):
        module = inspect.getmodule(inspect.unwrap(view))
        if module is None or module.__name__.partition(".")[0] not in OURS:
            continue
        functions = {
            node.name: (called(node), called(node) | texts(node))
            for node in ast.walk(ast.parse(inspect.getsource(module)))
            if isinstance(node, ast.FunctionDef)
        }
        reached, waiting = set(), [inspect.unwrap(view).__name__]
        while waiting:
            one = waiting.pop()
            if one in functions and one not in reached:
                reached.add(one)
                waiting += functions[one][0]
        if any(functions[one][1] & FILES for one in reached):
            found.add(name)
    return found


OURS = {"agencies", "audit", "catalog", "sources", "policies", "subscriptions", "oversight"}


def called(node: ast.AST) -> set[str]:
    calls = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    return {call.id for call in calls if isinstance(call, ast.Name)}


def texts(node: ast.AST) -> set[str]:
    return {str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant)}


def views(patterns: Any, namespace: str = "") -> Any:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            if pattern.app_name != ADMIN:
                below = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
                yield from views(pattern.url_patterns, below)
        else:
            yield f"{namespace}{pattern.name}", pattern.callback


def test_every_page_that_gives_a_file_is_walked():
    assert giving_files() == set(WALKED)


def test_every_file_that_leaves_is_an_event(world: dict[str, str], people: dict[str, Any]):  # noqa: F811
    """And a file to the browser, of its own type under a name, never a page."""
    from oversight.round_models import RoundAgency
    from oversight.rounds import returning

    asked = RoundAgency.objects.get(round=world["[round]"], agency__code=world["[code]"])
    returning.confirm(asked, by=people["administrator"])
    clients = {title: client_of(people, title) for title, _arguments, _query in WALKED.values()}
    told, lines, wrong = {}, {}, []
    for name, (title, arguments, query) in WALKED.items():
        before = Event.objects.filter(kind="export").count()
        address = reverse(name, args=[world.get(one, one) for one in arguments])
        answer = clients[title].get(f"{address}?{query}" if query else address)
        assert answer.status_code == 200, name
        body = answer.getvalue()
        wrong += [f"{name}: {fault}" for fault in misunderstood(answer, body)]
        wrong += [] if is_file(answer) else [f"{name}: shown"]
        lines[name] = len(body.decode(errors="replace").strip().splitlines()) - 1
        (event,) = Event.objects.filter(kind="export").order_by("pk")[before:]
        told[name] = event.after["rows"]
        assert (event.actor_id, event.after["page"]) == (people[title].pk, name)
        assert event.after["filter"] == query
        if query:  # in every other ending: a file, or a page that says that there is none
            for ending in ("csv", "xlsx", "json"):
                other = clients[title].get(f"{address}?{query.rpartition('=')[0]}={ending}")
                wrong += [f"{name} {ending}: {fault}" for fault in misunderstood(other, other.getvalue())]
    assert wrong == []
    assert [name for name, rows in told.items() if rows is None] == []
    assert {name: told[name] for name in A_LINE_A_ROW} == {name: lines[name] for name in A_LINE_A_ROW}
