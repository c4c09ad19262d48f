"""What hangs on an item, beside the Universal Queue: files, tags, links; and what each role may do there."""

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


def test_files_tags_and_links_are_added_and_taken_away(
    site: Site, open_as: Open, watch: Watch, shot: Shot, tmp_path: Path
) -> None:
    watch.expect("422")
    item = site.add_one("With things on it", "glass", tags=["from the source"])
    other = site.add_one("The other one", "glass")
    page = open_as("ines")
    go(page, f"/?item={item.id}")
    page.fill("#tab-panel [name=add]", "urgent <b>")
    page.keyboard.press("Enter")
    expect(page.locator("#tab-panel .tag")).to_have_count(2)
    page.click("[aria-label='Remove tag from the source']")
    expect(page.locator("#tab-panel .tag")).to_have_text(["urgent <b>"])
    file = tmp_path / "a very long name of a letter that somebody has scanned on a Monday.txt"
    file.write_text("Dear all", encoding="utf-8")
    # As a user does: what is at work in the drawer is not replaced by what is read again.
    page.focus("#tab-panel [type=file]")
    page.set_input_files("#tab-panel [type=file]", file)
    with page.expect_response(f"**/items/{item.id}/files"):
        page.click("#tab-panel button:has-text('Attach a file')")
    link = page.locator("#tab-panel a[download]")
    expect(link).to_contain_text("a very long name")
    with page.expect_download() as download:
        link.click()
    assert download.value.path().read_text(encoding="utf-8") == "Dear all"
    page.select_option("#tab-panel [name=kind]", "continues")
    page.fill("#tab-panel [name=to]", "no such item")
    page.keyboard.press("Enter")
    expect(page.locator("#tab-panel [role=alert]")).to_contain_text("there is no item no such item")
    expect(page.locator("#tab-panel [name=to]")).to_have_value("no such item")
    expect(page.locator("#tab-panel [name=kind]")).to_have_value("continues")
    page.fill("#tab-panel [name=to]", str(other.id))
    page.keyboard.press("Enter")
    expect(page.locator("#tab-panel .aroundlist a", has_text="The other one")).to_be_visible()
    page.locator("#tab-panel .aroundlist").last.evaluate("each => each.scrollIntoView()")
    shot(page, "queue-item-around")
    assert violations(page) == []
    assert site.item(item.id).tags == ["urgent <b>"]

    viewer = open_as("vera")
    go(viewer, f"/?item={other.id}")
    expect(viewer.locator("#tab-panel")).to_contain_text("is continued by")
    expect(viewer.locator("#tab-panel form")).to_have_count(0)
    expect(viewer.locator("#drawer footer")).to_contain_text("Nothing can be done with it by your role")
    token = viewer.evaluate("JSON.parse(document.body.getAttribute('hx-headers'))['X-CSRF-Token']")
    answer = viewer.request.post(f"/items/{item.id}/tags", form={"add": "x"}, headers={"X-CSRF-Token": token})
    assert not answer.ok
    assert site.item(item.id).tags == ["urgent <b>"]


def test_the_curve_and_the_reasons_are_shown(open_as: Open, shot: Shot) -> None:
    page = open_as("ines")
    go(page, "/?q=theft golf")
    page.click("#rows >> text=Theft VW Golf")
    page.click("#tab-why")
    expect(page.locator("#tab-panel")).to_contain_text("It waits because")
    shot(page, "queue-why")
    page.click("#tab-priority")
    expect(page.locator("svg.chart .curve")).to_be_visible()
    shot(page, "queue-priority")
    assert violations(page) == []
