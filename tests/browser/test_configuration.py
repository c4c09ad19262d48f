"""The configuration: its frame, categories, rules, tables and attributes, and who may do what in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import in_the_dark, violations, violations_in_both_themes
from tests.browser.conftest import Open, Watch, go
from tests.browser.drafts import begin, discard_all
from tests.browser.site import Site

Shot = Callable[[Page, str], None]


pytestmark = pytest.mark.usefixtures("no_drafts")


def test_a_draft_is_begun_taken_up_again_and_discarded(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/categories")
    expect(page.get_by_role("region", name="Draft")).to_contain_text("read only here")
    begin(page)
    bar = page.get_by_role("region", name="Draft")
    expect(bar).to_contain_text("Changes of Bea Busch")
    expect(bar).to_contain_text("0 changes by you")
    address = page.url
    shot(page, "configuration-shell")
    page.locator("#conf-side").get_by_role("link", name="Queues").click()
    expect(bar).to_contain_text("Changes of Bea Busch")
    page.get_by_role("link", name="Look at live").click()
    expect(bar).to_contain_text("read only here")
    page.goto("/configuration/categories")
    begin(page)
    assert page.url == address
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("dialog")).to_contain_text("thrown away for everybody")
    page.get_by_role("button", name="Discard draft").click()
    expect(page.locator("main")).to_contain_text("No drafts")


@pytest.mark.parametrize("login", ["vera", "ines"])
def test_others_only_read(open_as: Open, login: str) -> None:
    page = open_as(login, "/configuration/categories")
    expect(page.get_by_role("region", name="Draft")).to_contain_text("read only here")
    expect(page.get_by_role("button", name="Edit in a draft")).to_have_count(0)


def test_a_narrow_screen_has_room_for_all(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/categories/theft", width=900, height=1000)
    begin(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, "configuration-narrow")
    page.get_by_role("button", name="Configuration").click()
    page.locator("#conf-side").get_by_role("link", name="Drafts and versions").click()
    shot(page, "configuration-drafts-narrow")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_frame_is_accessible(open_as: Open) -> None:
    page = open_as("bea", "/configuration/drafts")
    assert violations_in_both_themes(page) == []
    begin(page)
    assert violations_in_both_themes(page) == []


def test_a_category_is_edited_with_its_criteria_in_words(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/categories")
    begin(page)
    page.get_by_role("link", name="Theft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Theft")
    expect(page.locator("[name=schema]")).to_contain_text("Inherited: Motor claims")
    belongs = page.get_by_role("group", name="What belongs here")
    belongs.get_by_role("button", name="Condition", exact=True).click()
    belongs.get_by_label("Attribute", exact=True).last.fill("data.amount")
    belongs.get_by_label("Comparison").last.select_option("gt")
    belongs.get_by_label("Value", exact=True).last.fill("1250,50")
    expect(page.locator("[data-words]")).to_have_text("data.product is theft and data.amount > 1250.5")
    shot(page, "configuration-criteria")
    assert violations(page) == []
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("status").filter(has_text="Saved to the draft")).to_be_visible()
    expect(page.get_by_role("region", name="Draft")).to_contain_text("1 change by you")
    expect(page.locator("[data-words]")).to_have_text("data.product is theft and data.amount > 1250.5")
    shot(page, "configuration-categories")


def test_what_is_wrong_is_said_at_its_place_and_nothing_typed_is_lost(open_as: Open, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("bea", "/configuration/categories")
    begin(page)
    page.get_by_role("link", name="Glass").click()
    page.fill("[name=description]", "Windscreens and roofs")
    belongs = page.get_by_role("group", name="What belongs here")
    belongs.get_by_role("button", name="Condition", exact=True).click()
    belongs.get_by_label("Attribute", exact=True).last.fill("data.amount")
    belongs.get_by_label("Comparison").last.select_option("gt")
    belongs.get_by_label("Value", exact=True).last.fill("much")
    page.get_by_role("button", name="Save to draft").click()
    expect(belongs.get_by_role("alert")).to_contain_text("'much' is not a decimal number")
    expect(page.locator("[name=description]")).to_have_value("Windscreens and roofs")
    expect(belongs.get_by_label("Value", exact=True).last).to_have_value("much")
    assert violations(page) == []


def test_categories_move_by_key_and_by_dragging(open_as: Open) -> None:
    page = open_as("bea", "/configuration/categories")
    begin(page)
    tree = page.locator("#conf-tree")
    tree.get_by_role("link", name="Glass").press("Alt+ArrowUp")
    expect(page.locator(".toast")).to_contain_text("Glass is now number 2 in Motor")
    expect(tree.locator("li[data-id=motor] li").nth(1)).to_have_attribute("data-id", "glass")
    expect(tree.get_by_role("link", name="Glass")).to_be_focused()
    page.keyboard.press("Alt+ArrowLeft")
    expect(tree.locator("li[data-id=claims] > ul > li").nth(1)).to_have_attribute("data-id", "glass")
    expect(page.get_by_role("region", name="Draft")).to_contain_text("1 change by you")
    tree.get_by_role("link", name="Glass").drag_to(tree.locator("li[data-id=motor] > a"))
    expect(tree.locator("li[data-id=motor] li")).to_have_count(3)


def test_a_category_is_added_archived_and_brought_back(open_as: Open) -> None:
    page = open_as("bea", "/configuration/categories")
    begin(page)
    page.get_by_role("link", name="Theft").click()
    page.get_by_role("link", name="Add below").click()
    page.fill("[name=name]", "Motorräder")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Motorräder")
    expect(page.locator(".pagehead")).to_contain_text("motorraeder")
    page.get_by_role("button", name="Archive…").click()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.locator(".pagehead")).to_contain_text("archived")
    page.get_by_role("button", name="Bring back").click()
    expect(page.locator(".pagehead")).not_to_contain_text("archived")


@pytest.mark.parametrize(
    "path", ["categories/theft", "rules/vip", "attributes/plate", "decision-tables", "drafts"]
)
def test_without_a_draft_everything_is_only_shown(open_as: Open, path: str) -> None:
    page = open_as("vera", f"/configuration/{path}")
    expect(page.locator("main h1, main h2").first).to_be_visible()
    expect(page.get_by_role("button", name="Save to draft")).to_have_count(0)
    expect(page.locator("form[method=post] :is(input, select):enabled:visible")).to_have_count(0)
    assert violations(page) == []


def test_a_rule_is_written_with_its_actions(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/rules")
    begin(page)
    page.get_by_role("link", name="Add").click()
    page.fill("[name=name]", "Late complaints")
    when = page.get_by_role("group", name="Condition")
    when.get_by_role("button", name="Group", exact=True).click()
    when.get_by_label("Attribute", exact=True).fill("ext.customerSegment")
    when.get_by_label("Comparison").select_option("in")
    when.get_by_label("Value, add…").fill("vip, gold,")
    when.get_by_role("button", name="Condition", exact=True).first.click()
    when.get_by_label("Attribute", exact=True).last.fill("createdDateTime")
    when.get_by_label("Comparison").last.select_option("olderThan")
    when.get_by_label("Value", exact=True).last.fill("8h")
    words = page.locator("[data-words]")
    expect(words).to_have_text("ext.customerSegment is one of vip, gold or createdDateTime is older than 8h")
    then = page.get_by_role("group", name="Actions")
    for kind in ("setDue", "addSkill", "setAttribute", "hold", "setRequirement", "reject"):
        then.get_by_role("button", name="Add action").click()
        then.get_by_label("Action", exact=True).last.select_option(kind)
    then.get_by_label("Skill", exact=True).fill("german")
    then.get_by_label("Attribute", exact=True).fill("data.plate")
    then.get_by_label("Value", exact=True).last.fill("HH-X 1")
    then.get_by_label("Reason").last.fill("too late")
    assert violations_in_both_themes(page) == []
    shot(page, "configuration-rule-light")
    with in_the_dark(page):
        shot(page, "configuration-rule-dark")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(then.get_by_label("Action", exact=True)).to_have_count(6)
    expect(when.get_by_label("Comparison").first).to_have_value("in")
    line = page.locator("#conf-tree").get_by_role("link", name="Late complaints")
    line.press("Alt+ArrowUp")
    expect(page.locator(".toast")).to_contain_text("Late complaints is now number 1")
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove from draft").click()
    expect(page.locator("#conf-tree a")).to_have_count(1)


def test_a_decision_table_is_pasted_from_a_spreadsheet(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/decision-tables")
    begin(page)
    page.get_by_role("link", name="Add").click()
    page.fill("[name=name]", "Value by product and amount")
    grid = page.get_by_role("region", name="Decision table")
    grid.get_by_label("Column 1, Attribute").fill("data.product")
    page.get_by_role("button", name="Add column").click()
    grid.get_by_label("Column 2, Attribute").fill("data.amount")
    grid.get_by_label("Column 2, Attribute").press("Tab")
    grid.get_by_label("Column 2, Comparison").select_option("ge")
    page.get_by_role("button", name="Add row").click()
    cell = page.locator("[data-cell='0-0']")
    paste(page, cell, "theft\t5000\nglass\t\ncollision\t2500,5")
    expect(page.locator("[data-cell='2-1']")).to_have_value("2500.5")
    expect(page.locator("[data-cell='1-1']")).to_have_value("")
    for row in range(3):
        page.locator(f"[data-actions='{row}']").click()
        page.get_by_role("group", name=f"Actions, Row {row + 1}").get_by_role(
            "button", name="Add action"
        ).click()
    expect(page.locator("[data-told='2']")).to_have_text("raise the business value by 10")
    page.get_by_role("button", name="Earlier, Row 3").click()
    page.get_by_role("button", name="Move left, Column 2").click()
    expect(page.locator("[data-cell='1-0']")).to_have_value("2500.5")
    expect(page.locator("[data-cell='1-1']")).to_have_value("collision")
    assert violations_in_both_themes(page) == []
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(page.locator("[data-cell='1-0']")).to_have_value("2500.5")
    expect(page.get_by_role("region", name="Draft")).to_contain_text("valid")
    shot(page, "configuration-decision-table")
    with in_the_dark(page):
        shot(page, "configuration-decision-table-dark")


def paste(page: Page, cell: Locator, text: str) -> None:
    cell.focus()
    cell.evaluate(
        """(element, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", text);
          element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def test_a_fault_of_a_decision_table_stands_in_its_cell(open_as: Open, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("bea", "/configuration/decision-tables")
    begin(page)
    page.get_by_role("link", name="Add").click()
    page.get_by_label("Column 1, Attribute").fill("data.amount")
    page.get_by_label("Column 1, Attribute").press("Tab")
    page.get_by_role("button", name="Add row").click()
    page.locator("[data-cell='0-0']").fill("much")
    page.get_by_role("button", name="Save to draft").click()
    cell = page.locator("td:has([data-cell='0-0'])")
    expect(cell.get_by_role("alert")).to_contain_text("'much' is not a decimal number")
    expect(page.locator("[data-cell='0-0']")).to_have_value("much")


def test_an_attribute_is_declared_with_allowed_values(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/attributes")
    begin(page)
    page.get_by_role("link", name="Add").click()
    page.fill("[name=name]", "product")
    page.fill("[name=label]", "Product line")
    for value in ("theft", "glass", "collision", "motor", "complaint", "question"):
        page.get_by_label("Allowed values, add…").fill(value)
        page.get_by_label("Allowed values, add…").press("Enter")
    page.check("[name=searchable]")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Product line")
    expect(page.get_by_role("region", name="Draft")).to_contain_text("valid")
    shot(page, "configuration-attribute")
    assert violations(page) == []
    page.goto(page.url.replace("attributes/product", "categories/theft").replace("saved=1", ""))
    expect(
        page.get_by_role("group", name="What belongs here").get_by_label("Value", exact=True)
    ).to_have_value("theft")
    expect(
        page.get_by_role("group", name="What belongs here").locator("select[aria-label=Value] option")
    ).to_have_count(7)


def test_two_people_in_one_draft_see_what_the_other_changed(open_as: Open, watch: Watch, shot: Shot) -> None:
    watch.expect("409")
    one = open_as("bea", "/configuration/categories/theft")
    begin(one)
    other = open_as("ada")
    go(other, one.url)
    other.fill("[name=description]", "Stolen cars")
    other.fill("[name=contact]", "Ada")
    one.fill("[name=description]", "Stolen cars and bikes")
    one.select_option("[name=queue]", "motor_l1")
    other.get_by_role("button", name="Save to draft").click()
    expect(other.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    one.get_by_role("button", name="Save to draft").click()
    told = one.get_by_role("alert").filter(has_text="Ada Min has changed this meanwhile")
    expect(told.get_by_role("row", name="Description")).to_contain_text("Stolen cars and bikes")
    expect(told.get_by_role("row", name="Contact")).to_contain_text("taken over")
    expect(one.locator("[name=description]")).to_have_value("Stolen cars and bikes")
    expect(one.locator("[name=contact]")).to_have_value("Ada")
    expect(one.locator("[name=queue]")).to_have_value("motor_l1")
    shot(one, "configuration-conflict")
    assert violations(one) == []
    one.get_by_role("button", name="Save to draft").click()
    expect(one.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(one.locator("[name=description]")).to_have_value("Stolen cars and bikes")


def test_a_change_of_another_object_is_no_conflict(open_as: Open) -> None:
    one = open_as("bea", "/configuration/categories/theft")
    begin(one)
    other = open_as("ada")
    go(other, one.url.replace("theft", "glass"))
    other.fill("[name=description]", "Windscreens")
    other.get_by_role("button", name="Save to draft").click()
    expect(other.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    one.fill("[name=description]", "Stolen cars")
    one.get_by_role("button", name="Save to draft").click()
    expect(one.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(one.get_by_role("region", name="Draft")).to_contain_text("2 changes by Ada Min and you")


def test_a_draft_that_is_discarded_meanwhile_loses_nothing_typed(
    site: Site, open_as: Open, watch: Watch
) -> None:
    watch.expect("422")
    page = open_as("bea", "/configuration/categories/theft")
    begin(page)
    page.fill("[name=description]", "Stolen cars")
    site.run(discard_all(site))
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("alert")).to_contain_text("published or discarded meanwhile")
    expect(page.locator("[name=description]")).to_have_value("Stolen cars")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(page.locator("[name=description]")).to_have_value("Stolen cars")


def test_a_rule_that_another_has_removed_can_be_added_again(open_as: Open, watch: Watch) -> None:
    watch.expect("409")
    one = open_as("bea", "/configuration/rules/vip")
    begin(one)
    other = open_as("ada")
    go(other, one.url)
    one.fill("[name=name]", "VIP customers, renamed")
    other.get_by_role("button", name="Remove…").click()
    other.get_by_role("button", name="Remove from draft").click()
    expect(other.locator("#conf-tree a")).to_have_count(0)
    one.get_by_role("button", name="Save to draft").click()
    expect(one.get_by_role("alert")).to_contain_text("Ada Min has removed this meanwhile")
    expect(one.locator("[name=name]")).to_have_value("VIP customers, renamed")
    one.get_by_role("button", name="Save to draft").click()
    expect(one.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(one.locator("#conf-tree a")).to_have_text(["VIP customers, renamed1 action"])


def test_an_agent_has_no_configuration(open_as: Open, watch: Watch) -> None:
    watch.expect("403")
    page = open_as("amara", "/workspace")
    expect(
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Configuration")
    ).to_have_count(0)
    for path in ("categories", "rules", "decision-tables", "attributes", "drafts"):
        answer = page.goto(f"/configuration/{path}")
        assert answer is not None
        assert answer.status == 403, path


@pytest.mark.parametrize("login", ["vera", "ines"])
def test_what_is_not_drawn_is_refused_too(open_as: Open, login: str) -> None:
    page = open_as(login, "/configuration/categories")
    token = page.evaluate("JSON.parse(document.body.getAttribute('hx-headers'))['X-CSRF-Token']")
    for path in ("draft", "upload", "categories", "rules"):
        answer = page.request.post(
            f"/configuration/{path}", form={"csrf_token": token, "name": "x"}, max_redirects=0
        )
        assert answer.status == 403, path
        assert "categories.update" in answer.text(), path
