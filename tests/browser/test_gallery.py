"""The gallery: each component is there, in light and dark, without complaints of the browser or of axe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from openiwd.web.gallery.gallery_page import COMPONENTS
from tests.browser.accessibility import violations
from tests.browser.conftest import Open


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_component_has_its_page(open_as: Open, shot: Callable[[Page, str], None], scheme: str) -> None:
    page = open_as("ines", "/_components", scheme=scheme)
    for name in COMPONENTS:
        page.get_by_role("navigation", name="Components").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("h1")).to_have_text(name.capitalize())
        assert violations(page) == [], name
        shot(page, f"component-{name}-{scheme}")
