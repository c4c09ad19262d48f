"""The Universal Queue as of a past instant: marked, read-only, moved by the slider, and back to now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import faults, faults_in_both_themes, in_the_dark
from tests.browser.conftest import Open, go
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]


def then(**more: str) -> str:
    """The page of this very moment, once it is over."""
    return f"/?{urlencode({'at': datetime.now(UTC).isoformat(), **more})}"


def test_what_waited_then_is_there_and_what_came_later_is_not(site: Site, open_as: Open, shot: Shot) -> None:
    gone = site.add_one("Waited then", "theft")
    address = then()
    site.cancel(gone.id)
    site.add_one("Came later", "theft")
    page = open_as("ines", "/")
    expect(page.locator("#rows")).to_contain_text("Came later")
    expect(page.locator("#rows")).not_to_contain_text("Waited then")
    go(page, address)
    expect(page.locator("#list")).to_contain_text("As of ")
    expect(page.locator("#rows")).to_contain_text("Waited then")
    expect(page.locator("#rows")).not_to_contain_text("Came later")
    assert page.locator("#rows input, [data-bulk], [data-act]").count() == 0
    page.get_by_role("link", name="Waited then").first.click()
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("Nothing can be done here with what was")
    expect(drawer).to_contain_text("What had happened by then")
    expect(drawer.locator(".status")).to_contain_text("queued")
    assert drawer.locator("[data-act]").count() == 0
    shot(page, "past-drawer")
    drawer.get_by_role("link", name="The item as it is now").click()
    expect(page.locator("#drawer .status").first).to_contain_text("canceled")
    go(page, address)
    page.locator("#past-now").click()
    expect(page.locator("#rows")).to_contain_text("Came later")


def test_the_slider_goes_through_time(site: Site, open_as: Open) -> None:
    site.add_one("Slides in", "theft")
    page = open_as("ines", "/")
    page.locator("#past-open").click()
    expect(page.locator("#past-slider")).to_be_visible()
    page.locator("#past-slider").focus()
    before = page.url
    page.keyboard.press("Home")
    expect(page.locator("#list")).to_contain_text("Nothing waited")
    assert page.url != before
    assert page.evaluate("document.activeElement.id") == "past-slider"
    page.keyboard.press("End")
    expect(page.locator("#rows")).to_contain_text("Slides in")
    page.locator("#past-at").fill("2020-01-02T03:04")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#list")).to_contain_text("Nothing waited")
    expect(page.locator(".past-mark")).to_contain_text("2020-01-02 03:04")
    go(page, "/?at=nonsense")
    expect(page.locator("#list [role=alert]")).to_contain_text("is no instant")


def test_an_item_and_its_history_lead_to_how_it_was(site: Site, open_as: Open, shot: Shot) -> None:
    item = site.add_one("Has a past", "theft")
    site.cancel(item.id)
    page = open_as("ines", f"/items/{item.id}?tab=history")
    page.get_by_role("link", name="As it was then").last.click()
    expect(page.locator("h1")).to_have_text("Has a past")
    expect(page.locator(".past-note")).to_be_visible()
    expect(page.locator("#drawer .status").first).to_contain_text("queued")
    shot(page, "past-item")
    assert faults(page) == []


def test_it_can_be_used_by_everybody(site: Site, open_as: Open, shot: Shot) -> None:
    item = site.add_one(
        "An item with a rather long subject that does not fit into its column at all", "theft"
    )
    address = then(item=str(item.id))
    for width in (1280, 900):
        page = open_as("ines", address, width=width, height=800)
        expect(page.locator("#drawer")).to_be_visible()
        assert faults_in_both_themes(page) == []
        shot(page, f"past-light-{width}")
        with in_the_dark(page):
            shot(page, f"past-dark-{width}")


def test_it_speaks_german(site: Site, open_as: Open, shot: Shot) -> None:
    site.add_one("Deutsch", "theft")
    address = then()
    site.set_language("vera", "de")
    try:
        page = open_as("vera", address, fresh=True)
        expect(page.locator("#list")).to_contain_text("Stand ")
        expect(page.locator("#past-now")).to_have_text("Zurück zu jetzt")
        shot(page, "past-de")
    finally:
        site.set_language("vera", "en")
