"""Alarms: the bell counts live, the list leads to what it is about, acts by role, settings and subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.agent import AgentState
from tests.browser.accessibility import in_the_dark, violations, violations_in_both_themes
from tests.browser.conftest import Open, Watch, go
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]
SLOW = 60_000
"""A look for causes comes every few seconds by itself."""


def late(site: Site, subject: str, minutes: int = 5, *, look: bool = True) -> None:
    due = datetime.now(UTC) - timedelta(minutes=minutes)
    site.add_one(subject, "theft", due_date_time=due)
    if look:
        site.look_for_alarms()


def test_the_bell_rings_and_leads_to_the_item(site: Site, open_as: Open) -> None:
    page = open_as("ines", "/agents")
    page.goto("/alarms")
    late(site, "Rings the bell", look=False)
    row = page.locator("#alarms tr", has_text="Rings the bell")
    expect(row).to_contain_text("Overdue", timeout=SLOW)
    expect(row).to_contain_text("Was due at")
    expect(page.locator("#bell")).to_contain_text("not acknowledged")
    row.get_by_role("link", name="Rings the bell").click()
    expect(page.locator("#drawer")).to_contain_text("Rings the bell")
    page.locator("#bell").click()
    expect(page.locator("h1")).to_have_text("Alarms")


def test_acknowledging_and_taking_over(site: Site, open_as: Open, shot: Shot) -> None:
    late(site, "To be acknowledged")
    late(site, "Stays")
    page = open_as("ines", "/alarms")
    row = page.locator("#alarms tr", has_text="To be acknowledged")
    expect(row).to_be_visible(timeout=SLOW)
    expect(page.locator("#alarms tr", has_text="Stays")).to_be_visible(timeout=SLOW)
    shot(page, "alarms")
    row.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".toast")).to_contain_text("Acknowledged")
    expect(row).to_have_count(0)
    assert page.evaluate("document.activeElement.closest('#alarms') !== null")
    go(page, "/alarms?state=open")
    row.get_by_role("button", name="Take over").click()
    expect(row).to_contain_text("ines")
    expect(row).to_contain_text("seen by ines")
    page.locator("#only-mine").click()
    expect(page.locator("#alarms tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Give back").click()
    expect(page.get_by_text("No alarms like these")).to_be_visible()


def test_all_that_is_listed_is_acknowledged_at_once(site: Site, open_as: Open) -> None:
    late(site, "One of several")
    late(site, "Another of several")
    page = open_as("ada", "/alarms")
    for subject in ("One of several", "Another of several"):
        expect(page.locator("#alarms tr", has_text=subject)).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Acknowledge these").click()
    expect(page.locator(".toast")).to_contain_text("alarms acknowledged")
    expect(page.locator("#alarm-list")).not_to_contain_text("of several")


def test_kinds_can_be_chosen_and_ended_ones_seen(site: Site, open_as: Open, shot: Shot) -> None:
    item = site.add_one("Ends soon", "theft", due_date_time=datetime.now(UTC) + timedelta(minutes=10))
    page = open_as("ines", "/alarms")
    site.look_for_alarms()
    chip = page.locator("#kind-dueSoon")
    expect(chip).not_to_contain_text("Due soon 0")
    chip.click()
    page.wait_for_url("**kind=dueSoon*")
    expect(page.locator("#alarms")).to_contain_text("Ends soon")
    expect(page.locator("#alarms")).to_contain_text("Is due at")
    site.cancel(item.id)
    site.look_for_alarms()
    go(page, "/alarms?state=cleared")
    expect(page.locator("#alarm-list")).to_contain_text("Ends soon")
    shot(page, "alarms-ended")


def test_a_viewer_sees_and_does_not_act(site: Site, open_as: Open) -> None:
    late(site, "Seen by a viewer")
    page = open_as("vera", "/alarms")
    expect(page.locator("#alarms tr", has_text="Seen by a viewer")).to_be_visible(timeout=SLOW)
    expect(page.locator("#alarms button")).to_have_count(0)
    expect(page.get_by_role("button", name="What raises alarms")).to_have_count(0)
    alarm_id = page.locator("#alarms tr[data-alarm]").first.get_attribute("data-alarm")
    token = page.evaluate("JSON.parse(document.body.getAttribute('hx-headers'))['X-CSRF-Token']")
    answer = page.request.post(f"/alarms/{alarm_id}/acknowledge", headers={"X-CSRF-Token": token})
    assert answer.status == 403


def test_settings_name_the_wrong_field_and_keep_what_was_typed(
    open_as: Open, watch: Watch, shot: Shot
) -> None:
    watch.expect("422")
    page = open_as("ines", "/alarms")
    page.get_by_role("button", name="What raises alarms").click()
    field = page.locator("dialog [name=due_soon_minutes]")
    field.fill("0")
    page.locator("dialog [name=not_ready_minutes]").fill("45")
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog .error")).to_contain_text("whole minutes from 1 to")
    expect(page.locator("dialog [name=not_ready_minutes]")).to_have_value("45")
    assert violations(page) == []
    shot(page, "alarm-settings")
    field.fill("20")
    page.locator("dialog .confirm").click()
    expect(page.locator(".toast")).to_contain_text("Saved")
    page.get_by_role("button", name="What raises alarms").click()
    expect(page.locator("dialog [name=due_soon_minutes]")).to_have_value("20")


def test_a_subscription_limits_what_is_shown_first(site: Site, open_as: Open, shot: Shot) -> None:
    late(site, "Not subscribed to")
    page = open_as("bea", "/alarms")
    expect(page.locator("#alarms tr", has_text="Not subscribed to")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="What I am told of").click()
    page.locator("dialog [name=kinds]").select_option(["errorheld"])
    shot(page, "alarm-subscription")
    page.locator("dialog .confirm").click()
    expect(page.locator("#alarm-list")).not_to_contain_text("Not subscribed to")
    page.locator("#all-alarms").click()
    expect(page.locator("#alarm-list")).to_contain_text("Not subscribed to")


def test_alarms_are_accessible_and_fit(site: Site, open_as: Open, shot: Shot) -> None:
    late(
        site,
        "A subject that is very long and tells all that has happened since the first letter of the customer came",
    )
    site.set_state("brandt", AgentState.NOT_READY, "lunch")
    page = open_as("ada", "/alarms?state=open", width=900)
    expect(page.locator("#alarms")).to_contain_text("A subject that is very long")
    assert violations_in_both_themes(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, "alarms-light")
    with in_the_dark(page):
        shot(page, "alarms-dark")
