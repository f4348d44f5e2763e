"""What the tests of the admin share: a system administrator's client, data entry staff, and forms sent as they are shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from subscriptions.data_entry import create_data_entry_group


@pytest.fixture
def sysadmin(signed_in: Callable[..., Client]) -> Client:
    return signed_in("sysadmin", language="en")


@pytest.fixture
def staff(signed_in: Callable[..., Client], make_user: Callable[..., Any]) -> Callable[..., Client]:
    """`staff("KR-49", "agencies.change_agency")`: a client of data entry staff there, with these rights besides."""

    def make(agency: str, *rights: str, role: str = "administrator") -> Client:
        user = make_user(role, agency)
        user.is_staff = True
        user.save()
        user.groups.add(create_data_entry_group())
        if rights:
            group = Group.objects.create(name=f"besides {user}")
            group.permissions.set([permission(right) for right in rights])
            user.groups.add(group)
        return signed_in(user=user, language="en")

    return make


def permission(right: str) -> Any:
    from django.contrib.auth.models import Permission

    app, codename = right.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


@pytest.fixture
def send() -> Callable[..., Any]:
    """`send(client, "/admin/…/change/", {"status": "active"})`: open the form there, change these fields, send all of it.

    `rows={"price_lines": [{...}]}` adds rows to an inline.
    """

    def send(
        client: Client,
        address: str,
        changes: dict[str, Any] | None = None,
        rows: dict[str, list[dict[str, Any]]] | None = None,
    ) -> Any:
        page = client.get(address)
        assert page.status_code == 200, page
        data = shown(page)
        data.update(changes or {})
        for prefix, added in (rows or {}).items():
            total = int(data[f"{prefix}-TOTAL_FORMS"])
            for number, row in enumerate(added, start=total):
                data.update({f"{prefix}-{number}-{name}": value for name, value in row.items()})
            data[f"{prefix}-TOTAL_FORMS"] = total + len(added)
        return client.post(address, data)

    return send


def shown(page: Any) -> dict[str, Any]:
    """What a browser would send if nobody changed anything on a change page of the admin."""
    data: dict[str, Any] = {}
    for form in [page.context["adminform"].form, *_inline_forms(page)]:
        for bound in form:
            value = bound.value()
            if bound.field.widget.__class__.__name__ == "AdminSplitDateTime":
                moment = bound.field.widget.decompress(value)
                data[f"{bound.html_name}_0"], data[f"{bound.html_name}_1"] = (str(v or "") for v in moment)
            elif isinstance(value, bool) and bound.widget_type == "checkbox":
                if value:
                    data[bound.html_name] = "on"
            elif value is not None and value != [None]:
                data[bound.html_name] = value
    return data


def _inline_forms(page: Any) -> list[Any]:
    forms: list[Any] = []
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    return forms


def errors_of(page: Any) -> dict[str, list[str]]:
    """The errors of a change page, by field; those of inlines by prefix."""
    assert page.status_code == 200, (page.status_code, page.headers.get("Location"))
    found: dict[str, list[str]] = {}
    for form in [page.context["adminform"].form, *_inline_forms(page)]:
        for field, errors in form.errors.items():
            found[form.add_prefix(field)] = [str(error) for error in errors]
    for inline in page.context["inline_admin_formsets"]:
        if inline.formset.non_form_errors():
            found[inline.formset.prefix] = [str(error) for error in inline.formset.non_form_errors()]
    return found


def told(client: Client) -> list[str]:
    """The messages that the next page shows."""
    return [str(message) for message in client.get("/admin/").context["messages"]]
