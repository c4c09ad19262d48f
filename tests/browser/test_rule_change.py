"""Changing rules without fear, as people do it: tests, impact, what is odd, four eyes, and open items judged again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from openiwd.usecases import rule_set_approval, rule_set_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_approval import RuleSetSettings
from openiwd.usecases.rule_set_edit import How
from openiwd.usecases.rule_set_object import RULES, TESTS
from tests.browser.accessibility import in_the_dark, violations, violations_in_both_themes
from tests.browser.conftest import Open, Watch
from tests.browser.drafts import begin
from tests.browser.site import CALLER, Site
from tests.browser.test_drafts import put_back

pytestmark = pytest.mark.usefixtures("no_drafts", "rules_put_back")
Shot = Callable[[Page, str], None]
THEFT = {
    "name": "Stolen cars go to the second level",
    "item": {"data": {"product": "theft"}},
    "expect": {"category": "theft", "queue": "motor_l2", "skills": [{"skill": "motor_claims", "level": 6}]},
}
ODD = {
    "name": "Never",
    "when": {"all": [{"attribute": "channel", "operator": "eq", "value": v} for v in ("mail", "web")]},
    "then": [{"raiseBusinessValue": 1}],
}


@pytest.fixture
def rules_put_back(site: Site) -> Iterator[None]:
    """Whatever a test makes live or asks for, the next one finds the tenant's own rules."""
    yield
    site.run(four_eyes(site, on=False))
    site.run(put_back(site))


async def four_eyes(site: Site, *, on: bool) -> None:
    editor = Editor(site.platform, await site.services(), CALLER, site.holidays)
    await rule_set_approval.save_settings(editor, RuleSetSettings(four_eyes=on), None)


async def put(site: Site, draft: UUID, kind: Any, object_id: str, body: dict[str, Any]) -> None:
    editor = Editor(site.platform, await site.services(), CALLER, site.holidays)
    await rule_set_object.put(editor, kind, object_id, body, How(draft=draft))


def draft_of(page: Page) -> UUID:
    return UUID(page.url.split("draft=")[1][:36])


def to_service(page: Page, category: str) -> None:
    """The category's items go to the service desk in this draft."""
    page.locator("#conf-tree").get_by_role("link", name=category).click()
    page.select_option("[name=queue]", "service")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()


def test_the_impact_is_counted_looked_into_and_published(site: Site, open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/categories")
    begin(page)
    draft = draft_of(page)
    site.run(put(site, draft, RULES, "never", ODD))
    site.run(put(site, draft, TESTS, "theft", THEFT))
    to_service(page, "Theft")
    page.get_by_role("link", name="Review and publish").click()
    expect(page.locator("#findings")).to_contain_text("matches no item")
    expect(page.locator("#impact")).to_contain_text("Not counted yet")
    page.locator("#impact").get_by_role("button", name="Count").click()
    expect(page.locator("#impact .figures")).to_contain_text("change")
    expect(page.locator("#impact svg.flows")).to_be_visible()
    expect(page.get_by_role("list", name="The way to live")).to_contain_text("open item changes queue")
    page.locator("#tests").get_by_role("button", name="Run").click()
    expect(page.locator("#test-results")).to_contain_text("0 of 1")
    expect(page.get_by_role("row", name="Queue")).to_contain_text("service")
    for summary in page.locator("#impact summary").all():
        summary.click()
    assert violations_in_both_themes(page) == []
    shot(page, "rule-change-review")
    with in_the_dark(page):
        shot(page, "rule-change-review-dark")
    page.locator("#impact .figures").get_by_role("link").first.click()
    expect(page.locator("main tbody tr").first).to_contain_text("Motor L2")
    assert violations_in_both_themes(page) == []
    shot(page, "rule-change-items")
    with in_the_dark(page):
        shot(page, "rule-change-items-dark")
    page.go_back()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("alert")).to_contain_text("1 of 1 tests fail")
    shot(page, "rule-change-failed")
    with in_the_dark(page):
        shot(page, "rule-change-failed-dark")
    page.fill("[name=despiteTests]", "The second level has moved")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator(".note .run")).to_contain_text("open item was judged again", timeout=30_000)
    assert violations_in_both_themes(page) == []
    shot(page, "rule-change-published")
    with in_the_dark(page):
        shot(page, "rule-change-published-dark")


@pytest.fixture(autouse=True)
def refusals(watch: Watch) -> None:
    watch.expect("409", "422")


def test_a_test_is_written_run_and_taken_from_an_item(site: Site, open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/tests")
    expect(page.locator("main")).to_contain_text("No tests yet")
    begin(page)
    page.get_by_role("link", name="Add").first.click()
    page.fill("[name=name]", "Glass stays at the first level")
    page.fill("[name=item]", "data.product = glass\nsubject")
    page.select_option("[name=queue]", "motor_l1")
    page.fill("[name=priority]", "2h = 320")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("alert")).to_contain_text("subject")
    expect(page.locator("[name=item]")).to_have_value("data.product = glass\nsubject")
    page.fill("[name=item]", "data.product = glass\nsubject = Windscreen")
    assert violations(page) == []
    shot(page, "rule-test-form")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    page.locator("#conf-side").get_by_role("link", name="Tests").click()
    page.fill("[name=item]", "no such item")
    page.get_by_role("button", name="Take as test").click()
    expect(page.get_by_role("alert")).to_contain_text("no such item")
    page.fill("[name=item]", "THF-1")
    page.get_by_role("button", name="Take as test").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("THF-1")
    page.locator("#conf-side").get_by_role("link", name="Tests").click()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#test-results")).to_contain_text("2 of 2 pass")
    assert violations(page) == []
    shot(page, "rule-tests")


def test_four_eyes_see_a_draft_before_it_goes_live(site: Site, open_as: Open, shot: Shot) -> None:
    admin = open_as("ada", "/configuration/drafts")
    admin.get_by_label("Publishing needs the approval").check()
    admin.locator("#four-eyes").get_by_role("button", name="Save").click()
    expect(admin.get_by_label("Publishing needs the approval")).to_be_checked()
    assert violations(admin) == []
    shot(admin, "four-eyes-setting")
    page = open_as("bea", "/configuration/categories")
    begin(page)
    to_service(page, "Theft")
    page.get_by_role("link", name="Review and publish").click()
    expect(page.locator("#approval")).to_contain_text("ask somebody else")
    expect(page.get_by_role("button", name="Publish")).to_be_disabled()
    address = page.url
    assert violations(page) == []
    admin.goto(address)
    admin.locator("#approval").get_by_role("button", name="Approve").click()
    admin.fill("dialog [name=reason]", "Agreed with the second level")
    assert violations(admin) == []
    admin.locator("dialog").get_by_role("button", name="Approve").click()
    expect(admin.locator("#approval")).to_contain_text("Agreed with the second level")
    shot(admin, "four-eyes-approved")
    page.goto(address)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").filter(has_text="is live")).to_be_visible()


@pytest.mark.parametrize("login", ["vera"])
def test_viewers_count_nothing_they_may_not_and_publish_nothing(
    open_as: Open, login: str, shot: Shot
) -> None:
    page = open_as("bea", "/configuration/categories")
    begin(page)
    to_service(page, "Theft")
    draft = draft_of(page)
    page = open_as(login, f"/configuration/drafts/{draft}", width=900)
    expect(page.locator("#findings")).not_to_contain_text("Looking for")
    for name in ("Publish", "Approve"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.locator("#impact").get_by_role("button", name="Count").click()
    expect(page.locator("#impact .figures")).to_be_visible()
    assert violations(page) == []
    shot(page, "rule-change-narrow")
