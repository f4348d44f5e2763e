"""What the browser tests share: the register as the demonstration has it, its people, and two sizes of screen."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.register import FIXTURES, load
from tests.roles import ROLES

SCREENS = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 375, "height": 812}}


@pytest.fixture
def register(transactional_db: None) -> None:
    """The fixtures are loaded and judged."""
    load(*FIXTURES, "other_sources", judged=True)


@pytest.fixture
def people(register: None, make_user: Callable[..., Any]) -> dict[str, Any]:
    """Somebody in each role, by the role's title in `tests.roles`."""
    return {title: make_user(*role, username=title) for title, role in ROLES.items()}


@pytest.fixture(params=["ko", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visit(
    browser_page: Any, people: dict[str, Any], sign_in: Callable[..., None]
) -> Callable[[str, str, str, str], Any]:
    """`visit("committee", "/spending/", "en", "narrow")`: the page, opened by such a person on such a screen."""

    def visit(title: str, address: str, language: str = "ko", screen: str = "wide") -> Any:
        browser_page.set_viewport_size(SCREENS[screen])
        if title == "anonymous":
            browser_page.context.clear_cookies(name="sessionid")
        else:
            sign_in(browser_page, people[title], language)
        response = browser_page.goto(address)
        if response.status != 400:  # that page is in both languages, since nothing is known of the reader
            assert browser_page.locator("html").get_attribute("lang") == language
        return browser_page

    return visit
