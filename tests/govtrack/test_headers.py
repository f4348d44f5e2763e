"""What every answer tells the browser: load nothing from elsewhere, keep nothing of a signed-in page."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.answers import HEADERS, POLICY


@pytest.mark.django_db
def test_content_security_policy_allows_this_site_alone(client):
    for address in (reverse("account_login"), "/no-such-page/"):
        policy = client.get(address).headers["Content-Security-Policy"]
        assert set(policy.split("; ")) == POLICY


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/accounts/login/", "/no-such-page/", "/static/govtrack/img/mark.svg"])
def test_other_headers(client, address):
    response = client.get(address)
    response.close()
    headers = response.headers
    # A static file is no page, and cannot be framed to any use.
    expected = {
        name: value for name, (value, *_more) in HEADERS.items() if "static" not in address or name[0] != "X"
    }
    assert {name: headers.get(name) for name in expected} == expected
    assert {"camera=()", "geolocation=()", "usb=()"} <= set(headers["Permissions-Policy"].split(", "))


@pytest.mark.django_db
def test_headers_are_those_of_the_middleware(client, settings):  # the control: without it they are gone
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.endswith("kept_apart")]
    assert "Cross-Origin-Resource-Policy" not in Client().get(reverse("account_login")).headers


def test_a_signed_in_page_is_kept_nowhere(signed_in):
    response = signed_in("sysadmin").get(reverse("password_change"))
    directives = {part.strip() for part in response.headers["Cache-Control"].split(",")}
    assert (response.status_code, {"private", "no-store"} <= directives) == (200, True)


@pytest.mark.django_db
def test_a_stranger_is_led_to_the_login_page(client):
    response = client.get("/admin/password_change/")
    assert (response.status_code, response.url) == (302, "/admin/login/?next=/admin/password_change/")


@pytest.mark.django_db
def test_more_than_twelve_mebibytes_are_refused(client):
    response = client.post(
        reverse("account_login"), {"login": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE, "password": "x"}
    )
    assert response.status_code == 400


@pytest.mark.django_db
def test_ten_megabytes_reach_the_form(client):  # which answers for itself, here that no name is so long
    response = client.post(reverse("account_login"), {"login": "x" * 10_000_000, "password": "x"})
    assert (response.status_code, list(response.context["form"].errors)) == (200, ["login"])
