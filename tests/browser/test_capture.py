"""Capture points in the browser: made with a live sample, read, and their errors mended; by main flow, and for axe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import Open, Watch, go
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]
LIST = "/configuration/capture-points"
TABLE = "Nr;Titel;Faellig\n1;Hail damage;24.12.2026\n2;Theft;soon\n"


@pytest.fixture
def folder(site: Site) -> Path:
    return site.capture_dir / "main" / "claims"


def fill_line(page: Page, number: int, **texts: str) -> None:
    for name, text in texts.items():
        page.locator(f"#map-rows [name={name}]").nth(number).fill(text)


def make_point(page: Page) -> None:
    """Fills the editor of a new file capture point."""
    for name, text in (("id", "claims"), ("name", "Claims by file"), ("source.folder", "claims")):
        page.locator(f"[name='{name}']").fill(text)
    page.locator("[name='source.settleSeconds']").fill("0")
    for n, texts in enumerate(
        (
            {"map_to": "captureId", "map_from": "Nr"},
            {"map_to": "subject", "map_from": "Titel"},
            {"map_to": "dueDateTime", "map_from": "Faellig", "map_form": "%d.%m.%Y"},
        )
    ):
        page.click("[data-add-line=map-rows]")
        fill_line(page, n, **texts)


def test_a_capture_point_is_made_tried_read_and_its_errors_mended(
    open_as: Open, watch: Watch, shot: Shot, folder: Path
) -> None:
    watch.expect("422")
    page = open_as("bea", LIST)
    expect(page.locator("#list")).to_contain_text("No capture point yet")
    assert violations(page) == []
    page.get_by_role("link", name="Files").click()
    make_point(page)
    page.locator("[name=sample]").fill(TABLE)
    page.click("#try-sample")
    sampled = page.locator("#sample-result li")
    expect(sampled).to_have_count(2)
    expect(sampled.first).to_contain_text("Hail damage")
    expect(sampled.first).to_contain_text("Priority")
    expect(sampled.last).to_contain_text("'soon' is no date of the form %d.%m.%Y")
    assert violations(page) == []
    shot(page, "capture-sample")
    page.locator("#map-rows").scroll_into_view_if_needed()
    shot(page, "capture-editor")
    fill_line(page, 2, map_to="dueDate")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#map-rows .error")).to_contain_text("there is no attribute 'dueDate'")
    expect(page.locator("[name=name]")).to_have_value("Claims by file")
    fill_line(page, 2, map_to="dueDateTime")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("h1")).to_have_text("Claims by file")

    inbound = folder / "inbound"
    go(page, LIST)
    line = page.locator("tr:has-text('Claims by file')")
    expect(line).to_contain_text("up to date", timeout=20_000)
    (inbound / ".claims.csv").write_text(TABLE)
    (inbound / ".claims.csv").rename(inbound / "claims.csv")
    expect(line.locator("a.bad-text")).to_have_text("1", timeout=20_000)
    assert violations(page) == []
    shot(page, "capture-list")

    line.locator("a.bad-text").click()
    row = page.locator("table.inbox tbody tr")
    expect(row).to_contain_text("claims.csv, 2")
    expect(row).to_contain_text("'soon' is no date")
    assert violations(page) == []
    shot(page, "capture-inbox")
    row.get_by_role("button", name="Try again").click()
    record = page.locator("dialog [name=fields]")
    expect(record).to_have_value('{\n  "Nr": "2",\n  "Titel": "Theft",\n  "Faellig": "soon"\n}')
    assert violations(page) == []
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog .note.bad")).to_contain_text("no date")
    record.fill('{"Nr": "2", "Titel": "Theft", "Faellig": "31.12.2026"}')
    shot(page, "capture-mend")
    page.locator("dialog .confirm").click()
    expect(page.locator("#list")).to_contain_text("No errors")
    go(page, "/?q=Hail damage")
    expect(page.locator("#rows tr[data-id]").first).to_contain_text("Hail damage")

    go(page, f"{LIST}/claims")
    expect(page.locator(".tally")).to_contain_text("Items created")
    assert violations(page) == []
    page.set_viewport_size({"width": 900, "height": 1000})
    shot(page, "capture-editor-tablet")
    page.locator("[name=enabled]").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note.ok")).to_be_visible()
    go(page, LIST)
    expect(page.locator("tr:has-text('Claims by file')")).to_contain_text("disabled")
    shot(page, "capture-list-tablet")


@pytest.mark.parametrize("kind", ["rest", "file"])
def test_editors_are_accessible_in_the_dark_and_in_german(
    site: Site, open_as: Open, shot: Shot, kind: str
) -> None:
    site.set_language("bea", "de")
    try:
        page = open_as("bea", f"{LIST}/-/new?kind={kind}", scheme="dark", width=1280, height=800)
        expect(page.locator("h1")).to_have_text("Neuer Erfassungspunkt")
        page.click("[data-add-line=map-rows]")
        page.click("[data-add-line=default-rows]")
        page.click("[data-add-line=choice-rows]")
        assert violations(page) == []
        shot(page, f"capture-new-{kind}-dark")
    finally:
        site.set_language("bea", "en")


def test_who_may_only_look_changes_nothing(open_as: Open) -> None:
    page = open_as("vera", LIST)
    expect(page.get_by_role("link", name="New capture point")).to_have_count(0)
    go(page, LIST)
    assert page.request.get(f"{LIST}/-/new").status == 403
    agent = open_as("amara", "/workspace")
    assert agent.request.get(LIST).status == 403
