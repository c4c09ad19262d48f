"""Queues, agents and configuration; accessibility of all pages by axe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import Open, Watch, go
from tests.browser.site import RULES, Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("login", "path"),
    [
        (None, "/login"),
        ("ines", "/"),
        ("ines", "/?q=nothing-has-this"),
        ("ines", "/queues"),
        ("ines", "/agents"),
        ("bea", "/configuration/categories"),
        ("bea", "/configuration/schemas"),
        ("bea", "/configuration/queues"),
        ("bea", "/configuration/calendars"),
        ("bea", "/configuration/rules"),
        ("bea", "/configuration/versions"),
        ("amara", "/workspace"),
    ],
)
def test_pages_are_accessible(open_as: Open, login: str | None, path: str, scheme: str) -> None:
    page = open_as(login, scheme=scheme)
    page.goto(path)
    assert violations(page) == []


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


def test_configuration_reads_as_text(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration")
    expect(page.locator("main")).to_contain_text("If data.product is one of motor, glass, theft, collision")
    shot(page, "configuration-categories")
    page.click("text=Prioritization schemas")
    expect(page.locator("svg.chart")).to_have_count(2)
    shot(page, "configuration-schemas")
    page.click("#conf-side >> text=Rules")
    expect(page.locator("main")).to_contain_text("ext.customerSegment is vip")
    expect(page.locator("main")).to_contain_text("raiseBusinessValue 100")


def test_a_wrong_rule_set_is_refused_with_its_place_and_a_right_one_goes_live(
    open_as: Open, watch: Watch, tmp_path: Path
) -> None:
    watch.expect("422")
    text = RULES.read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace("queue: motor_l2, when", "queue: nowhere, when"), encoding="utf-8")
    page = open_as("bea", "/configuration/versions")
    page.set_input_files("[name=file]", wrong)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("alert")).to_contain_text("nowhere")
    page.set_input_files("[name=file]", RULES)
    page.fill("[name=comment]", "the same again")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").filter(has_text="is live")).to_be_visible()
    expect(page.locator("main table")).to_contain_text("the same again")


def test_a_supervisor_cannot_publish(open_as: Open) -> None:
    page = open_as("ines", "/configuration/versions")
    expect(page.locator("[name=file]")).to_have_count(0)
