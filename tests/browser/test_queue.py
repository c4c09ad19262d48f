"""The Universal Queue in real Chromium: order, filters, details, acts, keys, bulk, live updates."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.work_item import Status
from tests.browser.accessibility import violations
from tests.browser.conftest import Open, Watch, go
from tests.browser.late import Held, handled, raise_in
from tests.browser.site import Site, submission

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]


def rows(page: Page) -> list[str]:
    return page.locator("#rows tr[data-id] .subject a").all_inner_texts()


def priorities(page: Page) -> list[int]:
    return [int(re.sub(r"\D", "", text)) for text in page.locator("#rows .prio b").all_inner_texts()]


def number_in(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def test_the_order_is_by_priority_as_of_now(open_as: Open, shot: Shot) -> None:
    page = open_as("ines")
    shown = rows(page)
    assert shown.index("Collision A7, two vehicles, towed") < shown.index(
        "Theft VW Golf, police report attached"
    )
    numbers = priorities(page)
    assert numbers == sorted(numbers, reverse=True)
    expect(page.locator("#live")).to_have_text("Live")
    shot(page, "queue-light")
    shot(open_as("ines", scheme="dark"), "queue-dark")
    shot(open_as("ines", width=1024, height=768), "queue-tablet")


def test_tree_chips_and_list_reconcile(open_as: Open) -> None:
    page = open_as("ines")
    total = number_in(page.locator("#tree a.name .total").first.inner_text())
    tops = page.locator("#tree > ul > li > .node a.name .total").all_inner_texts()[1:]
    assert sum(number_in(t) for t in tops) == total
    assert number_in(page.locator("#counts").inner_text()) == total
    by_status = page.locator(
        "#chips [data-chip]:not([data-chip=open]):not([data-chip=overdue])"
    ).all_inner_texts()
    assert sum(number_in(t) for t in by_status) == total
    page.click("#tree a.name:has-text('Glass')")
    expect(page.locator("h1")).to_have_text("Claims › Motor › Glass")
    glass = number_in(page.locator("#tree a[aria-current] .total").inner_text())
    expect(page.locator("#rows tr[data-id]")).to_have_count(glass)
    page.click("#tree .overdue >> nth=0")
    expect(page.locator("#rows .sla.over").first).to_be_visible()
    expect(page.locator("#rows .sla:not(.over)")).to_have_count(0)


def test_text_search_and_an_empty_result_that_says_what_to_do(open_as: Open, shot: Shot) -> None:
    page = open_as("vera")
    page.fill("#q", "windscreen")
    expect(page.locator("#rows tr[data-id]")).to_have_count(1)
    page.fill("#q", "nothing has this")
    expect(page.locator(".empty h2")).to_have_text("No item matches")
    shot(page, "queue-empty")
    page.click(".empty a")
    expect(page.locator("#rows tr[data-id]").nth(3)).to_be_visible()


def test_an_item_is_found_by_its_capture_id_with_the_slash_key(open_as: Open) -> None:
    page = open_as("vera")
    page.keyboard.press("/")
    page.keyboard.type("THF-1")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_have_text("Theft VW Golf, police report attached")
    assert "item=" in page.url


def test_every_tab_answers_its_question(site: Site, open_as: Open, shot: Shot) -> None:
    page = open_as("ines")
    page.click("text=Theft VW Golf")
    expect(page.locator("#drawer h2")).to_contain_text("Theft VW Golf")
    expect(page.locator("#tab-panel")).to_contain_text("motor_claims ≥ 6")
    expect(page.locator("#tab-panel")).to_contain_text("Number plate")
    shot(page, "item-details")
    page.click("#tab-why")
    expect(page.locator("#tab-panel")).to_contain_text("It waits because no eligible agent is ready.")
    total, *parts = [number_in(t) for t in page.locator(".sum b").all_inner_texts()]
    assert total == sum(parts)
    assert sum(number_in(t) for t in page.locator(".reasons b").all_inner_texts()) == site.agent_count()
    shot(page, "item-why")
    page.click("#tab-priority")
    expect(page.locator("svg.chart .curve")).to_be_visible()
    expect(page.locator("svg.chart .slaline")).to_be_attached()
    expect(page.locator("#tab-panel")).to_contain_text("due date")
    shot(page, "item-priority")
    page.keyboard.press("Escape")
    page.click("text=Payout refused")
    page.click("#tab-priority")
    expect(page.locator("svg.chart .closed").first).to_be_attached()
    shot(page, "item-priority-calendar")
    page.locator("#tab-priority").press("ArrowRight")
    expect(page.locator("#tab-history")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#tab-panel")).to_contain_text("Created")
    shot(page, "item-history")


def test_hold_and_resume_with_reason_toast_and_history(site: Site, open_as: Open, shot: Shot) -> None:
    item = site.add_one("Hold me", "glass", hours=2)
    page = open_as("ines")
    go(page, f"/?item={item.id}")
    page.keyboard.press("h")
    expect(page.locator("dialog")).to_contain_text("leaves its queue until it is resumed")
    page.select_option("dialog [name=reason]", "waitingForDocuments")
    page.fill("dialog [name=comment]", "the invoice is missing")
    shot(page, "hold-dialog")
    page.click("dialog .confirm")
    expect(page.locator(".toast")).to_contain_text("Held")
    expect(page.locator("#drawer .status")).to_have_text("held")
    assert site.item(item.id).hold_reason == "waitingForDocuments"
    page.click("#drawer [data-act=resume]")
    page.click("dialog .confirm")
    expect(page.locator("#drawer .status")).to_have_text("queued")
    assert site.item(item.id).status is Status.QUEUED
    page.click("#tab-history")
    expect(page.locator(".timeline")).to_contain_text("the invoice is missing")
    expect(page.locator(".timeline li").first).to_contain_text("Resumed")


def test_what_is_typed_wrong_is_said_in_the_dialog(site: Site, open_as: Open, watch: Watch) -> None:
    watch.expect("422")
    item = site.add_one("Wrong until", "glass")
    page = open_as("ines")
    go(page, f"/?item={item.id}")
    page.click("#drawer [data-act=hold]")
    page.fill("dialog [name=holdUntil]", "2020-01-01T08:00")
    page.fill("dialog [name=comment]", "kept")
    page.click("dialog .confirm")
    expect(page.locator("dialog [role=alert]")).to_contain_text("lies in the past")
    expect(page.locator("dialog [name=comment]")).to_have_value("kept")
    assert site.item(item.id).status is Status.QUEUED


def test_complete_reopen_cancel(site: Site, open_as: Open) -> None:
    item = site.add_one("To and fro", "glass")
    page = open_as("ines")
    go(page, f"/items/{item.id}")
    page.click("[data-act=complete]")
    page.click("dialog .confirm")
    expect(page.locator("#drawer .status")).to_have_text("completed")
    page.click("[data-act=reopen]")
    page.click("dialog .confirm")
    expect(page.locator("#drawer .status")).to_have_text("queued")
    page.click("[data-menu=item-more]")
    page.click("#item-more [data-act=cancel]")
    page.fill("dialog [name=reason]", "sent twice")
    page.click("dialog .confirm")
    expect(page.locator("#drawer .status")).to_have_text("canceled")
    assert site.item(item.id).status is Status.CANCELED


def test_assign_to_an_agent(site: Site, open_as: Open) -> None:
    item = site.add_one("For Tomasz", "glass")
    page = open_as("ines")
    go(page, f"/?item={item.id}")
    page.keyboard.press("a")
    page.select_option("dialog [name=agent]", "nowak")
    page.click("dialog .confirm")
    expect(page.locator(".toast")).to_contain_text("Assigned to Tomasz Nowak")
    assert site.item(item.id).assigned_to == "nowak"


def test_a_viewer_sees_no_acts(open_as: Open) -> None:
    page = open_as("vera")
    page.click("text=Theft VW Golf")
    expect(page.locator("#drawer footer")).to_contain_text("Nothing can be done with it by your role")
    expect(page.locator("[data-act]")).to_have_count(0)


def test_keys_move_open_select_and_close(open_as: Open) -> None:
    page = open_as("ines")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_have_text(rows(page)[0])
    page.keyboard.press("j")
    expect(page.locator("#drawer h2")).to_have_text(rows(page)[1])
    page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_have_text("1 selected")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#bulkbar")).to_be_hidden()


def test_bulk_hold_shows_what_it_will_touch_and_what_refused(site: Site, open_as: Open, shot: Shot) -> None:
    free = site.add(*(submission(f"B-{n}", f"Bulk {n}", "glass", hours=1 + n / 10) for n in range(3)))
    page = open_as("ines")
    page.fill("#q", "bulk")
    expect(page.locator("#rows tr[data-id]")).to_have_count(3)
    page.check("#select-all")
    expect(page.locator("#bulk-count")).to_have_text("3 selected")
    page.keyboard.press("h")
    expect(page.locator("dialog")).to_contain_text("3 items will change.")
    shot(page, "bulk-dialog")
    page.click("dialog .confirm")
    expect(page.locator("dialog")).to_contain_text("3 of 3")
    shot(page, "bulk-done")
    page.click("dialog [data-close]")
    expect(page.locator("#rows .status.held")).to_have_count(3)
    assert {site.item(i.id).status for i in free} == {Status.HELD}


def test_new_items_and_changes_appear_without_reload_and_the_selection_stays(
    site: Site, open_as: Open
) -> None:
    page = open_as("ines")
    expect(page.locator("#live")).to_have_text("Live")
    page.keyboard.press("j")
    page.keyboard.press("x")
    before = number_in(page.locator("#counts").inner_text())
    site.add_one("Appears by itself", "collision", hours=8)
    expect(page.locator("#rows")).to_contain_text("Appears by itself")
    expect(page.locator("#bulk-count")).to_have_text("1 selected")
    assert number_in(page.locator("#counts").inner_text()) == before + 1
    assert page.evaluate("document.activeElement.closest('#rows tr') !== null")


def test_scrolling_on_loads_all_rows_once(site: Site, open_as: Open) -> None:
    site.add(*(submission(f"S-{n}", f"Scroll {n:03}", "question", hours=60 + n) for n in range(150)))
    page = open_as("vera", "/")
    go(page, "/?q=scroll")
    page.locator("#rows .subject a").first.click()
    expect(page.locator("#drawer")).to_be_visible()
    subject = page.locator("#rows .subject").first.bounding_box()
    assert subject is not None
    assert subject["width"] > 150  # the row that loads more takes no column from the others
    page.keyboard.press("Escape")
    for loaded in (120, 150):
        page.locator("#scroller").evaluate("e => e.scrollTo(0, e.scrollHeight)")
        expect(page.locator("#rows tr[data-id]")).to_have_count(loaded)
    ids = page.locator("#rows tr[data-id]").evaluate_all("rows => rows.map(r => r.dataset.id)")
    assert len(set(ids)) == 150
    page.locator("#scroller").evaluate("e => e.scrollTo(0, 2000)")
    page.wait_for_timeout(200)
    site.add_one("Scroll newcomer", "question", hours=400)
    expect(page.locator("#rows tr[data-id]").first).to_contain_text("Scroll newcomer")
    assert page.locator("#scroller").evaluate("e => e.scrollTop") == 2000


def test_rows_that_could_not_be_loaded_are_asked_for_again(site: Site, open_as: Open, watch: Watch) -> None:
    watch.expect("503", "Response Status Error Code")
    site.add(*(submission(f"A-{n}", f"Again {n:03}", "question", hours=60 + n) for n in range(70)))
    page = open_as("vera", "/")
    broken = [True]
    page.route("**/queue/rows*", lambda r: r.fulfill(status=503) if broken[0] else r.continue_())
    go(page, "/?q=again")
    page.locator("#scroller").evaluate("e => e.scrollTo(0, e.scrollHeight)")
    again = page.get_by_role("button", name="More could not be loaded. Try again")
    expect(again).to_be_visible()
    assert violations(page) == []
    broken[0] = False
    page.evaluate("document.querySelector('[data-again]:not([hidden])')?.click()")
    expect(page.locator("#rows tr[data-id]")).to_have_count(70)
    expect(again).to_have_count(0)


def test_a_late_refresh_does_not_open_an_item_that_was_closed(site: Site, open_as: Open) -> None:
    item = site.add_one("Closed meanwhile", "glass")
    page = open_as("ines")
    go(page, f"/?item={item.id}")
    held = Held(page, f"**/items/{item.id}?tab=*")
    raise_in(page, "itemChanged")
    held.wait()
    page.click("#drawer-close")
    expect(page.locator("#drawer")).to_have_count(0)
    with handled(page, f"/items/{item.id}"):
        held.release()
    expect(page.locator("#drawer")).to_have_count(0)


def test_notes_are_added_and_shown(site: Site, open_as: Open) -> None:
    item = site.add_one("With a note", "glass")
    page = open_as("ines")
    go(page, f"/?item={item.id}")
    page.click("#tab-notes")
    page.fill("#tab-panel textarea", "Called <b>twice</b>, nobody answered.")
    page.click("#tab-panel button")
    expect(page.locator("#tab-panel .msg")).to_contain_text("Called <b>twice</b>, nobody answered.")


def test_texts_of_a_source_are_shown_as_text(site: Site, open_as: Open) -> None:
    subject = "<img src=x onerror=alert(1)> & {{ 7 * 7 }}"
    item = site.add_one(subject, "glass", description="<script>alert(2)</script>")
    page = open_as("ines")
    go(page, f"/?item={item.id}")
    expect(page.locator("#drawer h2")).to_have_text(subject)
    expect(page.locator("#tab-panel")).to_contain_text("<script>alert(2)</script>")


def test_far_down_the_rows_stand_still_and_the_counts_go_on(site: Site, open_as: Open) -> None:
    site.add(*(submission(f"deep-{n}", f"Deep down {n}", "glass", channel="deep") for n in range(560)))
    page = open_as("ines", "/?q=Deep")
    rows = page.locator("#rows tr[data-id]")
    expect(rows).to_have_count(60)
    while rows.count() < 560:
        before = rows.count()
        rows.last.evaluate("each => each.scrollIntoView()")
        page.locator("#scroller").evaluate("each => { each.scrollTop = each.scrollHeight }")
        expect(rows.nth(before)).to_be_attached()
    site.add_one("Deep down, the last one", "glass")
    expect(page.locator("#counts")).to_contain_text("561")
    expect(page.locator("#still")).to_be_visible()
    expect(rows).to_have_count(560)
