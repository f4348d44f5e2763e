"""The Chromium that the browser tests run in, how it is started, and what it must not do."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request, sync_playwright

# No sandbox: the tests may run as root. The others keep the browser from talking to its maker.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def executable() -> str | None:
    """The path of the system's Chromium, else of Playwright's own, else None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@dataclass
class Watch:
    """What a page did that no page of ours may do. A test that expects some of it clears the list."""

    host: str
    foreign: list[str] = field(default_factory=list)  # addresses asked for at another host
    console: list[str] = field(
        default_factory=list
    )  # errors, warnings, breaches of the content security policy
    paused: bool = False

    def of(self, page: Page) -> None:
        page.on("request", self.request)
        page.on("console", self.message)
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))

    def request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.netloc != self.host:
            self.foreign.append(request.url)

    def message(self, message: ConsoleMessage) -> None:
        # An error page is an error to the console too; its status is the test's to judge.
        is_page = (
            message.text.startswith("Failed to load resource") and message.location["url"] == message.page.url
        )
        if message.type in ("error", "warning") and not self.paused and not is_page:
            self.console.append(f"{message.type}: {message.text} ({message.location['url']})")


def violations(page: Page, watch: Watch, exclude: list[str]) -> list[str]:
    """Axe's findings on the page as it stands, one line each; `exclude` names parts that are not ours (selectors)."""
    context = {"exclude": [[selector] for selector in exclude]} if exclude else None
    watch.paused = True  # axe itself breaches the content security policy
    found = Axe().run(page, context=context, options={"preload": False, "resultTypes": ["violations"]})
    watch.paused = False
    return [
        f"{violation['id']}: {violation['help']}: "
        + "; ".join(str(node["target"]) for node in violation["nodes"])
        for violation in found.response["violations"]
    ]
