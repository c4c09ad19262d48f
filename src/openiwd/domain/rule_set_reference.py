"""What a rule-set document refers to outside of itself: skills, groups, agents, lookup tables, hold reasons. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from openiwd.domain.category import CategoryConfig
from openiwd.domain.requirement import RelaxationStep, RequirementConfig
from openiwd.domain.rule import ActionConfig, RuleConfig
from openiwd.domain.rule_set import RuleSetDocument


class Referred(StrEnum):
    """Kinds of live objects; the values are their words in texts."""

    SKILL = "skill"
    GROUP = "group"
    AGENT = "agent"
    LOOKUP_TABLE = "lookup table"
    HOLD_REASON = "hold reason"


class Reference(NamedTuple):
    kind: Referred
    name: str
    path: str
    """Where the document says it."""


def references(document: RuleSetDocument) -> list[Reference]:
    """All references to live objects, in the order of the document."""
    return [
        *_of_queues(document),
        *_of_rules(document.rules, "rules"),
        *(
            found
            for i, table in enumerate(document.decision_tables)
            for j, row in enumerate(table.rows)
            for found in _of_actions(row.then, f"decisionTables[{i}].rows[{j}].then")
        ),
        *_of_categories(document.categories, "categories"),
    ]


def _of_queues(document: RuleSetDocument) -> Iterator[Reference]:
    for i, queue in enumerate(document.queues):
        for j, group in enumerate(queue.groups):
            yield Reference(Referred.GROUP, group.group, f"queues[{i}].groups[{j}].group")
        yield from _of_relaxation(queue.relaxation, f"queues[{i}].relaxation")


def _of_categories(nodes: Iterable[CategoryConfig], path: str) -> Iterator[Reference]:
    for i, node in enumerate(nodes):
        at = f"{path}[{i}]"
        if node.requirement is not None:
            yield from _of_requirement(node.requirement, f"{at}.requirement")
        yield from _of_relaxation(node.relaxation, f"{at}.relaxation")
        yield from _of_rules(node.rules, f"{at}.rules")
        yield from _of_categories(node.children, f"{at}.children")


def _of_rules(rules: Iterable[RuleConfig], path: str) -> Iterator[Reference]:
    for i, rule in enumerate(rules):
        yield from _of_actions(rule.then, f"{path}[{i}].then")


def _of_actions(actions: Iterable[ActionConfig], path: str) -> Iterator[Reference]:
    for i, action in enumerate(actions):
        at = f"{path}[{i}]"
        if action.set_requirement:
            yield from _of_requirement(action.set_requirement, f"{at}.setRequirement")
        if action.add_skill and isinstance(action.add_skill.skill, str):
            yield Reference(Referred.SKILL, action.add_skill.skill, f"{at}.addSkill.skill")
        if action.lookup:
            yield Reference(Referred.LOOKUP_TABLE, action.lookup.table, f"{at}.lookup.table")
        if action.hold:
            yield Reference(Referred.HOLD_REASON, action.hold.reason, f"{at}.hold.reason")


def _of_requirement(requirement: RequirementConfig, path: str) -> Iterator[Reference]:
    for i, skill in enumerate(requirement.skills):
        yield Reference(Referred.SKILL, skill.skill, f"{path}.skills[{i}].skill")
    for i, agent in enumerate(requirement.agents):
        yield Reference(Referred.AGENT, agent, f"{path}.agents[{i}]")
    for i, group in enumerate(requirement.groups):
        yield Reference(Referred.GROUP, group, f"{path}.groups[{i}]")


def _of_relaxation(steps: Iterable[RelaxationStep], path: str) -> Iterator[Reference]:
    for i, step in enumerate(steps):
        for name, field in ((step.skill, "skill"), (step.drop_skill, "dropSkill")):
            if name is not None:
                yield Reference(Referred.SKILL, name, f"{path}[{i}].{field}")
        if step.group is not None:
            yield Reference(Referred.GROUP, step.group, f"{path}[{i}].group")
