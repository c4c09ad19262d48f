"""The schema editor: curve, table and fields follow each other; a saved and published curve moves the live queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Dialog, Page, expect

from openiwd.usecases.rule_set_object import SCHEMAS
from tests.browser.accessibility import in_the_dark, violations, violations_in_both_themes
from tests.browser.conftest import Open, Watch, go
from tests.browser.drafts import Drafts
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]
SAVE = """async () => (await fetch(location.pathname, {
  method: "POST", body: new URLSearchParams({name: "x"}), headers: JSON.parse(document.body.getAttribute("hx-headers")),
})).status"""


def address(draft: UUID, schema: str = "motor") -> str:
    return f"/configuration/schemas/{schema}?draft={draft}"


def age(page: Page, n: int) -> Any:
    return page.get_by_role("textbox", name=f"Age of point {n}", exact=True)


def priority(page: Page, n: int) -> Any:
    return page.get_by_role("textbox", name=f"Priority of point {n}", exact=True)


def handle(page: Page, n: int) -> Any:
    return page.get_by_role("slider", name=f"Point {n}", exact=True)


def drag(page: Page, n: int, dx: float, dy: float) -> None:
    """From the middle of a point by so many pixels, in steps as a hand does it."""
    box = handle(page, n).locator(".pt").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=4)
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


def saved(page: Page) -> None:
    expect(page.locator(".toast").last).to_contain_text("Saved to")
    expect(page.get_by_role("button", name="Save to draft")).to_be_disabled()


def test_a_dragged_point_saved_and_published_changes_the_live_order(
    site: Site, drafts: Drafts, open_as: Open, shot: Shot
) -> None:
    site.add_one("Flip young", "glass", hours=0.1)
    site.add_one("Flip fixed", "glass", hours=0.1, priority_fixed=300)
    queue = open_as("ines", "/?q=Flip")
    expect(queue.locator("#rows tr[data-id] .subject")).to_contain_text(["Flip fixed", "Flip young"])
    draft = drafts.begin()
    page = open_as("bea", address(draft), height=1060)
    before = int(priority(page, 1).input_value())
    drag(page, 1, 0, -140)
    expect(priority(page, 1)).not_to_have_value(str(before))
    moved = int(priority(page, 1).input_value())
    assert moved > 500
    expect(handle(page, 1)).to_have_attribute("aria-valuenow", str(moved))
    expect(page.locator("[data-rows=points] [data-row]").first).to_have_attribute("data-current", "")
    expect(page.locator("#trial")).to_contain_text("live")
    expect(page.locator("[data-n=rise]")).not_to_have_text("0")
    shot(page, "configuration-schema-light")
    page.get_by_role("button", name="Save to draft").click()
    saved(page)
    expect(page.get_by_role("region", name="Draft")).to_contain_text("1 change")
    assert drafts.object(draft, SCHEMAS, "motor").points[0].priority == moved
    page.get_by_role("link", name="Review and publish").click()
    page.get_by_role("button", name="Publish").click()
    expect(queue.locator("#rows tr[data-id] .subject")).to_contain_text(["Flip young", "Flip fixed"])


def test_a_curve_is_edited_by_keys_alone(drafts: Drafts, open_as: Open) -> None:
    draft = drafts.begin()
    page = open_as("bea", address(draft))
    handle(page, 2).focus()
    page.keyboard.press("ArrowUp")
    up = int(priority(page, 2).input_value())
    assert up > 320
    page.keyboard.press("Shift+ArrowUp")
    assert int(priority(page, 2).input_value()) - up > up - 320
    page.keyboard.press("ArrowRight")
    expect(age(page, 2)).not_to_have_value("2:00")
    expect(handle(page, 2)).to_be_focused()
    page.keyboard.press("Tab")
    expect(handle(page, 3)).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.locator("[data-rows=points] [data-row]")).to_have_count(3)
    expect(handle(page, 3)).to_be_focused()
    expect(age(page, 3)).to_have_value("8:00")
    slider = page.get_by_role("slider", name="SLA marker")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[name=sla]")).not_to_have_value("8:00")
    page.keyboard.press("Control+s")
    saved(page)
    assert len(drafts.object(draft, SCHEMAS, "motor").points) == 3


def test_fields_and_curve_follow_each_other(drafts: Drafts, open_as: Open, shot: Shot) -> None:
    page = open_as("bea", address(drafts.begin()))
    priority(page, 2).fill("500")
    expect(handle(page, 2)).to_have_attribute("aria-valuetext", "age 2:00, priority 500")
    age(page, 2).fill("3:30")
    expect(handle(page, 2)).to_have_attribute("aria-valuetext", "age 3:30, priority 500")
    age(page, 2).fill("9:00")
    expect(age(page, 3)).to_have_attribute("aria-invalid", "true")
    expect(handle(page, 2)).to_have_attribute("aria-valuetext", "age 3:30, priority 500")
    age(page, 2).fill("90m")
    expect(handle(page, 2)).to_have_attribute("aria-valuetext", "age 1:30, priority 500")
    page.get_by_role("button", name="Steps").click()
    expect(page.locator("[data-slope]").first).to_have_text("step")
    page.get_by_role("button", name="Lines").click()
    page.locator("[name=sla]").fill("1d")
    expect(page.locator("svg .b")).to_contain_text("SLA 24:00")
    page.locator("[name=maximum]").fill("600")
    expect(handle(page, 4)).to_have_attribute("aria-valuemax", "840")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("[data-rows=points] [data-row]")).to_have_count(5)
    page.locator("svg[data-curve]").dblclick(position={"x": 120, "y": 60})
    expect(page.locator("[data-rows=points] [data-row]")).to_have_count(6)
    page.get_by_role("button", name="Remove point 2").click()
    expect(page.locator("[data-rows=points] [data-row]")).to_have_count(5)
    page.get_by_role("button", name="Reset to live").click()
    expect(page.locator("[data-rows=points] [data-row]")).to_have_count(4)
    expect(priority(page, 2)).to_have_value("320")
    expect(page.get_by_role("button", name="Save to draft")).to_be_disabled()


def test_the_due_anchor_has_negative_ages_and_items_are_tried(
    drafts: Drafts, open_as: Open, shot: Shot
) -> None:
    draft = drafts.begin()
    points = [
        {"age": "-3d", "priority": 100},
        {"age": "-8h", "priority": 500},
        {"age": "0h", "priority": 900},
    ]
    drafts.put(draft, SCHEMAS, "motor", points=points, anchor="due", slopeAfter=-30)
    page = open_as("bea", address(draft), height=1060)
    expect(age(page, 1)).to_have_value("−3d")
    expect(page.locator("svg .b")).to_contain_text("due, priority 900")
    page.locator("[name=created_at]").fill("2026-03-02T12:00")
    page.locator("[name=as_of]").fill("2026-03-02T04:00")
    expect(page.locator("#trial")).to_contain_text("−8:00")
    expect(page.locator("#trial")).to_contain_text("500")
    assert violations(page) == []
    shot(page, "configuration-schema-due")


def test_a_business_calendar_counts_open_hours_only(drafts: Drafts, open_as: Open, shot: Shot) -> None:
    page = open_as("bea", address(drafts.begin(), "service"), height=1060)
    card = page.get_by_role("region", name="Office hours")
    expect(card).to_contain_text("08:00–17:00")
    expect(card).to_contain_text("Europe/Berlin, holidays of DE-HH")
    page.locator("[name=created_at]").fill("2026-11-20T14:30")
    page.locator("[name=as_of]").fill("2026-11-23T11:00")
    expect(page.locator("#trial")).to_contain_text("5:30")
    expect(page.locator("#trial")).to_contain_text("of 68:30 wall time")
    page.locator("[name=clock]").select_option("wall")
    expect(card).to_be_hidden()
    expect(page.locator("#trial")).to_contain_text("2d 20:30")


def test_the_items_behind_the_numbers_are_listed(site: Site, drafts: Drafts, open_as: Open) -> None:
    site.add_one("Listed one", "glass", hours=0.2)
    page = open_as("bea", address(drafts.begin()))
    expect(page.locator("[data-n=total]")).not_to_have_text("")
    priority(page, 1).fill("600")
    expect(page.locator("[data-n=rise]")).not_to_have_text("0")
    page.get_by_role("button", name="List them").click()
    dialog = page.locator("dialog[open]")
    dialog.locator("summary", has_text="by more than 20").first.click()
    expect(dialog.locator("details[open]").get_by_role("link").first).to_be_visible()  # of many, a sample
    assert violations(page) == []


def test_unsaved_changes_survive_a_reload(drafts: Drafts, open_as: Open) -> None:
    page = open_as("bea", address(drafts.begin()))
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    priority(page, 2).fill("333")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    page.reload()
    assert asked == ["beforeunload"]
    expect(page.locator("[data-restored]")).to_contain_text("are back")
    expect(priority(page, 2)).to_have_value("333")
    expect(handle(page, 2)).to_have_attribute("aria-valuetext", "age 2:00, priority 333")
    page.get_by_role("button", name="Discard them").click()
    expect(priority(page, 2)).to_have_value("320")
    page.reload()
    assert asked == ["beforeunload"]
    expect(page.locator("[data-restored]")).to_be_hidden()


def test_what_somebody_else_saved_is_shown_beside_mine(
    drafts: Drafts, open_as: Open, watch: Watch, shot: Shot
) -> None:
    watch.expect("409")
    draft = drafts.begin()
    page = open_as("bea", address(draft))
    priority(page, 2).fill("400")
    drafts.put(draft, SCHEMAS, "motor", maximum=950)
    page.get_by_role("button", name="Save to draft").click()
    box = page.get_by_role("region", name="Changed by somebody else")
    expect(box).to_contain_text("Priority of point 2")
    expect(box).to_contain_text("950")
    assert violations(page) == []
    shot(page, "configuration-schema-conflict")
    expect(priority(page, 2)).to_have_value("400")
    box.get_by_role("button", name="Take theirs").click()
    expect(page.locator("[name=maximum]")).to_have_value("950")
    expect(priority(page, 2)).to_have_value("320")
    drafts.put(draft, SCHEMAS, "motor", maximum=960)
    priority(page, 2).fill("410")
    page.get_by_role("button", name="Save to draft").click()
    box.get_by_role("button", name="Go on with mine").click()
    page.get_by_role("button", name="Save to draft").click()
    saved(page)
    kept = drafts.object(draft, SCHEMAS, "motor")
    assert (kept.points[1].priority, kept.maximum) == (410, 950)


def test_another_change_of_the_draft_is_no_conflict(drafts: Drafts, open_as: Open) -> None:
    draft = drafts.begin()
    page = open_as("bea", address(draft))
    priority(page, 2).fill("410")
    drafts.put(draft, SCHEMAS, "service", name="Service desk hours")
    page.get_by_role("button", name="Save to draft").click()
    saved(page)
    assert drafts.object(draft, SCHEMAS, "service").name == "Service desk hours"


def test_what_is_wrong_is_told_at_its_field(drafts: Drafts, open_as: Open, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("bea", address(drafts.begin()))
    age(page, 3).fill("1:00")
    page.locator("[name=maximum]").fill("much")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.locator("label", has=page.locator("[name=maximum]"))).to_contain_text(
        "'much' is not a number"
    )
    page.locator("[name=maximum]").fill("900")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.locator("[data-rows=points] [data-row]").nth(2)).to_contain_text(
        "not after the one before it"
    )
    expect(age(page, 3)).to_have_value("1:00")
    expect(age(page, 3)).to_be_focused()


@pytest.mark.parametrize("login", ["vera", "ines"])
def test_others_only_look(open_as: Open, watch: Watch, login: str) -> None:
    watch.expect("403")
    page = open_as(login, "/configuration/schemas/motor")
    expect(page.get_by_role("heading", level=1)).to_have_text("Motor claims")
    expect(page.locator("[name=sla]")).to_be_disabled()
    expect(page.get_by_role("button", name="Save to draft")).to_have_count(0)
    expect(page.locator("svg[data-curve] [role=slider]")).to_have_count(0)
    expect(page.locator("[data-n=total]")).not_to_have_text("")
    expect(page.locator("#trial")).to_contain_text("SLA is over")
    assert violations(page) == []
    assert page.evaluate(SAVE) == 403


def test_schemas_are_added_duplicated_and_deleted_unless_used(
    drafts: Drafts, open_as: Open, watch: Watch, shot: Shot
) -> None:
    draft = drafts.begin()
    page = open_as("bea", f"/configuration/schemas?draft={draft}")
    expect(page.locator("#motor")).to_contain_text("5 categories")
    shot(page, "configuration-schemas")
    page.locator("#motor").get_by_role("button", name="Delete").click()
    expect(page.locator("dialog[open]")).to_contain_text("'Motor claims' is in use")
    expect(page.locator("dialog[open]").get_by_role("link", name="Theft")).to_be_visible()
    page.locator("dialog[open]").get_by_role("button", name="Close").click()
    page.locator("#motor").get_by_role("button", name="Duplicate").click()
    expect(page.locator("dialog[open] [name=name]")).to_have_value("Motor claims, copy")
    page.fill("dialog[open] [name=name]", "Schnelle Schäden")
    page.locator("dialog[open]").get_by_role("button", name="Duplicate").click()
    page.wait_for_url("**/configuration/schemas/schnelle_schaeden?draft=*")
    expect(page.locator("[data-rows=points] [data-row]")).to_have_count(4)
    go(page, f"/configuration/schemas?draft={draft}")
    page.locator("#schnelle_schaeden").get_by_role("button", name="Delete").click()
    page.locator("dialog[open]").get_by_role("button", name="Delete").click()
    expect(page.locator("#schnelle_schaeden")).to_have_count(0)
    page.get_by_role("button", name="Add schema").click()
    page.fill("dialog[open] [name=name]", "Fresh")
    page.locator("dialog[open]").get_by_role("button", name="Add").click()
    expect(page.locator("h1 input")).to_have_value("Fresh")


def test_the_editor_is_accessible(drafts: Drafts, open_as: Open, shot: Shot) -> None:
    draft = drafts.begin()
    page = open_as("bea", address(draft, "service"), height=1060)
    expect(page.locator("[data-n=total]")).not_to_have_text("")
    handle(page, 2).focus()
    page.keyboard.press("Shift+ArrowUp")
    assert violations_in_both_themes(page) == []
    with in_the_dark(page):
        shot(page, "configuration-schema-dark")
        page.set_viewport_size({"width": 900, "height": 1100})
        shot(page, "configuration-schema-narrow")
    go(page, f"/configuration/schemas?draft={draft}")
    assert violations_in_both_themes(page) == []
