"""Events as a table, and as the rows of a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import django_tables2 as tables
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.changes import Change
from audit.models import Event

NOWRAP = {"th": {"class": "nowrap"}}
WRAP = {"th": {"class": "wrap"}}


class EventTable(tables.Table):
    """The latest first; of `readable` events."""

    at = tables.Column(verbose_name=_("When"), attrs=NOWRAP)
    kind = tables.Column(verbose_name=_("Kind"), attrs=NOWRAP)
    actor = tables.Column(verbose_name=_("By"), empty_values=())
    address = tables.Column(verbose_name=_("From where"), empty_values=())
    about = tables.Column(verbose_name=_("Object"), empty_values=())
    told = tables.Column(verbose_name=_("What"), empty_values=(), attrs=WRAP)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Events")}
        orderable = False

    def render_at(self, value: Any) -> str:
        return moment(value)

    def render_kind(self, record: Event) -> str:
        return record.get_kind_display()

    def render_actor(self, record: Event) -> str:
        return record.actor or "–"

    def render_address(self, record: Event) -> SafeString | str:
        if record.address is None:
            return record.get_channel_display()
        if not record.session:
            return record.address
        session = gettext("session %(session)s") % {"session": record.session[:8]}
        return format_html('{}<br><span class="gt-quiet">{}</span>', record.address, session)

    def render_about(self, record: Event) -> str:
        return record.about or "–"

    def render_told(self, record: Any) -> SafeString | str:
        named = (
            (str(LABELS.get(name, name)), text) for name, text in differences(record.before, record.told)
        )
        return listed([*named, *([(gettext("Reason"), record.reason)] if record.reason else [])])


class ChangeTable(tables.Table):
    """Changes of one kind of record, the latest first."""

    at = tables.Column(verbose_name=_("When"), attrs=NOWRAP, empty_values=())
    kind = tables.Column(verbose_name=_("Kind"), attrs=NOWRAP, empty_values=())
    number = tables.Column(verbose_name=_("Number"), empty_values=())
    by = tables.Column(verbose_name=_("By"), empty_values=())
    address = tables.Column(verbose_name=_("From where"), empty_values=())
    what = tables.Column(verbose_name=_("What"), empty_values=(), attrs=WRAP)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Changes of records")}
        orderable = False

    def render_at(self, record: Change) -> str:
        return moment(record.row.history_date)

    def render_kind(self, record: Change) -> str:
        return record.kind

    def render_number(self, record: Change) -> str:
        return str(key_of(record.row))

    def render_by(self, record: Change) -> str:
        return record.by or "–"

    def render_address(self, record: Change) -> str:
        return gettext(" or ").join(record.addresses) or "–"

    def render_what(self, record: Change) -> SafeString | str:
        fields = {field.attname: field for field in record.row._meta.concrete_fields}

        told = differences(worded(record.before, fields), worded(record.after, fields))
        lines = ((str(fields[name].verbose_name), text) for name, text in told)
        reason = record.row.history_change_reason
        return listed([*lines, *([(gettext("Reason"), reason)] if reason else [])])


def worded(values: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Choices by their labels, without the number of the record, which has a column of its own."""
    return {
        name: dict(fields[name].flatchoices).get(value, value) if isinstance(value, str) else value
        for name, value in values.items()
        if name != "id"
    }


def key_of(row: Any) -> Any:
    """The number of the record that a row of history tells of."""
    return getattr(row, row.instance_type._meta.pk.attname)


def listed(lines: list[tuple[str, str]]) -> SafeString | str:
    return format_html_join(SafeString("<br>"), "{}: {}", lines) if lines else "–"


# What the names in an event mean to a reader; of settings and columns, the name itself.
LABELS = {
    "account": _("Account"),
    "accounts": _("Accounts"),
    "agency": _("Agency"),
    "begun": _("Begun"),
    "changed": _("Changed"),
    "file": _("File"),
    "filter": _("Filter"),
    "fixtures": _("Fixtures"),
    "groups": _("Groups"),
    "is_active": _("Account in use"),
    "is_staff": _("Staff"),
    "is_superuser": _("System administrator"),
    "kind": _("Kind"),
    "left": _("Left as they are"),
    "link": _("Link for a new password"),
    "new": _("New"),
    "page": _("Page"),
    "path": _("Path"),
    "permissions": _("Permissions"),
    "role": _("Role"),
    "rows": _("Rows"),
    "rows of": _("Rows added to"),
    "status": _("Answer"),
    "tables": _("Tables"),
    "user": _("User"),
    "username": _("User name"),
    "what": _("Act"),
    "as of": _("As of"),
    "found": _("Hash found"),
    "filed": _("Hash when filed"),
    "head": _("Head of the trail"),
    "sessions": _("Sessions ended"),
}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each name with its value, or with what it was and became."""
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if name not in before:
            yield name, _text(now)
        else:
            yield name, f"{_text(was)} → {_text(now) if name in after else gettext('deleted')}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "–"
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return str(value)


def moment(value: Any) -> str:
    """To the second, as an auditor compares it with other records."""
    return date_format(timezone.localtime(value), "Y-m-d H:i:s")


HEADER = (
    _("Number"), _("When"), _("Kind"), _("By way of"), _("By"), _("Number of the account"), _("Address"), _("Session"),
    _("Kind of object"), _("Number of the object"), _("Object"), _("Before"), _("After"), _("Reason"),
)  # fmt: skip


def event_rows(events: Iterable[Any]) -> Iterator[list[Any]]:
    """The header, and a row for each of `readable` events: times in ISO 8601, before and after as JSON."""
    yield [str(title) for title in HEADER]
    for event in events:
        yield [
            event.pk,
            timezone.localtime(event.at).isoformat(),
            event.get_kind_display(),
            event.get_channel_display(),
            event.actor,
            event.actor_id,
            event.address,
            event.session,
            event.about_type,
            event.about_id,
            event.about,
            json.dumps(event.before, ensure_ascii=False) if event.before else None,
            json.dumps(event.told, ensure_ascii=False) if event.told else None,
            event.reason,
        ]


CHANGE_HEADER = (
    _("Number"), _("When"), _("Kind"), _("Kind of object"), _("Number of the object"), _("By"), _("Address"), _("Session"),
    _("Before"), _("After"), _("Reason"),
)  # fmt: skip


def change_rows(found: Iterable[Change]) -> Iterator[list[Any]]:
    """The header, and a row for each change, as of events."""
    yield [str(title) for title in CHANGE_HEADER]
    for change in found:
        row = change.row
        yield [
            row.history_id,
            timezone.localtime(row.history_date).isoformat(),
            change.kind,
            row.instance_type._meta.label_lower,
            key_of(row),
            change.by,
            ", ".join(change.addresses) or None,
            ", ".join(change.sessions) or None,
            json.dumps(change.before, ensure_ascii=False) if change.before else None,
            json.dumps(change.after, ensure_ascii=False) if change.after else None,
            row.history_change_reason,
        ]
