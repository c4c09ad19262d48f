"""What axe finds in a page; in the dark what depends on colours is looked at once more, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

AXE: Final = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
OF_COLOURS: Final = ["color-contrast", "link-in-text-block"]
"""The rules that judge colours: the others look at elements and their names, which no theme changes."""
OPTIONS: Final[dict[str, Any]] = {
    # What is not asked about: details of what passes, paths to nodes, style sheets (no rule here reads them), and
    # frames, which know nothing of axe.
    "resultTypes": ["violations"],
    "selectors": False,
    "preload": {"assets": ["media"]},
    "iframes": False,
}
TURNED: Final = """
    () => Promise.allSettled(
        document.getAnimations().filter(each => each instanceof CSSTransition).map(each => each.finished))
"""


def violations(page: Page) -> list[str]:
    """WCAG 2.1 A and AA."""
    return _found(page, TAGS)


def violations_in_both_themes(page: Page) -> list[str]:
    """As the page is, and in the dark."""
    found = violations(page)
    with in_the_dark(page):
        return [*found, *(f"in the dark: {each}" for each in _found(page, OF_COLOURS))]


def faults(page: Page) -> list[str]:
    """What axe finds, and a page that is wider than its window."""
    return [*violations(page), *_too_wide(page)]


def faults_in_both_themes(page: Page) -> list[str]:
    return [*violations_in_both_themes(page), *_too_wide(page)]


@contextmanager
def in_the_dark(page: Page) -> Iterator[None]:
    """The page as somebody sees it whose system is dark; light again afterwards."""
    page.emulate_media(color_scheme="dark")
    page.evaluate(TURNED)
    yield
    page.emulate_media(color_scheme="light")
    page.evaluate(TURNED)


def _too_wide(page: Page) -> list[str]:
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{wide} px too wide"] if wide > 0 else []


def _found(page: Page, tags_or_rules: list[str]) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):
        # Evaluated from outside, where the page's CSP does not reach.
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate(
        "options => axe.run(document, options)", {**OPTIONS, "runOnly": tags_or_rules}
    )
    return [f"{v['id']}: {node['html'][:160]}" for v in found["violations"] for node in v["nodes"]]
