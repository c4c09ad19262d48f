"""The live rule set as readable pages: category tree, schemas, calendars, queues, rules."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from openiwd.domain.category import CategoryConfig
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.web.configuration.rule_text import actions_text, criteria_text, rule_text
from openiwd.web.item.row_view import Shown
from openiwd.web.shell.catalogue import Catalogue

SECTIONS: Final = ("rules", "versions")


class CategoryView(NamedTuple):
    id: str
    name: str
    archived: bool
    facts: str
    when: str
    rules: list[str]
    children: list[CategoryView]


class RuleView(NamedTuple):
    id: str
    name: str
    when: str
    then: str


def section_context(section: str, rules: CompiledRuleSet, shown: Shown) -> dict[str, Any]:
    """What one section shows."""
    match section:
        case "categories":
            names = {s.id: s.name for s in rules.document.schemas}
            return {"categories": [category_view(c, rules, names, shown) for c in rules.document.categories]}
        case _:
            return {"rules": _rules(rules, shown.t)}


def category_view(
    config: CategoryConfig, rules: CompiledRuleSet, schema_names: dict[str, str], shown: Shown
) -> CategoryView:
    t = shown.t
    node = rules.categories.get(config.id)
    facts = ""
    if node is not None:
        schema = schema_names.get(node.schema_id, node.schema_id)
        facts = t(
            "configuration.category_facts", path=config.id, schema=schema, queue=shown.queue(node.queue_id)
        )
        skills = [t("field.skill", skill=s, level=str(n)) for s, n in node.requirement.skills]
        if skills:
            facts += " · " + t("configuration.needs", what=", ".join(skills))
    return CategoryView(
        id=config.id,
        name=config.name,
        archived=config.archived,
        facts=facts,
        when=f"{t('rule.if')} {criteria_text(config.when, t)}" if config.when is not None else "",
        rules=[rule_text(r, t) for r in config.rules],
        children=[category_view(c, rules, schema_names, shown) for c in config.children],
    )


def _rules(rules: CompiledRuleSet, t: Catalogue) -> list[RuleView]:
    found = [
        RuleView(r.id, r.name or r.id, criteria_text(r.when, t), actions_text(r.then, t))
        for r in rules.document.rules
    ]
    for table in rules.document.decision_tables:
        columns = [
            (c.attribute, t.named("comparison", str(msgspec.to_builtins(c.operator)))) for c in table.columns
        ]
        for n, row in enumerate(table.rows, 1):
            cells = zip(columns, msgspec.to_builtins(row.when), strict=False)
            when = t("rule.all").join(f"{a} {c} {v}" for (a, c), v in cells if v is not None) or t(
                "rule.always"
            )
            found.append(RuleView(f"{table.id} {n}", table.name or table.id, when, actions_text(row.then, t)))
    return found
