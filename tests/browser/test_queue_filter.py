"""Filters of the Universal Queue: the builder, its chips and faults, saved filters, columns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations, violations_in_both_themes
from tests.browser.conftest import Open, Watch, go
from tests.browser.site import Site, submission

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]


def rows(page: Page) -> list[str]:
    return page.locator("#rows tr[data-id] .subject a").all_inner_texts()


def tree_of(page: Page) -> object:
    return json.loads(parse_qs(urlsplit(page.url).query)["filter"][0])


def address(tree: object) -> str:
    return f"/?filter={json.dumps(tree)}"


def condition(page: Page, n: int, attribute: str, operator: str) -> None:
    row = page.locator("#filter-tree .condition").nth(n)
    row.locator(".attribute").select_option(attribute)
    row.locator(".operator").select_option(operator)


def test_a_filter_is_built_by_groups_shown_as_chips_and_edited_again(
    site: Site, open_as: Open, shot: Shot
) -> None:
    site.add_one("Filter me, north", "glass", hours=3, tags=["north"], business_value=40)
    site.add_one("Filter me, south", "glass", hours=3, tags=["south"], business_value=40)
    site.add_one("Filter me, cheap", "glass", hours=3, tags=["north"], business_value=1)
    page = open_as("ines")
    page.keyboard.press("f")
    expect(page.locator("#dialog-title")).to_have_text("Filter")
    condition(page, 0, "subject", "contains")
    page.locator(".condition").nth(0).locator(".values input").fill("filter ME")
    page.click("#filter-tree > .group > div:last-child [data-add]")
    condition(page, 1, "businessValue", "ge")
    page.locator(".condition").nth(1).locator(".values input").fill("10")
    page.click("#filter-tree > .group > div:last-child button:not([data-add])")
    condition(page, 2, "tags", "contains")
    page.locator(".condition").nth(2).locator(".values input").fill("north")
    page.click("#filter-tree .group .group [data-add]")
    condition(page, 3, "dueDateTime", "withinLast")
    page.locator(".condition").nth(3).locator(".amount").fill("2")
    page.locator(".condition").nth(3).locator(".unit").select_option("d")
    expect(page.locator("#filter-said")).to_contain_text("1 item matches")
    assert violations(page) == []
    shot(page, "queue-filter")
    page.click("dialog .confirm")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#rows tr[data-id]")).to_have_count(1)
    assert rows(page) == ["Filter me, north"]
    assert tree_of(page) == {
        "all": [
            {"attribute": "subject", "operator": "contains", "value": "filter ME", "ignoreCase": True},
            {"attribute": "businessValue", "operator": "ge", "value": 10},
            {
                "any": [
                    {"attribute": "tags", "operator": "contains", "value": "north"},
                    {"attribute": "dueDateTime", "operator": "between", "value": ["now-2d", "now"]},
                ]
            },
        ]
    }
    chips = page.locator(".filterchip button")
    expect(chips.nth(0)).to_have_text("Subject contains “filter ME”")
    expect(chips.nth(2)).to_have_text("Tags contains “north” OR Due (SLA) within the last 2 d")
    shot(page, "queue-filter-chips")
    assert violations(page) == []
    page.reload()
    expect(page.locator("#rows tr[data-id]")).to_have_count(1)
    chips.nth(1).click()
    expect(page.locator(".condition").nth(1).locator(".values input")).to_be_focused()
    expect(page.locator(".condition").nth(3).locator(".operator")).to_have_value("withinLast")
    page.locator(".condition").nth(1).locator(".values input").fill("0")
    page.click("dialog .confirm")
    expect(page.locator("#rows tr[data-id]")).to_have_count(2)
    page.locator(".filterchip a").nth(2).click()
    expect(page.locator("#rows tr[data-id]")).to_have_count(3)
    page.go_back()
    expect(page.locator("#rows tr[data-id]")).to_have_count(2)


def test_what_is_wrong_with_a_filter_is_said_beside_it_and_stays_typed(open_as: Open, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("ines")
    page.keyboard.press("f")
    condition(page, 0, "captureId", "eq")
    page.locator(".condition").nth(0).locator(".values input").fill("COL-1")
    page.click("#filter-tree [data-add]")
    condition(page, 1, "businessValue", "between")
    page.locator(".condition").nth(1).locator("input").first.fill("7")
    page.click("dialog .confirm")
    expect(page.locator("#filter-said [role=alert]")).to_contain_text("this needs a decimal number")
    expect(page.locator(".condition").nth(1)).to_have_class(re.compile("is-wrong"))
    expect(page.locator(".condition").nth(1).locator("input").first).to_have_value("7")
    page.locator(".condition").nth(1).locator(".remove").click()
    page.click("dialog .confirm")
    expect(page.locator("#rows tr[data-id]")).to_have_count(1)


def test_an_address_that_cannot_be_read_says_so_and_can_be_mended(open_as: Open) -> None:
    page = open_as("ines")
    for wrong, said in (
        ("/?filter={broken", "the filter in the address cannot be read"),
        (
            address({"attribute": "colour", "operator": "eq", "value": "red"}),
            "there is no attribute 'colour'",
        ),
    ):
        go(page, wrong)
        expect(page.locator("#list [role=alert]")).to_contain_text(said)
        expect(page.locator("#tree")).to_contain_text("All items")
    page.click("#list .problem button")
    expect(page.locator(".condition .attribute")).to_have_value("colour")
    page.click("#filter-empty")
    expect(page.locator("#rows tr[data-id]").first).to_be_visible()


def test_relative_dates_statuses_and_custom_attributes(site: Site, open_as: Open) -> None:
    old = site.add_one("Attribute old", "glass", hours=50)
    site.add_one("Attribute new", "glass", hours=0.5, data={"product": "glass", "plate": "XY-Z 1"})
    page = open_as("ines")
    subject = {"attribute": "subject", "operator": "startsWith", "value": "Attribute"}
    for part, found, chip in (
        (
            {"attribute": "createdDateTime", "operator": "between", "value": ["now-2h", "now"]},
            "Attribute new",
            "within the last 2 h",
        ),
        (
            {"attribute": "createdDateTime", "operator": "olderThan", "value": "1d"},
            "Attribute old",
            "more than 1 d ago",
        ),
        (
            {"attribute": "data.plate", "operator": "eq", "value": "XY-Z 1"},
            "Attribute new",
            "Number plate is XY-Z 1",
        ),
        ({"attribute": "id", "operator": "eq", "value": str(old.id)}, "Attribute old", "is"),
        ({"attribute": "status", "operator": "in", "value": ["completed"]}, None, "any of completed"),
    ):
        go(page, address({"all": [subject, part]}))
        assert rows(page) == ([found] if found else [])
        expect(page.locator(".filterchip").last).to_contain_text(chip)


def test_dates_that_the_inputs_cannot_say_are_shown_and_kept_as_they_are(site: Site, open_as: Open) -> None:
    site.add_one("Dated", "glass", hours=60)
    created = "createdDateTime"
    parts = [
        {"attribute": "subject", "operator": "eq", "value": "Dated"},
        {"attribute": created, "operator": "olderThan", "value": "1d6h"},
        {"attribute": created, "operator": "lt", "value": "now-2d"},
        {"attribute": created, "operator": "ge", "value": "2026-01-01T00:00:00Z"},
    ]
    page = open_as("ines")
    go(page, address({"all": parts}))
    page.keyboard.press("f")
    values = page.locator(".condition .values")
    expect(values.nth(1).locator(".amount")).to_have_value("30")
    expect(values.nth(1).locator(".unit")).to_have_value("h")
    expect(values.nth(2).locator(".amount")).to_have_value("2")
    expect(values.nth(2).locator(".unit")).to_have_value("d")
    expect(values.nth(3).locator("input")).to_have_value("2026-01-01T01:00")  # as the user's clock says
    values.nth(0).locator("input").fill("Date")
    page.locator(".condition .operator").nth(0).select_option("startsWith")
    page.click("dialog .confirm")
    expect(page).to_have_url(re.compile("startsWith"))
    expect(page.locator("#rows tr[data-id]")).to_have_count(1)
    tree = tree_of(page)
    assert isinstance(tree, dict)
    assert tree["all"][1:3] == parts[1:3]
    assert (tree["all"][0]["operator"], tree["all"][0]["value"]) == ("startsWith", "Date")


def test_a_filter_is_saved_shared_counted_renamed_updated_and_deleted(open_as: Open, shot: Shot) -> None:
    page = open_as("ines")
    go(page, address({"all": [{"attribute": "captureId", "operator": "startsWith", "value": "COL-"}]}))
    page.click("text=Save filter")
    page.fill("dialog [name=name]", "Collisions <b>and more</b>")
    page.check("dialog [name=shared]")
    page.click("dialog .confirm")
    expect(page.locator("#list h1")).to_have_text("Collisions <b>and more</b>")
    line = page.locator("#views .node", has_text="Collisions")
    expect(line.locator(".tn")).to_have_text("2")
    assert "view=" in page.url
    shot(page, "queue-saved-filter")
    assert violations(page) == []

    other = open_as("vera")
    other.click("#views >> text=Collisions")
    expect(other.locator("#rows tr[data-id]")).to_have_count(2)
    expect(other.locator("#views [data-menu]")).to_have_count(0)

    page.locator("#chips .chip", has_text="assigned").click()
    expect(page.locator(".listhead")).to_contain_text("changed")
    page.click("text=Save filter")
    expect(page.locator("dialog [name=id]")).to_be_visible()
    page.click("dialog .confirm")
    expect(page.locator("#rows tr[data-id]")).to_have_count(0)
    expect(line.locator(".tn")).to_have_text("0")
    line.locator("[data-menu]").click()
    page.click("#views .menu:visible >> text=Rename")
    page.fill("dialog [name=name]", "Cars")
    page.click("dialog .confirm")
    expect(page.locator("#views")).to_contain_text("Cars")
    page.locator("#views .node", has_text="Cars").locator("[data-menu]").click()
    page.click("#views .menu:visible >> text=Delete")
    expect(page.locator("dialog")).to_contain_text("everybody who uses it")
    page.click("dialog .confirm")
    expect(page.locator("#views")).not_to_contain_text("Cars")


def test_columns_are_chosen_moved_widened_and_kept(site: Site, open_as: Open, shot: Shot) -> None:
    site.add_one(
        "Column item", "glass", hours=2, business_value=77, data={"product": "glass", "plate": "HH-CO 7"}
    )
    page = open_as("ines", fresh=True)
    go(page, "/?q=column item")
    heads = page.locator(".items-table th[data-column]")
    page.click(".listhead >> text=Columns")
    page.fill("#columns-find", "plate")
    page.check("#column-list [value='data.plate']")
    page.fill("#columns-find", "")
    page.check("#column-list [value=businessValue]")
    page.uncheck("#column-list [value=queue]")
    shot(page, "queue-columns-dialog")
    assert violations(page) == []
    page.click("dialog .confirm")
    expect(heads.last).to_contain_text("Number plate")
    expect(page.locator(".items-table th[data-column=queue]")).to_have_count(0)
    expect(page.locator("#rows")).to_contain_text("HH-CO 7")
    page.click(".items-table th[data-column=businessValue] a.sort")
    expect(page.locator(".items-table th[data-column=businessValue]")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(page.locator("#listfoot")).to_contain_text("Business value")
    page.locator(".items-table th[data-column=businessValue] a.sort").focus()
    page.keyboard.press("Alt+ArrowLeft")
    expect(heads.nth(6)).to_have_attribute("data-column", "businessValue")
    grip = page.locator(".items-table th[data-column=status] .grip")
    before = int(grip.get_attribute("aria-valuenow") or 0)
    grip.focus()
    page.keyboard.press("ArrowRight")
    expect(grip).not_to_have_attribute("aria-valuenow", str(before))
    after = grip.get_attribute("aria-valuenow")
    box = page.locator(".items-table th[data-column='data.plate'] .grip").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 4, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] - 36, box["y"] + 8, steps=4)
    page.mouse.up()
    page.drag_and_drop(".items-table th[data-column=status]", ".items-table th[data-column=priority]")
    expect(heads.first).to_have_attribute("data-column", "status")
    go(page, "/?q=column")
    expect(heads.first).to_have_attribute("data-column", "status")
    expect(grip).to_have_attribute("aria-valuenow", after or "")
    shot(page, "queue-columns")
    assert violations(page) == []
    page.click(".listhead >> text=Columns")
    page.click("#columns-usual")
    expect(heads.first).to_have_attribute("data-column", "priority")


def test_a_duration_of_several_units_is_told_whole_and_edited_in_one(open_as: Open) -> None:
    page = open_as("ines")
    go(
        page,
        address({"all": [{"attribute": "createdDateTime", "operator": "olderThan", "value": "1d6h"}]}),
    )
    chip = page.locator(".filterchip button")
    expect(chip).to_contain_text("more than 1 d 6 h ago")
    chip.click()
    expect(page.locator(".condition .operator")).to_have_value("olderThan")
    expect(page.locator(".condition .amount")).to_have_value("30")
    expect(page.locator(".condition .unit")).to_have_value("h")
    page.get_by_role("button", name="Show items").click()
    expect(page.locator("#dialog-title")).to_have_count(0)
    expect(chip).to_contain_text("more than 1 d 6 h ago")


def test_the_tree_is_moved_through_by_keys(site: Site, open_as: Open) -> None:
    page = open_as("vera")
    page.locator("#tree [tabindex='0']").first.focus()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    focused = page.locator("#tree [role=treeitem]:focus")
    expect(focused).to_contain_text("All items")
    page.keyboard.press("ArrowDown")
    expect(focused).to_have_attribute("data-path", "Claims")
    page.keyboard.press("ArrowLeft")
    expect(focused).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")
    expect(focused).to_have_attribute("data-path", "Customer service")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(focused).to_have_attribute("data-path", "Claims/Motor")
    page.keyboard.press("Enter")
    expect(page.locator("#list h1")).to_have_text("Claims › Motor")
    expect(focused).to_have_attribute("data-path", "Claims/Motor")
    site.add_urgent("Tree newcomer", "glass")
    expect(page.locator("#rows")).to_contain_text("Tree newcomer")
    expect(focused).to_have_attribute("data-path", "Claims/Motor")
    assert violations(page) == []


def test_narrow_screens_have_the_tree_behind_a_button(open_as: Open, shot: Shot) -> None:
    page = open_as("ines", width=900, height=800)
    expect(page.locator("#tree")).to_be_hidden()
    page.click("[data-side-toggle]")
    expect(page.locator("#tree")).to_be_visible()
    shot(page, "queue-narrow-tree")
    assert violations(page) == []


def test_everybody_can_read_it(open_as: Open) -> None:
    page = open_as("ines")
    assert violations_in_both_themes(page) == []
    go(page, "/?q=theft golf")
    page.click("#rows >> text=Theft VW Golf")
    expect(page.locator("#drawer")).to_be_visible()
    for tab in ("details", "why", "priority", "history", "notes"):
        page.click(f"#tab-{tab}")
        expect(page.locator("#tab-panel")).to_have_attribute("data-tab", tab)
        assert violations_in_both_themes(page) == []


def test_nothing_found_long_names_and_many_filters(site: Site, open_as: Open, shot: Shot) -> None:
    long = "Donaudampfschifffahrtsgesellschaftskapitänsversicherungsbestätigung " * 4
    site.add(submission("LONG-1", long[:500], "glass", hours=8))
    page = open_as("ines")
    parts = [{"attribute": "captureId", "operator": "startsWith", "value": "LONG"}]
    parts += [{"attribute": "description", "operator": "ne", "value": f"{long[:60]}{n}"} for n in range(8)]
    go(page, address({"all": parts}))
    assert len(rows(page)) == 1
    page.locator("#rows .subject a").click()
    expect(page.locator("#drawer")).to_be_visible()
    shot(page, "queue-long")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    go(page, address({"all": [{"attribute": "captureId", "operator": "eq", "value": "no such"}]}))
    expect(page.locator("#list")).to_contain_text("No item matches")
    shot(page, "queue-nothing")
    assert violations(page) == []
