"""Dashboards: numbers that agree and lead to their items, live, by role, empty, with many categories and long names."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.agent import AgentProfile, AgentState
from openiwd.domain.dashboard import Tally, day_start
from openiwd.domain.privilege import Role
from openiwd.processes.bootstrap import FirstUser
from openiwd.usecases import agent as agent_use
from openiwd.usecases.intake import Intake
from tests.browser.accessibility import in_the_dark, violations, violations_in_both_themes
from tests.browser.conftest import Open
from tests.browser.site import CALLER, PASSWORD, Site, submission

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


async def keep_samples(site: Site) -> None:
    """How the backlog stood at the quarters of the day so far."""
    services = await site.services()
    now = services.runtime.now()
    at = day_start(now, ZoneInfo("Europe/Berlin"))
    async with services.runtime.store.writing() as tx:
        n = 0
        while at < now - timedelta(minutes=15):
            counts = Tally(
                waiting=6 + n % 5, assigned=n % 3, held=n // 4 % 3, overdue=n % 7, due_today=20 - n % 9
            )
            await tx.save_samples(at, {("Claims", "motor_l1"): counts})
            at, n = at + timedelta(minutes=15), n + 1


def test_numbers_agree_and_open_their_items(site: Site, open_as: Open, shot: Shot) -> None:
    site.add(
        submission(
            "D-1", "Due soon", "theft", hours=0.1, due_date_time=datetime.now(UTC) + timedelta(minutes=20)
        )
    )
    site.run(keep_samples(site))
    page = open_as("ines", "/dashboards")
    # What was counted before the item came may be remembered for a moment; the page follows by itself.
    expect(page.locator("#tile-due_hour")).to_contain_text(re.compile(r"^\s*[1-9]"))
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


@pytest.mark.parametrize("period", ["hour", "today", "week"])
def test_each_period_is_accessible(open_as: Open, shot: Shot, period: str) -> None:
    page = open_as("ines", f"/dashboards?period={period}")
    expect(page.locator(".choices [aria-current]")).to_have_count(1)
    assert violations_in_both_themes(page) == []
    if period != "today":
        shot(page, f"dashboard-{period}-light")
    with in_the_dark(page):
        shot(page, "dashboard-dark" if period == "today" else f"dashboard-{period}-dark")


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
    expect(line).to_contain_text("Not ready, lunch", timeout=45_000)  # what was counted is kept for a moment
    expect(page.locator(".groups")).to_contain_text("motor", ignore_case=True)
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


LONG = "Household contents and valuables including bicycles outside of the insured premises"


def wide_rules() -> str:
    """300 departments with long names, 40 queues."""
    lines = [
        "name: Wide",
        "timeZone: Europe/Berlin",
        "schemas: [{id: s, name: S, sla: 8h, points: [{age: 0h, priority: 1}, {age: 8h, priority: 9}]}]",
        "queues:",
        *(f"  - {{id: q{n}, name: '{LONG} queue {n}', groups: [{{group: g{n}}}]}}" for n in range(40)),
        "categories:",
    ]
    when = "when: {{attribute: data.product, operator: eq, value: p{n}}}"
    lines += [
        f"  - {{id: c{n}, name: '{LONG} {n}', schema: s, queue: q{n % 40}, {when.format(n=n)}}}"
        for n in range(300)
    ]
    return "\n".join(lines)


@pytest.mark.timeout(300)
def test_three_hundred_categories_with_long_names(site: Site, open_as: Open, shot: Shot) -> None:
    user = FirstUser(login="wanda", password=PASSWORD, role=Role.SUPERVISOR.value, name="Wanda Weit")

    async def fill() -> None:
        services = await site.add_tenant("wide", wide_rules(), user)
        agents = [AgentProfile(id=f"a{n}", name=f"{LONG} {n}", groups=[f"g{n % 40}"]) for n in range(80)]
        await agent_use.save_profiles(services, agents, CALLER)
        for n in range(50):
            state = AgentState.READY if n % 2 else AgentState.NOT_READY
            await agent_use.set_state(
                services, f"a{n}", state, caller=CALLER, reason="lunch" if n % 2 == 0 else None
            )
        items = [submission(f"w{n}", f"Item {n}", f"p{n % 300}", hours=n % 11) for n in range(700)]
        await Intake(services.runtime).submit_all(items, CALLER)

    site.run(fill())
    page = open_as("wanda", "/dashboards")
    expect(page.locator("#by-category tbody tr")).to_have_count(300)
    assert tile(page, "waiting") == 700 == column(page, "by-category", 3) == column(page, "by-queue", 2)
    assert tile(page, "overdue") == column(page, "by-category", 6) > 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
    shot(page, "dashboard-many")
    page.locator("#scroll-categories").evaluate("box => box.scrollTop = 3000")
    page.locator("[data-menu=departments]").click()
    expect(page.get_by_role("menuitem")).to_have_count(301)
    shot(page, "dashboard-many-menu")


def test_an_empty_tenant_says_what_comes_next(site: Site, open_as: Open, shot: Shot) -> None:
    user = FirstUser(login="emil", password=PASSWORD, role=Role.SUPERVISOR.value, name="Emil Leer")
    site.run(site.add_tenant("empty", None, user))
    page = open_as("emil", "/dashboards")
    expect(page.get_by_text("No open items")).to_be_visible()
    expect(page.get_by_text("No agents yet")).to_be_visible()
    assert tile(page, "waiting") == 0
    assert violations_in_both_themes(page) == []
    shot(page, "dashboard-empty-light")
    with in_the_dark(page):
        shot(page, "dashboard-empty-dark")
    page.goto("/alarms")
    expect(page.get_by_text("No alarms", exact=True)).to_be_visible()
    assert violations_in_both_themes(page) == []


def test_agents_have_no_dashboard(open_as: Open, watch: object) -> None:
    page = open_as("amara", "/workspace")
    expect(page.get_by_role("link", name="Dashboards")).to_have_count(0)
    expect(page.locator("#bell")).to_have_count(0)
    answer = page.request.get("/dashboards")
    assert answer.status == 403
