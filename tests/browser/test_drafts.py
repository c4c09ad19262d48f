"""Drafts and versions: review, publishing, being overtaken, bringing up to date, comparing, files, going back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from playwright.sync_api import Page, expect

from openiwd.usecases import rule_set_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set import publish
from openiwd.usecases.rule_set_edit import How
from openiwd.usecases.rule_set_object import QUEUES
from tests.browser.accessibility import in_the_dark, violations, violations_in_both_themes
from tests.browser.conftest import Open, Watch
from tests.browser.drafts import begin
from tests.browser.site import CALLER, RULES, Site

pytestmark = pytest.mark.usefixtures("no_drafts", "rules_put_back")
Shot = Callable[[Page, str], None]


@pytest.fixture
def rules_put_back(site: Site) -> Iterator[None]:
    """Whatever a test makes live, the next one finds the tenant's own rules."""
    yield
    site.run(put_back(site))


async def put_back(site: Site) -> None:
    source = RULES.read_text(encoding="utf-8")
    await publish(await site.services(), site.holidays, source, CALLER, comment="put back")


async def set_time_out(site: Site, queue: str, seconds: int) -> None:
    """Somebody else changes a queue, live at once."""
    editor = Editor(site.platform, await site.services(), CALLER, site.holidays)
    _, value = await rule_set_object.get(editor, QUEUES, queue)
    body = {**msgspec.to_builtins(value), "offerTimeout": f"{seconds}s"}
    await rule_set_object.put(editor, QUEUES, queue, body, How(comment="another time-out"))


def describe(page: Page, category: str, text: str) -> None:
    """Changes something in the draft that the page is in."""
    page.locator("#conf-tree").get_by_role("link", name=category).click()
    page.fill("[name=description]", text)
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()


def test_a_draft_is_reviewed_and_published(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/categories")
    begin(page)
    describe(page, "Theft", "Stolen cars")
    page.locator("#conf-tree").get_by_role("link", name="Glass").press("Alt+ArrowUp")
    expect(page.locator(".toast")).to_be_visible()
    page.get_by_role("link", name="Review and publish").click()
    changes = page.locator(".changes li")
    expect(changes.filter(has_text="Category Claims › Motor › Theft")).to_contain_text("Stolen cars")
    assert violations_in_both_themes(page) == []
    shot(page, "configuration-review")
    with in_the_dark(page):
        shot(page, "configuration-review-dark")
    page.fill("[name=comment]", "Storm season")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").filter(has_text="is live")).to_be_visible()
    line = page.locator("#versions tbody tr").first
    expect(line).to_contain_text("Storm season")
    expect(line).to_contain_text("live")
    assert violations_in_both_themes(page) == []
    shot(page, "configuration-drafts")
    with in_the_dark(page):
        shot(page, "configuration-drafts-dark")
    line.get_by_role("link", name="Changes").click()
    expect(page.locator(".changes")).to_contain_text("Stolen cars")
    assert violations_in_both_themes(page) == []
    page.get_by_role("link", name="Drafts and versions").first.click()
    page.locator("#versions tbody tr").nth(1).get_by_role("button", name="Roll back").click()
    expect(page.locator("dialog")).to_contain_text("published again as a new version")
    page.locator("dialog").get_by_role("button", name="Roll back").click()
    expect(page.locator("#versions tbody tr").first).to_contain_text("Back to version")


def test_a_draft_that_was_overtaken_is_brought_up_to_date(site: Site, open_as: Open, watch: Watch) -> None:
    watch.expect("409")
    page = open_as("bea", "/configuration/categories")
    begin(page)
    describe(page, "Theft", "Stolen cars")
    page.get_by_role("link", name="Review and publish").click()
    page.fill("[name=comment]", "Storm season")
    site.run(set_time_out(site, "service", 99))
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("alert")).to_contain_text("is live, and the draft was made from version")
    expect(page.locator("#outdated")).to_contain_text("Queue Service desk")
    expect(page.locator("[name=comment]")).to_have_value("Storm season")
    expect(page.get_by_role("button", name="Publish")).to_be_disabled()
    page.get_by_role("button", name="Bring up to date").click()
    expect(page.locator("#outdated")).to_have_count(0)
    expect(page.locator(".changes li")).to_have_count(1)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").filter(has_text="is live")).to_be_visible()

    async def time_out() -> object:
        editor = Editor(site.platform, await site.services(), CALLER)
        return (await rule_set_object.get(editor, QUEUES, "service"))[1].offer_timeout

    assert site.run(time_out()) == "99s"


def test_what_both_have_changed_is_chosen(site: Site, open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/categories")
    begin(page)
    draft = page.url.split("draft=")[1]

    async def change_in_draft() -> None:
        editor = Editor(site.platform, await site.services(), CALLER, site.holidays)
        _, value = await rule_set_object.get(editor, QUEUES, "service")
        body = {**msgspec.to_builtins(value), "offerTimeout": "11s"}
        await rule_set_object.put(editor, QUEUES, "service", body, How(draft=msgspec.convert(draft, UUID)))

    site.run(change_in_draft())
    site.run(set_time_out(site, "service", 99))
    page.goto(f"/configuration/drafts/{draft}")
    choice = page.get_by_role("group", name="Queue Service desk")
    expect(choice.get_by_role("row", name="Offer time-out")).to_contain_text("11s")
    expect(choice.get_by_role("row", name="Offer time-out")).to_contain_text("99s")
    assert violations(page) == []
    shot(page, "configuration-up-to-date")
    choice.get_by_label("The draft's").check()
    page.get_by_role("button", name="Bring up to date").click()
    expect(page.locator(".changes li")).to_have_count(1)
    expect(page.locator(".changes li")).to_contain_text("11s")


def test_faults_lead_to_their_object(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/attributes")
    begin(page)
    page.get_by_role("link", name="Amount in €").click()
    page.select_option("[name=type]", "boolean")
    page.get_by_role("button", name="Save to draft").click()
    page.locator("#conf-side").get_by_role("link", name="Categories").click()
    page.locator("#conf-tree").get_by_role("link", name="Glass").click()
    belongs = page.get_by_role("group", name="What belongs here")
    belongs.get_by_role("button", name="Condition", exact=True).click()
    belongs.get_by_label("Attribute", exact=True).last.fill("data.amount")
    belongs.get_by_label("Value", exact=True).last.select_option("true")
    page.get_by_role("button", name="Save to draft").click()
    page.locator("#conf-side").get_by_role("link", name="Attributes").click()
    page.get_by_role("link", name="Amount in €").click()
    page.select_option("[name=type]", "decimal")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.get_by_role("region", name="Draft")).to_contain_text("1 fault")
    page.get_by_role("link", name="Review and publish").click()
    fault = page.locator("#faults li")
    expect(fault).to_contain_text("Category Claims › Motor › Glass")
    expect(page.get_by_role("button", name="Publish")).to_be_disabled()
    assert violations(page) == []
    shot(page, "configuration-faults")
    fault.get_by_role("link", name="Open").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Glass")


def test_a_file_becomes_a_draft_or_is_refused_with_its_place(
    open_as: Open, watch: Watch, tmp_path: Path
) -> None:
    watch.expect("422")
    text = RULES.read_text(encoding="utf-8")
    wrong, broken = tmp_path / "wrong.yaml", tmp_path / "broken.yaml"
    wrong.write_text(text.replace("queue: motor_l2, when", "queue: nowhere, when"), encoding="utf-8")
    broken.write_text(text.replace("timeZone:", "timeZon:"), encoding="utf-8")
    page = open_as("bea", "/configuration/drafts")
    page.set_input_files("[name=file]", broken)
    page.get_by_role("button", name="Upload into a draft").click()
    expect(page.get_by_role("alert")).to_contain_text("did you mean timeZone?")
    page.set_input_files("[name=file]", wrong)
    page.get_by_role("button", name="Upload into a draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Upload of wrong.yaml")
    expect(page.locator("#faults")).to_contain_text("nowhere")
    expect(page.get_by_role("button", name="Publish")).to_be_disabled()
    with page.expect_download() as download:
        page.get_by_role("link", name="YAML").click()
    assert "nowhere" in download.value.path().read_text(encoding="utf-8")
    page.get_by_role("button", name="Rename").click()
    page.fill("dialog [name=name]", "From a file")
    page.locator("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("From a file")


@pytest.mark.parametrize("login", ["vera", "ines"])
def test_others_see_drafts_and_versions_and_publish_nothing(site: Site, open_as: Open, login: str) -> None:
    site.run(set_time_out(site, "service", 42))
    page = open_as("bea", "/configuration/categories")
    begin(page)
    draft = page.url.split("draft=")[1]
    page = open_as(login, "/configuration/drafts")
    page.get_by_role("link", name="Changes of Bea Busch").first.click()
    expect(page.locator("main")).to_contain_text("Nothing is changed yet")
    for name in ("Publish", "Discard", "Rename", "Roll back"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.goto(f"/configuration/categories/theft?draft={draft}")
    expect(page.get_by_role("button", name="Save to draft")).to_have_count(0)
    page.goto("/configuration/drafts")
    expect(page.get_by_role("link", name="YAML").first).to_be_visible()
    expect(page.get_by_role("button", name="Roll back")).to_have_count(0)
