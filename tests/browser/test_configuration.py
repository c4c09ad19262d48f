"""The configuration: its frame, drafts, and who may do what in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from tests.browser.accessibility import violations
from tests.browser.conftest import Open, Watch
from tests.browser.site import CALLER, Site

Shot = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def no_drafts(site: Site) -> Iterator[None]:
    """Each test begins and ends without drafts."""
    site.run(discard_all(site))
    yield
    site.run(discard_all(site))


async def discard_all(site: Site) -> None:
    services = await site.services()
    editor = Editor(site.platform, services, CALLER)
    for draft in await rule_set_draft.drafts(editor):
        await rule_set_draft.discard(editor, draft.id)


def begin(page: Page) -> None:
    """The visitor edits in a draft from here on."""
    page.get_by_role("button", name="Edit in a draft").click()
    expect(page.get_by_role("region", name="Draft")).to_contain_text("on live rule set")


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_frame_is_accessible(open_as: Open, scheme: str) -> None:
    page = open_as("bea", "/configuration/drafts", scheme=scheme)
    assert violations(page) == []
    begin(page)
    assert violations(page) == []


def test_a_category_is_edited_with_its_criteria_in_words(site: Site, open_as: Open, shot: Shot) -> None:
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
    tree = page.locator("#category-tree")
    tree.get_by_role("link", name="Glass").press("Alt+ArrowUp")
    expect(page.locator(".toast")).to_contain_text("Glass is now number 2 in Motor")
    expect(tree.locator("li[data-id=motor] li").nth(1)).to_have_attribute("data-id", "glass")
    expect(tree.get_by_role("link", name="Glass")).to_be_focused()
    page.keyboard.press("Alt+ArrowLeft")
    expect(tree.locator("li[data-id=claims] > ul > li").nth(1)).to_have_attribute("data-id", "glass")
    expect(page.get_by_role("region", name="Draft")).to_contain_text("1 change by you")
    tree.get_by_role("link", name="Glass").drag_to(tree.get_by_role("link", name="Motor", exact=False).first)
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
