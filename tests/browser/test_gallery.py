"""The gallery: each component is there, in light and dark, without complaints of the browser or of axe."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from openiwd.web.gallery.gallery_page import COMPONENTS
from tests.browser.accessibility import in_the_dark, violations_in_both_themes
from tests.browser.conftest import Open


def test_each_component_has_its_page(open_as: Open, shot: Callable[[Page, str], None]) -> None:
    page = open_as("ines", "/_components")
    for name in COMPONENTS:
        page.get_by_role("navigation", name="Components").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("h1")).to_have_text(name.capitalize())
        assert violations_in_both_themes(page) == [], name
        shot(page, f"component-{name}-light")
        with in_the_dark(page):
            shot(page, f"component-{name}-dark")
