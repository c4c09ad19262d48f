"""The doctor's page: findings lead to what is wrong, severities narrow the list, roles see their part."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import faults_in_both_themes, in_the_dark
from tests.browser.conftest import Open, Watch, go
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]


def test_findings_lead_to_the_items(site: Site, open_as: Open, shot: Shot) -> None:
    site.add_one("Nobody is there for it", "theft")
    page = open_as("ada", "/dashboards")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Doctor").click()
    expect(page.locator("h1")).to_have_text("Doctor")
    page.locator("#doctor-again").click()
    one = page.locator(".finding", has_text="Nobody who is logged in can take these items").first
    expect(one).to_be_visible()
    expect(one).to_contain_text("What to do")
    expect(page.locator("#checks")).to_contain_text("Items that nobody can take")
    shot(page, "doctor")
    one.locator(".btn").click()
    expect(page.locator("#rows tr").first).to_be_visible()
    assert "status=queued&queue=" in page.url


def test_severities_narrow_the_list(open_as: Open, shot: Shot) -> None:
    page = open_as("ada", "/doctor")
    page.locator("#severity-info").click()
    page.wait_for_url("**severity=info")
    expect(page.locator(".finding").first).to_be_visible()
    assert page.locator(".finding .tag.bad").count() == 0
    expect(page.locator("#findings")).to_contain_text("Data mart: not installed here.")
    page.locator("#severity-all").click()
    page.wait_for_url("**/doctor")
    go(page, "/doctor?severity=critical")
    expect(page.locator("#doctor")).to_contain_text("Checks")


def test_it_can_be_used_by_everybody(open_as: Open, shot: Shot) -> None:
    for login, width in (("ada", 1280), ("vera", 900)):
        page = open_as(login, "/doctor", width=width, height=800)
        expect(page.locator("#checks tbody tr").first).to_be_visible()
        assert faults_in_both_themes(page) == []
        shot(page, f"doctor-{login}-light")
        with in_the_dark(page):
            shot(page, f"doctor-{login}-dark")


def test_a_viewer_sees_no_database_and_an_agent_no_doctor(open_as: Open, watch: Watch) -> None:
    page = open_as("vera", "/doctor")
    expect(page.locator("#checks")).not_to_contain_text("Database")
    watch.expect("403")
    page = open_as("amara", "/workspace")
    expect(page.get_by_role("link", name="Doctor")).to_have_count(0)
    page.goto("/doctor")
    expect(page.locator("body")).to_contain_text("dashboard.view")


def test_it_speaks_german(site: Site, open_as: Open, shot: Shot) -> None:
    site.set_language("vera", "de")
    try:
        page = open_as("vera", "/doctor", fresh=True)
        expect(page.locator("h1")).to_have_text("Doktor")
        expect(page.locator("#findings")).to_contain_text("Was zu tun ist")
        expect(page.locator("#findings")).to_contain_text("Data Mart: hier nicht installiert.")
        shot(page, "doctor-de")
    finally:
        site.set_language("vera", "en")
