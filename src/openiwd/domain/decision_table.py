"""Decision tables become rules: one per row, in order; the first that matches acts."""

from __future__ import annotations

from typing import Any

from openiwd.domain.action import compile_actions
from openiwd.domain.condition import PRESENCE, AllOf, Condition, Criterion, NotOf
from openiwd.domain.criteria import CriteriaConfig, Surroundings, compile_condition
from openiwd.domain.errors import RuleSetError
from openiwd.domain.program import CompiledRule
from openiwd.domain.rule import ColumnConfig, DecisionTableConfig


def compile_decision_table(
    config: DecisionTableConfig, path: str, around: Surroundings
) -> tuple[CompiledRule, ...]:
    """The rows as rules named `table[row]` (counted from 1); what is wrong goes to `problems`."""
    rows: list[CompiledRule] = []
    if not config.columns:
        around.problems.add(f"{path}.columns", "the table has no columns", "name at least one attribute")
    for i, row in enumerate(config.rows):
        where = f"decision table '{config.id}', row {i + 1}"
        at = f"{path}.rows[{i}]"
        if len(row.when) != len(config.columns):
            around.problems.add(
                f"{at}.when",
                f"the row has {len(row.when)} values for {len(config.columns)} columns",
                "give one value per column; null means any",
            )
            continue
        parts: list[Criterion] = []
        for j, (column, cell) in enumerate(zip(config.columns, row.when, strict=True)):
            if cell is None:
                continue
            try:
                parts.append(_cell(column, cell, where, f"{at}.when[{j}]", around))
            except RuleSetError as error:
                field = (error.field or at).replace(f"{at}.when[{j}].value", f"{at}.when[{j}]")
                for part in ("attribute", "operator"):
                    field = field.replace(f"{at}.when[{j}].{part}", f"{path}.columns[{j}].{part}")
                around.problems.add(field, error.message, error.hint)
        actions = compile_actions(row.then, where, f"{at}.then", around)
        rows.append(CompiledRule(f"{config.id}[{i + 1}]", _joined(parts), actions))
    return tuple(rows)


def _joined(parts: list[Criterion]) -> Criterion | None:
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _cell(column: ColumnConfig, cell: Any, where: str, path: str, around: Surroundings) -> Condition | NotOf:
    """One cell as a condition; under isSet and isNotSet it says true or false."""
    config = CriteriaConfig(
        attribute=column.attribute, operator=column.operator, ignore_case=column.ignore_case
    )
    if column.operator in {o.value for o in PRESENCE}:
        if not isinstance(cell, bool):
            raise RuleSetError(f"{column.operator} takes true, false or null", field=path, hint="write true")
        condition = compile_condition(config, where, path, around)
        return condition if cell else NotOf(condition)
    config.value = cell
    return compile_condition(config, where, path, around)
