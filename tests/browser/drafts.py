"""Drafts of the rule set for browser tests: begun, changed and read by use cases, as by somebody else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from playwright.sync_api import Page, expect

from openiwd.usecases import rule_set_draft, rule_set_edit, rule_set_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_edit import How
from openiwd.usecases.rule_set_object import DraftedKind
from tests.browser.site import CALLER, Site


class Drafts:
    """Each test has drafts of its own; what it published is taken back at its end."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._begun: list[UUID] = []
        self._live = site.run(self._version())

    async def _editor(self) -> Editor:
        return Editor(self._site.platform, await self._site.services(), CALLER, self._site.holidays)

    async def _version(self) -> int | None:
        return (await rule_set_draft.live_document((await self._site.services()).runtime))[0]

    def begin(self, name: str = "Storm season") -> UUID:
        async def make() -> UUID:
            return (await rule_set_draft.create(await self._editor(), name)).id

        draft = self._site.run(make())
        self._begun.append(draft)
        return draft

    def put(self, draft: UUID, kind: DraftedKind, object_id: str, **changes: Any) -> None:
        """Somebody else changes an object."""

        async def change() -> None:
            editor = await self._editor()
            _, found = await rule_set_object.get(editor, kind, object_id, draft)
            raw = dict(msgspec.to_builtins(found)) | changes
            await rule_set_object.put(editor, kind, object_id, raw, How(draft=draft))

        self._site.run(change())

    def object(self, draft: UUID, kind: DraftedKind, object_id: str) -> Any:
        async def read() -> Any:
            return (await rule_set_object.get(await self._editor(), kind, object_id, draft))[1]

        return self._site.run(read())

    def close(self) -> None:
        async def end() -> None:
            editor = await self._editor()
            for draft in await rule_set_draft.drafts(editor):
                if draft.id in self._begun:
                    await rule_set_draft.discard(editor, draft.id)
            if await self._version() != self._live:
                await rule_set_edit.roll_back(editor, str(self._live), How())

        self._site.run(end())


async def discard_all(site: Site) -> None:
    editor = Editor(site.platform, await site.services(), CALLER)
    for draft in await rule_set_draft.drafts(editor):
        await rule_set_draft.discard(editor, draft.id)


def begin(page: Page) -> None:
    """The visitor edits in a draft from here on."""
    page.get_by_role("button", name="Edit in a draft").first.click()
    expect(page.get_by_role("region", name="Draft")).to_contain_text("on live rule set")
