"""Fields that a form does not show: sent all the same, they change nothing."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from tests.access.addresses import ADDRESSES
from tests.access.rules import ORDER
from tests.access.world import client_of, people, world  # noqa: F401
from tests.pages import Element, read, sent_by
from tests.run import APPS
from tests.subscriptions.entering import GOOD

MODELS = [model for app in APPS for model in apps.get_app_config(app).get_models()]
# What each of our models has for columns, whether a form shows them or not; a foreign key by both of its names.
COLUMNS = {
    name
    for model in MODELS
    if not model.__name__.startswith("Historical")
    for field in model._meta.concrete_fields
    for name in (field.name, field.attname)
} | {"pk", "is_staff", "is_superuser", "groups", "user_permissions", "role", "history_user"}
ODD = ["1", "on", "active", "KR-11", "2020-01-01", "approved", "granted", "true"]


def test_no_form_takes_all_fields():
    """Each form of our own names its fields, so that a field that is added to a model is not on it by itself."""
    wrong = [
        form.__name__
        for form in subclasses(forms.ModelForm)
        if form.__module__.split(".")[0] in APPS
        and ".admin" not in form.__module__  # the Django admin shows all there is, and puts its own together
        and form._meta.model is not None
        and (form._meta.fields is None or form._meta.fields == forms.ALL_FIELDS or form._meta.exclude)
    ]
    assert wrong == []


def subclasses(parent: type[Any]) -> list[type[Any]]:
    return [child for below in parent.__subclasses__() for child in (below, *subclasses(below))]


def main_form(response: Any) -> Element | None:
    """The form that the page is for: the one that is sent with POST and has most controls."""
    found = [
        form
        for main in read(response).all("main")
        for form in main.all("form")
        if form.attributes.get("method", "").lower() == "post"
    ]
    return max(found, key=lambda form: len(form.all("input", "select", "textarea")), default=None)


def filled(form: Element) -> dict[str, Any]:
    """What is shown, and something in each control that is empty, with the first button that is named."""
    sent = sent_by(form)
    for control in form.all("input", "textarea", "select"):
        name, kind = control.attributes.get("name", ""), control.attributes.get("type", "text")
        if not name or sent.get(name) or kind in ("hidden", "checkbox") or name in GOOD:
            continue
        if control.name == "select":
            choices = [option.attributes.get("value", "") for option in control.all("option")]
            sent[name] = next((choice for choice in choices if choice), "")
        elif kind == "radio":
            sent[name] = control.attributes.get("value", "on")
        else:
            day = kind == "date" or name in ("day", "valid_until", "ends_on", "on", "remedy_due")
            sent[name] = str(datetime.date.today() + datetime.timedelta(days=30)) if day else "Some text"
    for button in form.all("button"):
        if button.attributes.get("name"):
            sent.setdefault(button.attributes["name"], button.attributes.get("value", ""))
            break
    return sent


Written = list[tuple[str, tuple[str, ...]]]


def outcome(client: Client, address: str, sent: dict[str, Any]) -> tuple[int, Written]:
    """The answer's status, and every statement that wrote, with its values but for moments and what is made of them."""
    written: Written = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            flat = [value for row in params for value in row] if many else list(params or ())
            written.append((sql, tuple(MOMENT.sub("…", str(value)) for value in flat)))
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(note):
        status = client.post(address, sent).status_code
        transaction.set_rollback(True)
    return status, written


# A snapshot holds the moment in its text; hashes are made of it.
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}\S*|\{.{500,}\}|[0-9a-f]{32,64}", re.DOTALL)


@pytest.fixture
def same_numbers() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("only on SQLite: elsewhere a number is not given again, so rows of two attempts differ")


# Forms that are sent to the end below, so that something is written; others come back with their errors.
MORE = {
    "subscriptions:record": {**GOOD, "act": "declare"},
    "subscriptions:edit": {"plan": "Other", "act": "change"},
}
WRITTEN = {
    "oversight:freeze",
    "subscriptions:act",
    "subscriptions:ask-waiver",
    "subscriptions:edit",
    "subscriptions:record",
}


def test_fields_that_a_form_does_not_show_change_nothing(
    same_numbers: None,
    world: dict[str, str],  # noqa: F811
    people: dict[str, Any],  # noqa: F811
):
    wrong, written = [], set()
    for (name, arguments), (gets, posts) in ADDRESSES.items():
        if name in ("account_login", "password_change", "set_language"):
            continue
        able = [
            title
            for title, get, post in zip(ORDER, gets.split(), posts.split(), strict=True)
            if get == "200" and post in ("200", "302") and title not in ("anonymous", "nobody", "sysadmin")
        ]
        if not able:
            continue
        client = client_of(people, able[0])
        address = reverse(name, args=[world.get(argument, argument) for argument in arguments])
        form = main_form(client.get(address))
        if form is None:
            continue
        sent = {**(sent_by(form) if name in MORE else filled(form)), **MORE.get(name, {})}
        shown = {n.rpartition("-")[2] for n in sent} | {
            c.attributes.get("name", "").rpartition("-")[2] for c in form.all("input", "select", "textarea")
        }
        hidden = sorted(COLUMNS - shown)
        extra = {column: ODD[number % len(ODD)] for number, column in enumerate(hidden)}
        extra |= {f"lines-0-{column}": value for column, value in extra.items()}
        clean = outcome(client, address, sent)
        dirty = outcome(client, address, {**extra, **sent})
        if clean[0] == 302 and clean[1]:
            written.add(name)
        if clean != dirty:
            wrong.append((name, arguments, clean[0], dirty[0]))
    assert wrong == []
    assert written >= WRITTEN


def test_a_form_that_takes_a_field_is_noticed(
    same_numbers: None,
    world: dict[str, str],  # noqa: F811
    people: dict[str, Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):  # the control
    from subscriptions.forms import SubscriptionForm

    client = client_of(people, "administrator")
    address = reverse("subscriptions:edit", args=[world["[active]"]])
    form = main_form(client.get(address))
    assert form is not None
    sent = {**sent_by(form), **MORE["subscriptions:edit"]}
    clean = outcome(client, address, sent)
    inner = SubscriptionForm._post_clean

    def careless(self: Any) -> None:
        inner(self)
        if "provenance" in self.data:
            self.instance.provenance = self.data["provenance"]

    monkeypatch.setattr(SubscriptionForm, "_post_clean", careless)
    assert clean[0] == 302
    assert outcome(client, address, {**sent, "provenance": "file"}) != clean
