"""Real items as tests of a draft: what their source handed in, as far as rules read it, and where they are now."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

import msgspec

from openiwd.domain.errors import no_such_item
from openiwd.domain.instant import to_micros
from openiwd.domain.rule_reading import read_names
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.rule_test import example_of, expectation_of
from openiwd.domain.rule_test_config import ExpectationConfig, RuleTestConfig
from openiwd.domain.work_item import Status, WorkItem
from openiwd.usecases import rule_set_draft, rule_set_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set import check
from openiwd.usecases.rule_set_edit import How
from openiwd.usecases.rule_set_object import TESTS

_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]+")
_JUDGED: Final = {Status.ASSIGNED: Status.QUEUED, Status.NEW: Status.QUEUED}
"""What an item was before somebody took it."""


async def take(
    editor: Editor, draft_id: UUID, item_id: UUID, name: str | None = None, expected: int | None = None
) -> RuleTestConfig:
    """Makes a test of an item and puts it into the draft. It expects what the item is now, whatever the draft says."""
    editor.caller.require("categories.update")
    item = await _item(editor, item_id)
    draft = await rule_set_draft.get(editor, draft_id)
    rules = await check(editor.services.runtime, editor.holidays, draft.document)
    test = await example(editor, item, rules, name, {t.id for t in draft.parsed.tests})
    how = How(draft=draft_id, expected=expected)
    await rule_set_object.put(editor, TESTS, test.id, msgspec.to_builtins(test), how)
    return test


async def _item(editor: Editor, item_id: UUID) -> WorkItem:
    scope = editor.caller.require("workitems.read")
    async with editor.services.runtime.store.reading() as reading:
        item = (await reading.items_by_id([item_id])).get(item_id)
    if item is None or not editor.caller.covers(scope, item):
        raise no_such_item(item_id, "item")
    return item


async def example(
    editor: Editor, item: WorkItem, rules: CompiledRuleSet, name: str | None, taken: set[str]
) -> RuleTestConfig:
    """The test that an item makes; `taken`: the ids of the tests that are there.

    Due date and priority are not expected of it: they would hang on schemas that are meant to be changed.
    """
    runtime = editor.services.runtime
    live, now = await runtime.rules(), runtime.now()
    ctx = await runtime.context("system:test", now, rules=live)
    found = expectation_of(item, ctx)
    expect = ExpectationConfig(
        status=_JUDGED.get(item.status, item.status).value,
        category=found.category,
        queue=found.queue,
        business_value=found.business_value,
        skills=found.skills,
    )
    read = read_names((live, rules), to_micros(now))
    return example_of(item, read, _id(item, taken), name, expect)


def _id(item: WorkItem, taken: set[str]) -> str:
    """Of the item's captureId, and of no other test."""
    base = _OTHER.sub("-", item.capture_id).strip("-_")[:50] or "item"
    known, number = base, 1
    while known in taken:
        number += 1
        known = f"{base}-{number}"
    return known
