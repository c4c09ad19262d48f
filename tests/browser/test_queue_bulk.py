"""Acts on many items of the Universal Queue: preview, progress, stopping, undo, all that match, and who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.work_item import Status
from tests.browser.accessibility import violations
from tests.browser.conftest import Open, Watch, go
from tests.browser.site import Site, submission

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]
MANY = 5_000


def add(site: Site, prefix: str, n: int, **more: Any) -> list[Any]:
    """So many items, a few hundred in each transaction."""
    made = [submission(f"{prefix}-{k}", f"{prefix} {k:04}", "glass", **more) for k in range(n)]
    return [item.id for start in range(0, n, 250) for item in site.add(*made[start : start + 250])]


def test_all_that_match_but_some_are_held_and_the_hold_is_undone(
    site: Site, open_as: Open, shot: Shot
) -> None:
    items = add(site, "allbut", 70)
    page = open_as("ines")
    go(page, "/?q=allbut")
    page.check("#select-all")
    expect(page.locator("#bulk-count")).to_have_text("60 selected")
    page.click("#select-matching")
    expect(page.locator("#bulk-count")).to_have_text("All 70 matching selected")
    page.locator("#rows tr[data-id] input").nth(1).uncheck()
    page.locator("#rows tr[data-id] input").nth(3).uncheck()
    expect(page.locator("#bulk-count")).to_have_text("All 70 matching but 2")
    left_out = page.locator("#rows tr[data-id]").evaluate_all(
        "rows => [rows[1].dataset.id, rows[3].dataset.id]"
    )
    shot(page, "queue-bulk-all-matching")
    assert violations(page) == []
    page.keyboard.press("h")
    expect(page.locator("dialog")).to_contain_text("68 items will change.")
    page.click("dialog .confirm")
    expect(page.locator("dialog")).to_contain_text("68 of 68")
    held = [site.item(i) for i in items]
    assert {str(i.id) for i in held if i.status is not Status.HELD} == set(left_out)
    shot(page, "queue-bulk-undo")
    page.click("dialog >> text=Undo")
    expect(page.locator("#dialog-title")).to_contain_text("Resume")
    expect(page.locator("dialog")).to_contain_text("68 of 68")
    assert {site.item(i).status for i in items} == {Status.QUEUED}


def test_the_preview_says_what_cannot_change_and_lists_it(site: Site, open_as: Open, shot: Shot) -> None:
    add(site, "preview", 6)
    page = open_as("ines")
    go(page, "/?q=preview")
    page.locator("#rows tr[data-id] input").nth(0).check()
    page.locator("#rows tr[data-id] input").nth(1).check()
    page.keyboard.press("h")
    page.click("dialog .confirm")
    expect(page.locator("dialog")).to_contain_text("2 of 2")
    page.click("dialog [data-close]")
    page.check("#select-all")
    page.keyboard.press("h")
    expect(page.locator(".preview")).to_contain_text("4 items will change.")
    expect(page.locator(".preview")).to_contain_text("2 are held: not possible there.")
    page.click("dialog summary")
    expect(page.locator(".refused li")).to_have_count(2)
    shot(page, "queue-bulk-preview")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.click("[data-menu=bulk-more]")
    page.click("#bulk-more [data-bulk=reopen]")
    expect(page.locator("dialog .confirm")).to_be_disabled()


def test_five_thousand_items_with_progress_stopped_halfway(site: Site, open_as: Open, shot: Shot) -> None:
    # They come last of all, so that they stand before no item of another test.
    items = add(site, "fivethousand", MANY, priority_fixed=-1)
    page = open_as("ines")
    go(page, "/?q=fivethousand")
    page.check("#select-all")
    page.click("#select-matching")
    page.click("[data-menu=bulk-more]")
    page.click("#bulk-more [data-bulk=complete]")
    expect(page.locator("dialog")).to_contain_text(re.compile(r"5.000 items will change"))
    page.click("dialog .confirm")
    progress = page.locator("dialog progress")
    expect(progress).to_have_attribute("max", str(MANY))
    expect(progress).not_to_have_attribute("value", "0")
    shot(page, "queue-bulk-progress")
    page.click("dialog .danger")
    expect(page.locator("dialog")).to_contain_text("Stopped")
    done = [i for i in items if site.item(i).status is Status.COMPLETED]
    assert 0 < len(done) < MANY
    page.click("dialog [data-close]")
    expect(page.locator("#bulkbar")).to_be_hidden()
    go(page, "/bulk")
    expect(page.locator("tbody tr").first).to_contain_text("stopped")
    shot(page, "queue-bulk-runs")
    assert violations(page) == []
    page.locator("tbody tr a").first.click()
    expect(page.locator("main")).to_contain_text("No item refused")
    assert violations(page) == []


def test_only_ticked_fields_are_modified(site: Site, open_as: Open, watch: Watch, shot: Shot) -> None:
    watch.expect("422")
    items = add(site, "modify", 3, business_value=5, data={"product": "glass", "plate": "KEEP", "amount": 3})
    page = open_as("ines")
    go(page, "/?q=modify")
    page.check("#select-all")
    page.keyboard.press("m")
    page.fill("dialog [name='data.plate']", "NEW")
    page.fill("dialog [name=businessValue]", "9")
    expect(page.locator("dialog [value=businessValue]")).to_be_checked()
    page.uncheck("dialog [value='data.plate']")
    page.check("dialog [value='ext.customerSegment']")
    page.fill("dialog [name='ext.customerSegment']", "gold")
    shot(page, "queue-modify")
    assert violations(page) == []
    page.click("dialog .confirm")
    expect(page.locator("dialog")).to_contain_text("3 of 3")
    found = site.item(items[0])
    assert (found.business_value, found.data["plate"], found.ext["customerSegment"]) == (9, "KEEP", "gold")
    page.click("dialog [data-close]")
    page.check("#select-all")
    page.keyboard.press("m")
    page.click("dialog .confirm")
    expect(page.locator("dialog [role=alert]")).to_contain_text("Nothing is ticked")


def test_refusals_are_listed_with_their_reasons(site: Site, open_as: Open) -> None:
    items = add(site, "turndown", 2)
    page = open_as("ines")
    go(page, "/?q=turndown")
    page.check("#select-all")
    page.click("[data-menu=bulk-more]")
    page.click("#bulk-more [data-bulk=complete]")
    expect(page.locator("dialog")).to_contain_text("2 items will change")
    site.finish(items[0])
    page.click("dialog .confirm")
    expect(page.locator("dialog")).to_contain_text("2 of 2, 1 refused")
    page.click("dialog >> text=The item that refused")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("is completed")
    assert violations(page) == []


def test_the_bar_covers_no_row_and_viewers_have_none(site: Site, open_as: Open) -> None:
    add(site, "cover", 50)
    page = open_as("ines", height=600)
    go(page, "/?q=cover")
    page.locator("#rows tr[data-id] input").first.check()
    page.locator("#scroller").evaluate("e => e.scrollTo(0, e.scrollHeight)")
    last = page.locator("#rows tr[data-id]").last.bounding_box()
    bar = page.locator("#bulkbar").bounding_box()
    assert last is not None
    assert bar is not None
    assert last["y"] + last["height"] <= bar["y"] + 1
    viewer = open_as("vera")
    go(viewer, "/?q=cover")
    viewer.locator("#rows tr[data-id] input").first.check()
    expect(viewer.locator("#bulkbar")).to_be_hidden()
    assert viewer.request.post("/bulk/dialog", form={"action": "hold", "ids": ""}).status == 403


def test_what_is_found_is_exported_with_its_columns(site: Site, open_as: Open) -> None:
    add(site, "export", 3)
    page = open_as("ines")
    go(page, "/?q=export")
    page.locator("#rows tr[data-id] input").first.check()
    page.click("#select-matching")
    page.locator("#rows tr[data-id] input").first.uncheck()
    page.click("[data-menu=bulk-more]")
    page.click("#bulk-more [data-bulk=export]")
    with page.expect_download() as download:
        page.click("dialog .confirm")
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert lines[0].startswith('"id","captureId","priority","subject","categoryPath","status"')


def test_two_supervisors_see_each_other(site: Site, open_as: Open) -> None:
    item = site.add_urgent("Seen by both", "glass")
    ines, bea = open_as("ines"), open_as("bea")
    expect(bea.locator("#live")).to_have_text("Live")
    row = bea.locator(f"#rows tr[data-id='{item.id}']")
    expect(row.locator(".status")).to_have_text("queued")
    go(ines, f"/?item={item.id}")
    ines.keyboard.press("h")
    ines.click("dialog .confirm")
    expect(row.locator(".status")).to_have_text("held")
    row.locator("input").check()
    bea.click("[data-menu=bulk-more]")
    bea.click("#bulk-more [data-bulk=resume]")
    bea.click("dialog .confirm")
    expect(ines.locator("#drawer .status")).to_have_text("queued")
    assert site.item(item.id).status is Status.QUEUED
