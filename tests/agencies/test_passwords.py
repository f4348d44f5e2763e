"""What is no password, on each of the pages where one is given: short, common, a number, or like whose it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from agencies.invitations import invite
from agencies.models import Agency, User
from agencies.signing_in.passwords import link_of
from tests.agencies.test_signing_in import PASSWORD, sign_in, with_password

GOOD = "an even longer word"
REFUSED = {
    "nine-char": "password_too_short",
    "qwertyuiop": "password_too_common",
    "8273645190": "password_entirely_numeric",
    "gangneung-77": "password_too_similar",  # like the name to sign in with
    "Baek Seungjoo1": "password_too_similar",  # like the person's
    "gildong@agency": "password_too_similar",  # like the address
}
NAMES = {"username": "gangneung-7", "email": "gildong@agency.example"}
Give = Callable[[str], HttpResponse]


@pytest.fixture
def owner(make_user: Any) -> User:
    cache.clear()
    return with_password(make_user("administrator", "KR-49", last_name="Baek Seungjoo", **NAMES))


def by_oneself(owner: User, signed_in: Any) -> Give:
    client = Client()
    sign_in(owner.username, client=client)
    return lambda new: client.post(
        "/accounts/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )


def by_link(owner: User, signed_in: Any) -> Give:
    client = Client()
    form: Any = client.get(link_of(owner), follow=True)
    return lambda new: client.post(form.redirect_chain[-1][0], {"new_password1": new, "new_password2": new})


def by_invitation(owner: User, signed_in: Any) -> Give:
    _invitation, link = invite("Baek Seungjoo", Agency.objects.get(code="KR-49"), "approver", by=owner)
    address = reverse("agencies:accept", args=[link])
    User.objects.filter(pk=owner.pk).update(username="another", email="")
    return lambda new: Client().post(address, {**NAMES, "password1": new, "password2": new})


def by_a_system_administrator(owner: User, signed_in: Any) -> Give:
    address = f"/admin/agencies/user/{owner.pk}/password/"
    client = signed_in("sysadmin")
    return lambda new: client.post(address, {"usable_password": "true", "password1": new, "password2": new})


@pytest.mark.parametrize("page", [by_oneself, by_link, by_invitation, by_a_system_administrator])
def test_what_is_no_password(page: Any, owner: User, signed_in: Any) -> None:
    give = page(owner, signed_in)
    for new, code in REFUSED.items():
        answer: Any = give(new)
        form = answer.context["adminform"].form if "adminform" in answer.context else answer.context["form"]
        codes = [error.code for errors in form.errors.as_data().values() for error in errors]
        assert (answer.status_code, code in codes) == (200, True), (new, codes)
        assert not any(user.check_password(new) for user in User.objects.all())
    assert give(GOOD).status_code == 302  # the control
    assert User.objects.get(username=NAMES["username"]).check_password(GOOD)
