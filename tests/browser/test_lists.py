"""Queues, agents and configuration; accessibility of all pages by axe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import faults, violations, violations_in_both_themes
from tests.browser.conftest import Open, go
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]


@pytest.mark.parametrize(
    ("login", "path"),
    [
        (None, "/login"),
        ("ines", "/"),
        ("ines", "/?q=nothing-has-this"),
        ("ines", "/queues"),
        ("ines", "/agents"),
        ("bea", "/configuration/schemas"),
        ("bea", "/configuration/queues"),
        ("bea", "/configuration/calendars"),
        ("amara", "/workspace"),
    ],
)
def test_pages_are_accessible(open_as: Open, login: str | None, path: str) -> None:
    page = open_as(login)
    page.goto(path)
    assert violations_in_both_themes(page) == []


def test_details_and_dialogs_are_accessible(site: Site, open_as: Open) -> None:
    item = site.add_one("Accessible", "theft")
    page = open_as("ines")
    go(page, f"/?item={item.id}")
    for tab in ("details", "why", "priority", "history", "notes"):
        page.click(f"#tab-{tab}")
        expect(page.locator("#tab-panel")).to_have_attribute("data-tab", tab)
        assert violations(page) == [], tab
    page.click("#drawer [data-act=hold]")
    expect(page.locator("dialog[open]")).to_be_visible()
    assert violations(page) == []


def test_an_offer_is_accessible(site: Site, open_as: Open) -> None:
    site.add_urgent("Accessible offer", "theft")
    page = open_as("amara")
    page.click("#state-button")
    assert violations(page) == []
    page.get_by_role("menuitem", name="Ready", exact=True).click()
    expect(page.locator("[data-offer]")).to_be_visible()
    assert violations(page) == []
    page.click("#accept")
    expect(page.locator("#focus h1")).to_be_visible()
    page.locator(".toast button").click()
    assert violations(page) == []


def test_queues_name_what_waits_and_lead_to_it(open_as: Open, shot: Shot) -> None:
    page = open_as("ines", "/queues")
    line = page.locator("tr:has-text('Complaints')")
    expect(line).to_contain_text("Payout refused without a reason")
    expect(line).to_contain_text("Office hours")
    shot(page, "queues")
    line.locator("td:nth-child(2) a").click()
    expect(page.locator("#chips")).to_contain_text("Queue Complaints")
    expect(page.locator("#rows tr[data-id]")).to_have_count(1)


def test_a_supervisor_sets_an_agents_state(open_as: Open, shot: Shot) -> None:
    page = open_as("ines", "/agents")
    line = page.locator("tr:has-text('Piet Brandt')")
    line.get_by_role("button", name="Not ready").click()
    expect(line).to_contain_text("Not ready, set by a supervisor")
    expect(page.locator(".toast")).to_contain_text("Piet Brandt is now Not ready")
    shot(page, "agents")
    line.get_by_role("button", name="Log out").click()
    expect(line).to_contain_text("Logged out")


def test_a_viewer_may_look_at_agents_only(open_as: Open) -> None:
    page = open_as("vera", "/agents")
    expect(page.locator("#agents")).to_contain_text("Amara Rossi")
    expect(page.locator("#agent-rows button")).to_have_count(0)


@pytest.mark.parametrize(
    "path", ["/", "/dashboards", "/queues", "/agents", "/configuration/categories", "/alarms", "/audit"]
)
def test_pages_are_accessible_in_german(site: Site, open_as: Open, shot: Shot, path: str) -> None:
    site.set_language("bea", "de")
    try:
        page = open_as("bea", width=1280, height=800)
        go(page, path)
        expect(page.locator("html")).to_have_attribute("lang", "de")
        assert faults(page) == []
        shot(page, f"german-{path.strip('/').replace('/', '-') or 'queue'}")
    finally:
        site.set_language("bea", "en")


@pytest.mark.parametrize("width", [1280, 900])
def test_german_words_leave_room_for_all_of_a_page(site: Site, open_as: Open, shot: Shot, width: int) -> None:
    """The list ends where the drawer begins, and no page of the head is cut off."""
    site.set_language("ada", "de")
    try:
        page = open_as("ada", width=width, height=800)
        page.locator("#rows .subject a").first.click()
        expect(page.locator("#drawer h2")).to_be_visible()
        ends, begins = (
            page.locator(".listpane").bounding_box(),
            page.locator("#drawer").bounding_box(),
        )
        assert ends is not None
        assert begins is not None
        assert ends["x"] + ends["width"] <= begins["x"] + 1
        assert page.locator(".nav").evaluate("nav => nav.scrollWidth <= nav.clientWidth")
        shot(page, f"german-drawer-{width}")
    finally:
        site.set_language("ada", "en")
