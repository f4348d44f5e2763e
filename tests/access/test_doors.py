"""What keeps others out of every address alike: the administration's door, and the token of each form."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from tests.access.addresses import TABLE, address_of
from tests.access.rules import ORDER
from tests.access.world import client_of, people, world  # noqa: F401


@pytest.mark.parametrize(
    "path_in_admin", ["", "subscriptions/subscription/", "agencies/user/", "no/such/page/"]
)
def test_only_staff_reach_the_django_admin(people: dict[str, Any], path_in_admin: str):  # noqa: F811
    address = reverse("admin:index") + path_in_admin
    found = {title: client_of(people, title).get(address).status_code for title in ORDER}
    expected = 404 if path_in_admin == "no/such/page/" else 200
    assert found == {**dict.fromkeys(ORDER, 302), "sysadmin": expected}


def test_a_form_without_its_token_is_refused(world: dict[str, str], people: dict[str, Any]):  # noqa: F811
    """No address that takes POST takes it from another site's page."""
    found = {}
    client = client_of(people, "sysadmin", enforce_csrf_checks=True)
    for row in TABLE:
        if row[0] == "csp-reports":  # what browsers send by themselves has no token, and changes nothing
            continue
        address = address_of(row, world)
        found[address] = client.post(address).status_code
    assert set(found.values()) == {403}


def test_no_other_method_is_answered(signed_in: Any, client: Any):
    reader = signed_in("sysadmin")
    for method in ("put", "patch", "delete", "options", "trace"):
        for address in ("/subscriptions/", reverse("oversight:spending")):
            answer = getattr(reader, method)(address)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
            assert getattr(client, method)(address).status_code == 302
