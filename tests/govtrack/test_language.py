"""Pages are Korean unless the reader chose English; the browser's own preference does not count."""

import pytest
from django.conf import settings
from django.urls import reverse


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cookie", "expected"),
    [(None, "ko"), ("ko", "ko"), ("en", "en"), ("fr", "ko"), ("../../etc", "ko"), ("", "ko")],
)
def test_the_cookie_alone_decides(client, cookie, expected):
    if cookie is not None:
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = cookie
    response = client.get(reverse("account_login"), headers={"Accept-Language": "en-US,en;q=0.9"})
    assert (response.headers["Content-Language"], f'<html lang="{expected}"' in response.text) == (
        expected,
        True,
    )
    assert "Cookie" in response.headers["Vary"]


@pytest.mark.django_db
def test_the_switch_keeps_the_page_and_stays(client):
    page = reverse("account_login") + "?next=/findings/"
    response = client.post(reverse("set_language"), {"language": "en", "next": page})
    assert (response.status_code, response.url) == (302, page)
    assert client.get(page).headers["Content-Language"] == "en"


@pytest.mark.django_db
def test_the_switch_leads_to_no_other_site(client):
    response = client.post(reverse("set_language"), {"language": "en", "next": "https://elsewhere.example/"})
    assert response.url == "/"
