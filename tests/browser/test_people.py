"""Agents, skills, groups, absences, hold reasons and lookup tables: edited, imported, refused, by role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.agent import Absence, Agent, AgentProfile, AgentSkill, AgentState
from openiwd.usecases import agent as agent_use
from tests.browser.accessibility import faults, violations
from tests.browser.conftest import Open, Watch, go
from tests.browser.people import add_agents, furnish, remove_agents
from tests.browser.site import CALLER, Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]
BERLIN = ZoneInfo("Europe/Berlin")
"""The zone of the users."""
LONG = "Maximiliane Gräfin von Hohenstein-Wittgenstein-Sayn zu Berleburg und Umgebung"


@pytest.fixture(autouse=True)
def _furnished(site: Site) -> None:
    furnish(site)


@pytest.fixture
def many(site: Site) -> Iterator[list[str]]:
    ids = add_agents(site, 120)
    yield ids
    remove_agents(site, ids)


def save(site: Site, *profiles: AgentProfile) -> None:
    async def put() -> None:
        await agent_use.save_profiles(await site.services(), profiles, CALLER)

    site.run(put())


def rows(page: Page) -> list[str]:
    return page.locator("#list tbody tr td:first-child .strong").all_inner_texts()


# Agents -------------------------------------------------------------------------------------------


def test_agents_are_searched_chosen_and_paged(site: Site, open_as: Open, shot: Shot, many: list[str]) -> None:
    page = open_as("bea", "/configuration/agents")
    expect(page.locator("#list tbody tr")).to_have_count(50)
    assert violations(page) == []
    shot(page, "people-agents")
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".pager")).to_contain_text("51–100")
    page.get_by_role("searchbox", name="Find a name or id").fill("Extra 0042")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    assert rows(page) == ["Zoe Extra 0042"]
    expect(page.get_by_role("searchbox", name="Find a name or id")).to_be_focused()
    page.get_by_role("searchbox", name="Find a name or id").fill("")
    page.get_by_label("Every group").select_option("motor")
    expect(page.locator("#list tbody tr")).to_have_count(2)
    assert rows(page) == ["Amara Rossi", "Tomasz Nowak"]
    page.get_by_role("searchbox", name="Find a name or id").fill("nobody at all")
    expect(page.locator("#list")).to_contain_text("Nothing matches")
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("#list tbody tr")).to_have_count(50)


def test_an_agent_is_made_changed_and_deleted(site: Site, open_as: Open, shot: Shot, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("ada", "/configuration/agents")
    page.get_by_role("link", name="New agent").click()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    page.locator("main [name=id]").fill("hohenstein")
    page.locator("main [name=name]").fill(LONG)
    page.locator("main [name=timeZone]").fill("Nowhere/Land")
    page.get_by_label("Motor team").check()
    page.get_by_role("button", name="Add a skill").click()
    page.locator("#skill-rows [name=skill]").select_option("motor_claims")
    page.locator("#skill-rows [name=level]").fill("8")
    page.locator("#skill-rows [name=until]").fill("2031-05-01T18:00")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".field .error")).to_contain_text("not a time zone")
    expect(page.locator("#skill-rows [name=until]")).to_have_value("2031-05-01T18:00")
    page.locator("main [name=timeZone]").fill("Europe/Berlin")
    page.get_by_label("email").fill("3")
    page.get_by_role("button", name="Add absence").click()
    page.locator("#absence-rows [name=start]").fill("2031-02-01T00:00")
    page.locator("#absence-rows [name=end]").fill("2031-02-08T00:00")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(page.locator("h1")).to_have_text(LONG)
    assert violations(page) == []
    shot(page, "people-agent")

    async def stored() -> Agent:
        return await agent_use.get(await site.services(), "hohenstein")

    agent = site.run(stored())
    assert agent.groups == ("motor",)
    assert agent.skills[0] == AgentSkill("motor_claims", 8, datetime(2031, 5, 1, 18, tzinfo=BERLIN))
    assert agent.capacity.media == {"email": 3}
    assert agent.absences[0].end == datetime(2031, 2, 8, tzinfo=BERLIN)
    page.get_by_role("button", name="Remove this skill").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Save").click()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#skill-rows [data-line]")).to_have_count(0)
    page.click("#delete-agent")
    page.locator("dialog .confirm").click()
    page.wait_for_url("**/configuration/agents")
    expect(page.locator("#list")).not_to_contain_text(LONG)


def test_two_who_edit_the_same_agent_do_not_undo_each_other(site: Site, open_as: Open, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("ada", "/configuration/agents/brandt")
    save(site, AgentProfile(id="brandt", name="Piet Brandt", groups=["service"], employee_id="E-7"))
    page.locator("main [name=name]").fill("Pete")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_contain_text("revision")
    expect(page.locator("main [name=name]")).to_have_value("Pete")


def test_deactivating_says_what_it_touches(site: Site, open_as: Open) -> None:
    page = open_as("ada", "/configuration/agents/brandt")
    page.click("#switch-active")
    expect(page.locator("dialog[open]")).to_contain_text("The agent is logged out; 0 items return")
    assert violations(page) == []
    page.locator("dialog .confirm").click()
    expect(page.locator("main .pagehead")).to_contain_text("inactive")
    go(page, "/configuration/agents?state=inactive")
    assert rows(page) == ["Piet Brandt"]


def test_who_may_not_edit_reads(open_as: Open) -> None:
    page = open_as("vera", "/configuration/agents")
    expect(page.get_by_role("link", name="New agent")).to_have_count(0)
    go(page, "/configuration/agents/rossi")
    expect(page.locator("main [name=name]")).to_be_disabled()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.locator("#switch-active")).to_have_count(0)


@pytest.mark.parametrize("path", ["/configuration/agents", "/configuration/skills", "/agents/rossi"])
def test_an_agent_is_refused_with_a_page_that_says_why(open_as: Open, watch: Watch, path: str) -> None:
    watch.expect("403")
    page = open_as("amara", "/workspace")
    page.goto(path)
    expect(page.get_by_role("alert")).to_contain_text("agents.view")
    assert violations(page) == []


# Import -------------------------------------------------------------------------------------------


def test_a_file_is_looked_through_before_it_is_applied(
    site: Site, open_as: Open, shot: Shot, tmp_path: Path
) -> None:
    file = tmp_path / "agents.csv"
    file.write_text(
        "id;name;skills;capacity\n"
        "rossi;Amara Rossi-Berg;motor_claims:9|german:9;6|email:2\n"
        "newby;Nora Newby;english:4;2\n"
        "nowak;Tomasz Nowak;motor_claims:7|german:9;4|workitem:3|email:2\n",
        encoding="utf-8",
    )
    page = open_as("bea", "/configuration/agents/-/import")
    assert violations(page) == []
    page.set_input_files("[name=file]", file)
    expect(page.locator("#import-changes tbody tr")).to_have_count(2)
    expect(page.locator(".tally")).to_contain_text("1")
    line = page.locator("#import-changes tr:has-text('rossi')")
    expect(line.locator("ins").first).to_contain_text("Amara Rossi-Berg")
    expect(line.locator("del").first).to_contain_text("Amara Rossi")
    assert violations(page) == []
    shot(page, "people-import")
    save(site, AgentProfile(id="newby", name="Somebody else", groups=["service"]))
    page.click("#import-apply")
    expect(page.locator("#import-result [role=alert]")).to_contain_text("no longer what was shown")
    page.click("#import-apply")
    expect(page.locator("#import-result")).to_contain_text("2 agents imported")
    go(page, "/configuration/agents?q=newby")
    expect(page.locator("#list")).to_contain_text("English 4")
    remove_agents(site, ["newby"])


def test_faults_of_a_file_name_line_and_column(open_as: Open, tmp_path: Path, shot: Shot) -> None:
    file = tmp_path / "agents.csv"
    file.write_text(
        "id,name,skills,timeZone\nx1,Ann,motor_claims:99,UTC\nx2,Bob,flying:3,UTC\nx3,Cy,,Mars/Olympus\n",
        encoding="utf-8",
    )
    page = open_as("bea", "/configuration/agents/-/import")
    page.set_input_files("[name=file]", file)
    lines = page.locator("#import-faults tbody tr")
    expect(lines).to_have_count(3)
    expect(lines.nth(0).locator("td").nth(0)).to_have_text("2")
    expect(lines.nth(0).locator("td").nth(1)).to_have_text("skills")
    expect(lines.nth(1)).to_contain_text("flying")
    expect(lines.nth(2).locator("td").nth(1)).to_have_text("timeZone")
    expect(page.locator("#import-apply")).to_have_count(0)
    assert violations(page) == []
    shot(page, "people-import-faults")


def test_the_export_reads_back_without_a_change(open_as: Open, tmp_path: Path) -> None:
    page = open_as("bea", "/configuration/agents")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export CSV").click()
    file = tmp_path / "back.csv"
    waiting.value.save_as(file)
    go(page, "/configuration/agents/-/import")
    page.set_input_files("[name=file]", file)
    expect(page.locator("#import-result")).to_contain_text("The file changes nothing")


# At work ------------------------------------------------------------------------------------------


def test_the_live_list_is_filtered_by_state_and_stays_so(site: Site, open_as: Open, many: list[str]) -> None:
    site.set_state("rossi", AgentState.NOT_READY, "lunch")
    page = open_as("ines", "/agents")
    page.locator(".statechips").get_by_role("link", name="Not ready").click()
    expect(page.locator("#agent-rows tr")).to_have_count(1)
    site.set_state("nowak", AgentState.NOT_READY, "coaching")
    expect(page.locator("#agent-rows tr")).to_have_count(2)
    line = page.locator("tr:has-text('Tomasz Nowak')")
    line.get_by_role("button", name="Ready", exact=True).click()
    expect(page.locator("#agent-rows tr")).to_have_count(1)
    assert violations(page) == []


def test_a_supervisor_returns_all_items_of_an_agent(site: Site, open_as: Open, shot: Shot) -> None:
    first = site.add_urgent("Return me, please", "theft")
    page = open_as("ines", f"/items/{first.id}")
    page.locator("[data-act=assign]").first.click()
    page.locator("dialog [name=agent]").select_option("rossi")
    page.locator("dialog .confirm").click()
    expect(page.locator("main")).to_contain_text("Amara Rossi")
    go(page, "/agents/rossi")
    expect(page.locator("main")).to_contain_text("Return me, please")
    assert violations(page) == []
    shot(page, "people-desk")
    page.click("#return-all")
    expect(page.locator("dialog[open]")).to_contain_text("1 item in the hands of Amara Rossi")
    page.locator("dialog .confirm").click()
    expect(page.locator(".toast")).to_contain_text("1 item returned")
    expect(page.locator("main")).to_contain_text("Nothing is assigned")
    page.get_by_role("button", name="Not ready").click()
    expect(page.locator(".pagehead")).to_contain_text("Not ready, set by a supervisor")


# Skills, groups, hold reasons, absences -----------------------------------------------------------


def test_a_skill_is_made_renamed_kept_while_used_and_deleted(open_as: Open, shot: Shot, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("bea", "/configuration/skills")
    line = page.locator("tr:has-text('motor_claims')")
    expect(line.locator("td").nth(2)).to_have_text("3")
    assert violations(page) == []
    shot(page, "people-skills")
    line.get_by_role("button", name="What refers to").click()
    expect(page.locator("dialog[open]")).to_contain_text("the live rule set names it at categories")
    page.keyboard.press("Escape")
    line.get_by_role("button", name="Delete").click()
    expect(page.locator("dialog[open]")).to_contain_text("agent 'brandt' has it")
    expect(page.locator("dialog .confirm")).to_have_count(0)
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.click("#new-object")
    page.locator("dialog [name=name]").fill("Sign language")
    page.locator("dialog [name=id]").fill("bad/id")
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog .error")).to_contain_text("is not an id")
    expect(page.locator("dialog [name=name]")).to_have_value("Sign language")
    page.locator("dialog [name=id]").fill("sign")
    page.locator("dialog .confirm").click()
    line = page.locator("tr:has-text('Sign language')")
    line.get_by_role("button", name="Edit").click()
    page.locator("dialog [name=name]").fill("Sign language, German")
    page.locator("dialog .confirm").click()
    line = page.locator("tr:has-text('Sign language, German')")
    expect(line).to_be_visible()
    line.get_by_role("button", name="Delete").click()
    page.locator("dialog .confirm").click()
    expect(page.locator("#list")).not_to_contain_text("Sign language")


def test_hold_reasons_say_whether_the_clock_stands_still(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/hold-reasons")
    expect(page.locator("tr:has-text('Waiting for the customer')")).to_contain_text("stands still")
    expect(page.locator("tr:has-text('In review')")).to_contain_text("runs on")
    page.locator("tr:has-text('In review')").get_by_role("button", name="Edit").click()
    page.get_by_label("The clock stands still").check()
    page.locator("dialog .confirm").click()
    expect(page.locator("tr:has-text('In review')")).to_contain_text("stands still")
    assert violations(page) == []
    shot(page, "people-hold-reasons")


def test_absences_are_added_and_deleted(site: Site, open_as: Open, watch: Watch, shot: Shot) -> None:
    watch.expect("422")
    now = datetime.now(UTC)
    away = Absence(now - timedelta(hours=2), now + timedelta(days=3), "Holiday")
    save(site, AgentProfile(id="brandt", name="Piet Brandt", groups=["service"], absences=[away]))
    page = open_as("bea", "/configuration/absences")
    expect(page.locator("tr:has-text('Piet Brandt')")).to_contain_text("away now")
    page.click("#new-absence")
    page.locator("dialog [name=agent]").select_option("rossi")
    page.locator("dialog [name=start]").fill("2031-02-08T09:00")
    page.locator("dialog [name=end]").fill("2031-02-01T09:00")
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog .error")).to_contain_text("ends before it begins")
    page.locator("dialog [name=end]").fill("2031-02-10T09:00")
    page.locator("dialog .confirm").click()
    line = page.locator("tr:has-text('Amara Rossi')")
    expect(line).to_contain_text("coming")
    assert violations(page) == []
    shot(page, "people-absences")
    line.get_by_role("button", name="Delete").click()
    page.locator("dialog .confirm").click()
    expect(page.locator("#list")).not_to_contain_text("Amara Rossi")


# Lookup tables ------------------------------------------------------------------------------------


def test_a_lookup_table_is_made_filled_edited_and_deleted(
    open_as: Open, watch: Watch, shot: Shot, tmp_path: Path
) -> None:
    watch.expect("422")
    page = open_as("bea", "/configuration/lookup-tables")
    expect(page.locator("#list")).to_contain_text("No lookup tables yet")
    assert violations(page) == []
    page.click("#new-object")
    for name, text in (
        ("name", "Regions"),
        ("id", "regions"),
        ("keyName", "zip"),
        ("columns", "region, rank"),
    ):
        page.locator(f"dialog [name={name}]").fill(text)
    page.locator("dialog .confirm").click()
    expect(page.locator("h1")).to_have_text("Regions")
    page.click("#table-settings")
    page.get_by_label("Type of rank").select_option("integer")
    page.locator("dialog .confirm").click()
    page.click("#new-row")
    page.locator("dialog [name=key]").fill("20")
    page.locator("dialog [name='cell.region']").fill("Hamburg")
    page.locator("dialog [name='cell.rank']").fill("first")
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog .error")).to_contain_text("“first”")
    page.locator("dialog [name='cell.rank']").fill("1")
    page.locator("dialog .confirm").click()
    expect(page.locator("#lookup-rows")).to_contain_text("Hamburg")
    file = tmp_path / "regions.csv"
    file.write_text("zip,region,rank\n20,Hamburg Mitte,1\n80,München,2\n", encoding="utf-8")
    page.get_by_role("link", name="Import CSV").click()
    page.set_input_files("[name=file]", file)
    expect(page.locator("#import-changes tbody tr")).to_have_count(2)
    assert violations(page) == []
    page.click("#import-apply")
    page.get_by_role("link", name="See the list").click()
    expect(page.locator("#lookup-rows tbody tr")).to_have_count(2)
    assert violations(page) == []
    shot(page, "people-lookup")
    page.locator("tr:has-text('München')").get_by_role("button", name="Delete").click()
    page.locator("dialog .confirm").click()
    expect(page.locator("#lookup-rows tbody tr")).to_have_count(1)
    page.click("#delete-table")
    page.locator("dialog .confirm").click()
    expect(page.locator("#list")).to_contain_text("No lookup tables yet")


# All of them --------------------------------------------------------------------------------------

PATHS = (
    "/agents",
    "/agents/rossi",
    "/configuration/agents",
    "/configuration/agents/rossi",
    "/configuration/agents/-/new",
    "/configuration/agents/-/import",
    "/configuration/skills",
    "/configuration/groups",
    "/configuration/hold-reasons",
    "/configuration/absences",
    "/configuration/lookup-tables",
)


@pytest.mark.parametrize("width", [1280, 900])
def test_in_the_dark_and_on_a_tablet_nothing_breaks(
    site: Site, open_as: Open, shot: Shot, width: int
) -> None:
    save(site, AgentProfile(id="brandt", name=LONG, groups=["service"], employee_id="E" * 60))
    page = open_as("ada", "/agents", scheme="dark", width=width, height=800)
    for path in PATHS:
        go(page, path)
        assert faults(page) == [], path
        shot(page, f"people-{width}-{path.strip('/').replace('/', '_')}")
