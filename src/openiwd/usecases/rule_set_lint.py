"""What is odd about a rule set: findings of the linter, with the roster as it stands today."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from msgspec import Struct

from openiwd.domain.agent import Agent
from openiwd.domain.errors import RuleSetError
from openiwd.domain.instant import to_micros
from openiwd.domain.lint.finding import Finding
from openiwd.domain.lint.roster_lint import lint_roster
from openiwd.domain.lint.rule_lint import lint_rules
from openiwd.domain.lint.waiting_lint import lint_waiting
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set import check, read_version
from openiwd.usecases.rule_set_draft import Fault, faults_in


class LintReport(Struct, kw_only=True):
    """`faults` keep a document from being published and from being looked at further; `findings` do not."""

    faults: list[Fault] = []
    findings: list[Finding] = []


async def of_version(editor: Editor, version: str) -> LintReport:
    """Of a published version, or the `live` one."""
    editor.caller.require("categories.view")
    return await of_document(editor, (await read_version(editor.services, version)).document)


async def of_draft(editor: Editor, draft_id: UUID) -> LintReport:
    """Of a draft as it stands."""
    return await of_document(editor, (await rule_set_draft.get(editor, draft_id)).document)


async def of_document(editor: Editor, raw: dict[str, Any]) -> LintReport:
    """Of any document. The work is done beside the loop: a large tree takes seconds."""
    runtime = editor.services.runtime
    try:
        rules = await check(runtime, editor.holidays, raw)
    except RuleSetError as error:
        return LintReport(faults=faults_in(error))
    async with runtime.store.reading() as reading:
        agents = list((await reading.agents()).values())
    now = to_micros(runtime.now())
    return LintReport(findings=await asyncio.to_thread(_findings, rules, agents, now))


def _findings(rules: CompiledRuleSet, agents: list[Agent], now: int) -> list[Finding]:
    return [*lint_rules(rules, now), *lint_waiting(rules, now), *lint_roster(rules, agents, now)]
