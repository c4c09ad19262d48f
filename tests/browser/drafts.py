"""Drafts of the rule set in browser tests: beginning one in a page, and a tenant without any."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from tests.browser.site import CALLER, Site


async def discard_all(site: Site) -> None:
    editor = Editor(site.platform, await site.services(), CALLER)
    for draft in await rule_set_draft.drafts(editor):
        await rule_set_draft.discard(editor, draft.id)


def begin(page: Page) -> None:
    """The visitor edits in a draft from here on."""
    page.get_by_role("button", name="Edit in a draft").first.click()
    expect(page.get_by_role("region", name="Draft")).to_contain_text("on live rule set")
