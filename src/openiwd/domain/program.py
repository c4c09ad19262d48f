"""The checked rules and categories of a rule set, in the order in which the generated function decides."""

from __future__ import annotations

from msgspec import Struct

from openiwd.domain.action import Action
from openiwd.domain.condition import Condition, Criterion, conditions_of


class CompiledRule(Struct, frozen=True):
    """A rule ready to be laid into the function; `criterion` None = always."""

    id: str
    criterion: Criterion | None
    actions: tuple[Action, ...]


class Node(Struct, frozen=True):
    """A category as the function needs it; `last` is the index of the last node below it."""

    index: int
    last: int
    criterion: Criterion | None
    rules: tuple[CompiledRule, ...]
    children: tuple[Node, ...]
    archived: bool = False


class Program(Struct, frozen=True):
    """Everything that the function decides, in order: rules, then tables, then the tree."""

    rules: tuple[CompiledRule, ...]
    tables: tuple[tuple[CompiledRule, ...], ...]
    roots: tuple[Node, ...]

    def all_rules(self) -> list[CompiledRule]:
        """Every rule, also those of tables and categories."""
        nodes = list(self.roots)
        for node in nodes:
            nodes.extend(node.children)
        return [*self.rules, *(r for t in self.tables for r in t), *(r for n in nodes for r in n.rules)]

    def all_conditions(self) -> list[Condition]:
        """Every condition, also those of tables and categories."""
        nodes = list(self.roots)
        for node in nodes:
            nodes.extend(node.children)
        criteria = [*(r.criterion for r in self.all_rules()), *(n.criterion for n in nodes)]
        return [c for criterion in criteria for c in conditions_of(criterion)]
