"""Running the tests of a rule set by its own rules. The tests themselves are objects of the document."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from msgspec import Struct

from openiwd.domain.errors import ConflictError
from openiwd.domain.rule_test import RuleTestResult, run_test
from openiwd.domain.rule_test_config import RuleTestConfig
from openiwd.domain.transition import Context
from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set import check, read_version

TOLD = 20
ACTOR = "system:test"


class RuleTestReport(Struct, kw_only=True, rename="camel"):
    """What became of all tests of a document."""

    total: int
    failed: int
    results: list[RuleTestResult]
    revision: int | None = None
    """Of the draft that was tested."""


async def run(editor: Editor, raw: dict[str, Any]) -> RuleTestReport:
    """Runs all tests of a document by its rules, with the lookup tables as they are. RuleSetError for its faults."""
    rules = await check(editor.services.runtime, editor.holidays, raw)
    if not rules.document.tests:
        return RuleTestReport(total=0, failed=0, results=[])
    ctx = await editor.services.runtime.context(ACTOR, rules=rules)
    results = await asyncio.to_thread(_run, rules.document.tests, ctx)
    return RuleTestReport(total=len(results), failed=sum(not r.passed for r in results), results=results)


def _run(tests: list[RuleTestConfig], ctx: Context) -> list[RuleTestResult]:
    return [run_test(test, ctx) for test in tests]


async def of_draft(editor: Editor, draft_id: UUID, reason: str | None = None) -> RuleTestReport:
    """Runs the tests of a draft; who did so, and what came of it, is audited."""
    draft = await rule_set_draft.get(editor, draft_id)
    report = await run(editor, draft.document)
    report.revision = draft.revision
    await editor.note(
        "tested", "ruleSetDraft", str(draft.id),
        name=draft.name, revision=draft.revision, total=report.total, failed=report.failed, reason=reason,
    )  # fmt: skip
    return report


async def of_version(editor: Editor, version: str) -> RuleTestReport:
    """Runs the tests of a published version, or of the `live` one."""
    editor.caller.require("categories.view")
    return await run(editor, (await read_version(editor.services, version)).document)


async def require_passed(editor: Editor, raw: dict[str, Any], despite: str | None) -> dict[str, Any] | None:
    """Refuses a document whose tests fail (ConflictError `testsFailed`), unless a reason is given.

    What is to be audited of it: None when all pass.
    """
    report = await run(editor, raw)
    if not report.failed:
        return None
    failed = [r for r in report.results if not r.passed]
    if despite is None:
        raise ConflictError(
            f"{report.failed} of {report.total} tests fail",
            code="testsFailed",
            field="despiteTests",
            hint="mend the rules or the tests, or give a reason why it is published in spite of them",
            total=report.total,
            failed=[{"id": r.id, "name": r.name, "error": r.error} for r in failed[:TOLD]],
        )
    return {"reason": despite, "failed": [r.id for r in failed], "total": report.total}
