"""Compiles the category tree: resolves inheritance, numbers the nodes, checks what they refer to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import structs

from openiwd.domain.action import compile_actions
from openiwd.domain.attribute import BAD, read_instant
from openiwd.domain.category import MAX_LEVELS, Category, CategoryConfig
from openiwd.domain.criteria import Surroundings, compile_criteria
from openiwd.domain.program import CompiledRule, Node
from openiwd.domain.queue import Queue
from openiwd.domain.requirement import (
    NO_REQUIREMENT,
    Requirement,
    compile_duration,
    compile_requirement,
    merged,
)


class CategoryCompiler:
    """One run over a tree; `categories` then has all nodes in tree order."""

    def __init__(
        self,
        around: Surroundings,
        schema_ids: Collection[str],
        queue_ids: Collection[str],
        queues: Mapping[str, Queue],
    ) -> None:
        self.categories: list[Category] = []
        self.rule_ids: list[tuple[str, str]] = []
        """(field, id) of every rule met."""
        self._attached: list[dict[str, Any]] = []
        """Attached data of each category and its parents, without the queue's."""
        self._ids: list[tuple[str, str]] = []
        self._around = around
        self._problems = around.problems
        self._schema_ids = schema_ids
        self._queue_ids = queue_ids
        self._queues = queues

    def compile(self, configs: list[CategoryConfig]) -> tuple[Node, ...]:
        """The nodes of the tree for the generated function."""
        nodes = self._siblings(configs, "categories", None)
        self._problems.check_ids(self._ids, "category")
        return nodes

    def _siblings(
        self, configs: list[CategoryConfig], path: str, parent: Category | None
    ) -> tuple[Node, ...]:
        names: dict[str, int] = {}
        nodes: list[Node] = []
        for i, config in enumerate(configs):
            at = f"{path}[{i}]"
            if not config.archived and config.name in names:
                self._problems.add(
                    f"{at}.name",
                    f"two siblings are named '{config.name}'",
                    f"rename one; the other is {path}[{names[config.name]}]",
                )
            names.setdefault(config.name, i)
            nodes += self._node(config, at, parent)
        return tuple(nodes)

    def _node(self, config: CategoryConfig, path: str, parent: Category | None) -> list[Node]:
        level = 1 if parent is None else parent.level + 1
        if level > MAX_LEVELS:
            self._problems.add(path, f"the tree has more than {MAX_LEVELS} levels", "move this category up")
            return []
        name = config.name
        if not name.strip() or "/" in name or len(name) > 200:
            self._problems.add(
                f"{path}.name", f"'{name[:80]}' is not a category name", "use 1 to 200 characters without '/'"
            )
        category = self._category(config, path, parent)
        self._ids.append((f"{path}.id", config.id))
        self.rule_ids += [(f"{path}.rules[{i}].id", rule.id) for i, rule in enumerate(config.rules)]
        place = len(self.categories)
        self.categories.append(category)
        where = f"category '{config.id}'"
        criterion = compile_criteria(config.when, where, f"{path}.when", self._around)
        rules = tuple(
            CompiledRule(
                rule.id,
                compile_criteria(rule.when, f"rule '{rule.id}'", f"{path}.rules[{i}].when", self._around),
                compile_actions(rule.then, f"rule '{rule.id}'", f"{path}.rules[{i}].then", self._around),
            )
            for i, rule in enumerate(config.rules)
        )
        children = self._siblings(config.children, f"{path}.children", category)
        last = len(self.categories) - 1
        self.categories[place] = structs.replace(category, last_index=last)
        return [Node(category.index, last, criterion, rules, children, category.archived)]

    def _category(self, config: CategoryConfig, path: str, parent: Category | None) -> Category:
        queue_id = self._inherited(
            config.queue, parent.queue_id if parent else None, self._queue_ids, "queue", path
        )
        active_from, active_to = self._active(config, path, parent)
        handle_time = parent.target_handle_time if parent else None
        with self._problems.collecting():
            if config.target_handle_time is not None:
                handle_time = compile_duration(config.target_handle_time, f"{path}.targetHandleTime")
        own_data = {**(self._attached[parent.index] if parent else {}), **config.attached_data}
        self._attached.append(own_data)
        queue = self._queues.get(queue_id)
        department_id = parent.department_id if parent else config.id
        return Category(
            id=config.id,
            index=len(self.categories),
            last_index=len(self.categories),
            name=config.name,
            path=f"{parent.path}/{config.name}" if parent else config.name,
            level=parent.level + 1 if parent else 1,
            parent_id=parent.id if parent else None,
            department_id=department_id,
            process_id=(parent.process_id or config.id) if parent else None,
            schema_id=self._inherited(
                config.schema, parent.schema_id if parent else None, self._schema_ids, "schema", path
            ),
            queue_id=queue_id,
            active_from=active_from,
            active_to=active_to,
            archived=config.archived or (parent is not None and parent.archived),
            description=config.description,
            contact=config.contact or (parent.contact if parent else ""),
            requirement=self._requirement(config, path, parent),
            attached_data={**(queue.attached_data if queue else {}), **own_data},
            target_handle_time=handle_time,
            dispositions=tuple(config.dispositions) or (parent.dispositions if parent else ()),
            disposition_required=config.disposition_required
            or (parent is not None and parent.disposition_required),
        )

    def _inherited(
        self, own: str | None, parents: str | None, known: Collection[str], kind: str, path: str
    ) -> str:
        if own is None and parents is None:
            self._problems.add(
                f"{path}.{kind}", f"a top category names its {kind}", f"add {kind}: one of this rule set's"
            )
        elif own is not None and own not in known:
            self._problems.unknown(f"{path}.{kind}", kind, own, known)
        return own or parents or ""

    def _requirement(self, config: CategoryConfig, path: str, parent: Category | None) -> Requirement:
        inherited = parent.requirement if parent else NO_REQUIREMENT
        with self._problems.collecting():
            own = compile_requirement(
                config.requirement, config.relaxation, f"{path}.requirement", f"{path}.relaxation"
            )
            if own != NO_REQUIREMENT:
                inherited = merged(inherited, own)
        return inherited

    def _active(
        self, config: CategoryConfig, path: str, parent: Category | None
    ) -> tuple[int | None, int | None]:
        """The dates within which the node and all its parents are active; a mere date counts whole."""
        start = self._instant(config.active_from, f"{path}.activeFrom", last_day=False)
        end = self._instant(config.active_to, f"{path}.activeTo", last_day=True)
        if start is not None and end is not None and start >= end:
            self._problems.add(f"{path}.activeTo", "the category ends before it begins", "correct the dates")
        if parent is not None:
            start = max((s for s in (start, parent.active_from) if s is not None), default=None)
            end = min((e for e in (end, parent.active_to) if e is not None), default=None)
        return start, end

    def _instant(self, text: str | None, field: str, *, last_day: bool) -> int | None:
        if text is None:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            value = read_instant(text, self._around.zone)
        else:
            value = read_instant(
                datetime(day.year, day.month, day.day, tzinfo=self._around.zone) + timedelta(days=last_day)
            )
        if value is BAD:
            self._problems.add(
                field,
                f"'{text[:80]}' is not a date",
                "write for example 2026-05-01 or 2026-05-01T08:00:00+02:00",
            )
            return None
        return int(value)
