"""Answers that come late, in an order that the test decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import APIResponse, Page, Route, expect


class Held:
    """Answers of one address, each fetched when asked for and let through when the test says so."""

    def __init__(self, page: Page, address: str) -> None:
        self._page = page
        self._answers: list[tuple[Route, APIResponse]] = []
        self._released = False
        page.route(address, self._hold)

    def _hold(self, route: Route) -> None:
        if self._released:
            route.continue_()
            return
        self._answers.append((route, route.fetch()))
        self._page.evaluate("document.documentElement.dataset.held = 'yes'")

    def wait(self) -> None:
        expect(self._page.locator("html")).to_have_attribute("data-held", "yes")

    def release(self) -> None:
        self._released = True
        for route, answer in self._answers:
            route.fulfill(response=answer)


def raise_in(page: Page, event: str, **detail: str) -> None:
    """What the answer to an act raises in the page."""
    page.evaluate(
        "([name, detail]) => document.body.dispatchEvent(new CustomEvent(name, { detail }))", [event, detail]
    )


@contextmanager
def handled(page: Page, path: str) -> Iterator[None]:
    """The page has done with an answer of this address all that it does at the end of the block."""
    page.evaluate(
        """path => {
          document.documentElement.dataset.handled = "no";
          document.body.addEventListener("htmx:afterOnLoad", ({ detail }) => {
            if (detail.pathInfo.requestPath.startsWith(path)) document.documentElement.dataset.handled = "yes";
          });
        }""",
        path,
    )
    yield
    expect(page.locator("html")).to_have_attribute("data-handled", "yes")
