"""The pictures of the README, taken from a running demo: `python -m tests.browser.pictures READY FOLDER`.

READY is what `openiwd up --demo --json` has printed. Each page in both themes, as the README shows them.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

WIDTH = 1440
BARE = (
    """() => { for (const toast of document.querySelectorAll('.toast')) toast.remove(); scrollTo(0, 0); }"""
)


class Picture(NamedTuple):
    name: str
    login: str
    path: str
    prepare: Callable[[Page], None]
    height: int = 900


def _as_it_is(_: Page) -> None:
    """The page as it opens."""


def _why(page: Page) -> None:
    page.locator("#rows .subject a").first.click()
    page.locator("#tab-why").click()
    page.wait_for_selector("#tab-panel[data-tab=why] .lead")


def _curve(page: Page) -> None:
    page.locator(".object-card h2 a").first.click()
    page.get_by_role("button", name="Edit in a draft").click()
    point = page.locator("svg.curvebox g.handle").nth(2)
    point.focus()
    for _ in range(6):
        point.press("ArrowUp")


def _desk(page: Page) -> None:
    """In the workspace with an offer, or with what is in hand."""
    page.click("#state-button")
    page.get_by_role("menuitem", name="Ready", exact=True).click()
    page.locator("[data-offer], .ws-left .items a").first.wait_for(timeout=90_000)


PICTURES = (
    Picture("universal-queue", "supervisor", "/?status=queued", _why),
    Picture("dashboard", "supervisor", "/dashboards?period=week", _as_it_is, 1000),
    Picture("schema-editor", "business", "/configuration/schemas", _curve, 1000),
    Picture("workspace", "amara.rossi", "/workspace", _desk),
)


def take(browser: Browser, url: str, passwords: dict[str, str], picture: Picture, folder: Path) -> None:
    """One page in both themes, in one visit: what lives on the page is the same in both."""
    context = browser.new_context(
        base_url=url, viewport={"width": WIDTH, "height": picture.height}, locale="en-GB"
    )
    page = context.new_page()
    page.goto(f"/login?next={quote(picture.path)}")
    page.fill("[name=login]", picture.login)
    page.fill("[name=password]", passwords[picture.login])
    page.click("main button")
    page.wait_for_selector("body[data-ready]")
    picture.prepare(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.evaluate(BARE)
        page.wait_for_timeout(300)
        suffix = "" if scheme == "light" else "-dark"
        page.screenshot(path=folder / f"{picture.name}{suffix}.png")
    context.close()


def main(ready: Path, folder: Path) -> None:
    told = json.loads(ready.read_text(encoding="utf-8"))
    passwords = {user["login"]: user["password"] for user in told["users"]}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for picture in PICTURES:
            take(browser, told["url"], passwords, picture, folder)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
