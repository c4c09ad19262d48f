"""A running site, and pages of real Chromium in it that fail on script errors and CSP violations."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    StorageState,
    expect,
    sync_playwright,
)

from tests.browser.drafts import Drafts, discard_all
from tests.browser.site import PASSWORD, Site
from tests.servers.postgres import PostgresServer

SHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
CHROMIUM = "chromium"
TIMEOUT_MS = 10_000
# What is waited for is there at once on a quiet machine; five seconds are few on a busy one.
expect.set_options(timeout=TIMEOUT_MS)

Open = Callable[..., Page]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies here runs by itself: Playwright keeps an event loop running in the process."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def site(postgres_server: PostgresServer) -> Iterator[Site]:
    """One for each file, so that no file leans on what another one has left."""
    running = Site(postgres_server)
    yield running
    running.close()


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    executable = shutil.which(CHROMIUM)
    if executable is None:
        pytest.fail("Chromium is missing: apt install chromium")
    running = playwright_driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
    yield running
    running.close()


class Watch:
    """What a page complained about. A test that expects a refusal says so."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = ()

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def expect(self, *texts: str) -> None:
        self.expected = (*self.expected, *texts)

    def check(self) -> None:
        unexpected = [c for c in self.complaints if not any(text in c for text in self.expected)]
        assert unexpected == []


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    watching.check()


@pytest.fixture(scope="module")
def sessions(site: Site, browser: Browser) -> dict[str, StorageState]:
    """Browser sessions of users who have logged in already: hashing passwords takes its time."""
    return {}


def go(page: Page, path: str) -> None:
    """Opens another page and waits until its keys work."""
    page.goto(path)
    page.wait_for_selector("body[data-ready]")


def log_in(page: Page, login: str, path: str) -> None:
    page.goto(f"/login?next={quote(path)}")
    page.fill("[name=login]", login)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")


@pytest.fixture
def open_as(site: Site, browser: Browser, watch: Watch, sessions: dict[str, StorageState]) -> Iterator[Open]:
    """Opens a page, logged in as a user (`None`: nobody), in a browser profile of its own."""
    opened: list[Page] = []

    def opener(
        login: str | None,
        path: str = "/",
        *,
        width: int = 1440,
        height: int = 900,
        scheme: str = "light",
        locale: str = "en-GB",
        fresh: bool = False,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            base_url=site.url,
            locale=locale,
            storage_state=None if login is None or fresh else sessions.get(login),
        )
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("console", watch.on_console)
        page.on("pageerror", lambda error: watch.complaints.append(f"script: {error}"))
        opened.append(page)
        if login is None:
            page.goto("/login")
        elif fresh or login not in sessions:
            log_in(page, login, path)
            page.wait_for_selector("body[data-ready]")
            if not fresh:
                sessions[login] = context.storage_state()
        else:
            go(page, path)
        return page

    yield opener
    for page in opened:
        page.context.close()


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """Keeps a picture for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.wait_for_timeout(150)
        page.screenshot(caret="initial", path=SHOTS / f"{name}.png")

    return take


@pytest.fixture
def drafts(site: Site) -> Iterator[Drafts]:
    """Drafts that end with the test, and so does what it has published."""
    own = Drafts(site)
    yield own
    own.close()


@pytest.fixture
def agents_out(site: Site) -> Iterator[None]:
    """Nobody is logged in to distribution before and after, so that tests do not take each other's items."""
    site.log_agents_out()
    yield
    site.return_everything()
    site.log_agents_out()


@pytest.fixture
def no_drafts(site: Site) -> Iterator[None]:
    """The test begins and ends without drafts of the rule set."""
    site.run(discard_all(site))
    yield
    site.run(discard_all(site))
