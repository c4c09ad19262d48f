"""Dashboards: numbers that agree and lead to their items, live, by role, empty, with many categories and long names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.agent import AgentState
from tests.browser.accessibility import violations
from tests.browser.conftest import Open
from tests.browser.site import Site, submission

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]


def number(text: str) -> int:
    return int(text.replace("\u202f", "").split()[0])


def tile(page: Page, key: str) -> int:
    return number(page.locator(f"#tile-{key}").inner_text())


def column(page: Page, table: str, index: int) -> int:
    """The sum of a column; a dash is nothing."""
    cells = page.locator(f"#{table} tbody td:nth-child({index})").all_inner_texts()
    found = [c.lower().replace("overdue", "").replace("\u202f", "").strip() for c in cells]
    return sum(int(text) for text in found if text.isdigit())


def test_numbers_agree_and_open_their_items(site: Site, open_as: Open, shot: Shot) -> None:
    site.add(
        submission(
            "D-1", "Due soon", "theft", hours=0.1, due_date_time=datetime.now(UTC) + timedelta(minutes=20)
        )
    )
    page = open_as("ines", "/dashboards")
    waiting = tile(page, "waiting")
    assert waiting > 0
    assert waiting == column(page, "by-category", 3) == column(page, "by-queue", 2)
    assert tile(page, "overdue") == column(page, "by-category", 6)
    everything = int(page.locator(".tiles").get_attribute("data-open") or 0)
    assert everything == waiting + tile(page, "assigned") + tile(page, "held")
    assert tile(page, "due_hour") >= 1
    shot(page, "dashboard-light")
    page.locator("#tile-waiting").click()
    expect(page.locator("#rows tr[data-id]").first).to_be_visible()
    expect(page.locator("#tree")).to_contain_text(str(everything))
    page.go_back()
    row = page.locator("#by-category tbody tr", has_text="Claims")
    count = number(row.locator("td:nth-child(3)").inner_text())
    row.locator("td:nth-child(3) a").click()
    expect(page.locator("#rows tr[data-id]")).to_have_count(count)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("period", ["hour", "today", "week"])
def test_each_period_is_accessible(open_as: Open, shot: Shot, scheme: str, period: str) -> None:
    page = open_as("ines", f"/dashboards?period={period}", scheme=scheme)
    expect(page.locator(".choices [aria-current]")).to_have_count(1)
    assert violations(page) == []
    if scheme == "dark" or period != "today":
        shot(page, f"dashboard-{scheme}" if period == "today" else f"dashboard-{period}-{scheme}")


def test_it_follows_what_happens_and_leaves_the_focus(site: Site, open_as: Open) -> None:
    page = open_as("ines", "/dashboards")
    before = tile(page, "waiting")
    page.locator("#tile-held").focus()
    site.add_one("Came in while looking", "theft")
    expect(page.locator("#tile-waiting")).to_contain_text(str(before + 1), timeout=20_000)
    expect(page.locator("#tile-held")).to_be_focused()
    site.set_state("rossi", AgentState.READY)
    expect(page.locator("#agent-activity")).to_contain_text("Amara Rossi", timeout=20_000)


def test_agents_and_what_they_have(site: Site, open_as: Open, shot: Shot) -> None:
    site.set_state("brandt", AgentState.NOT_READY, "lunch")
    site.set_state("rossi", AgentState.AFTER_WORK)
    page = open_as("ines", "/dashboards")
    line = page.locator("#agent-activity tr", has_text="Piet Brandt")
    expect(line).to_contain_text("Not ready, lunch")
    expect(page.locator(".groups")).to_contain_text("motor")
    assert violations(page) == []


def test_one_department(open_as: Open, shot: Shot) -> None:
    page = open_as("vera", "/dashboards")
    whole = tile(page, "waiting")
    page.get_by_role("button", name="All departments").click()
    page.get_by_role("menuitem", name="Claims", exact=True).click()
    page.wait_for_url("**department=Claims*")
    expect(page.locator("h2").first).to_have_text("Backlog by process")
    assert tile(page, "waiting") == column(page, "by-category", 3) < whole
    page.get_by_role("link", name="7 days").click()
    expect(page.get_by_role("button", name="Claims")).to_be_visible()
    shot(page, "dashboard-department")


def test_hints_say_what_is_counted(open_as: Open, shot: Shot) -> None:
    page = open_as("ines", "/dashboards")
    hint = page.get_by_role("button", name="What is counted: Waiting", exact=True)
    hint.focus()
    expect(page.locator("#hint-waiting")).to_be_visible()
    shot(page, "dashboard-hint")
    page.keyboard.press("Escape")
    expect(page.locator("#hint-waiting")).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 900])
def test_it_fits_smaller_screens(open_as: Open, shot: Shot, width: int) -> None:
    page = open_as("ines", "/dashboards", width=width, height=800)
    wide = page.evaluate(
        "document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth"
    )
    assert wide == 0
    shot(page, f"dashboard-{width}")


def test_agents_have_no_dashboard(open_as: Open, watch: object) -> None:
    page = open_as("amara", "/workspace")
    expect(page.get_by_role("link", name="Dashboards")).to_have_count(0)
    expect(page.locator("#bell")).to_have_count(0)
    answer = page.request.get("/dashboards")
    assert answer.status == 403
