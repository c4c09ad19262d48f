"""The configuration: its frame, drafts, and who may do what in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from tests.browser.accessibility import violations
from tests.browser.conftest import Open
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
    page.get_by_role("link", name="Queues", exact=True).last.click()
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
