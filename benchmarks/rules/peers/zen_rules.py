"""Run by zen-engine's own Python: all rules and the category tree as one compiled expression, or as a decision."""

from __future__ import annotations

import json
import sys
from typing import Any

import zen  # type: ignore[import-not-found]
from timing import answer, category_numbers  # type: ignore[import-not-found]


def text(value: Any) -> str:
    return json.dumps(value)


def condition(c: dict[str, Any]) -> str:
    """Zen reads what is missing as null, and orders, searches and measures only what is there."""
    name, operator = c["attribute"], c["operator"]
    value: Any = c.get("value")
    match operator:
        case "eq":
            return f"{name} == {text(value)}"
        case "ne":
            return f"{name} != {text(value)}"
        case "in":
            return f"({name} != null and {name} in {text(value)})"
        case "notIn":
            return f"({name} == null or {name} not in {text(value)})"
        case "gt" | "ge" | "lt" | "le":
            sign = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}[operator]
            return f"({name} != null and {name} {sign} {text(value)})"
        case "between":
            return f"({name} != null and {name} >= {value[0]} and {name} <= {value[1]})"
        case "isSet":
            return f'({name} != null and {name} != "")'
        case "isNotSet":
            return f'({name} == null or {name} == "")'
        case "startsWith" | "contains":
            return f"({name} != null and {operator}({name}, {text(value)}))"
    raise AssertionError(operator)


def criteria(when: dict[str, Any]) -> str:
    return "(" + " and ".join(condition(c) for c in when["all"]) + ")"


def category(nodes: list[dict[str, Any]], numbers: dict[str, int], otherwise: int) -> str:
    found = str(otherwise)
    for node in reversed(nodes):
        inner = category(node.get("children", []), numbers, numbers[node["id"]])
        found = f"({criteria(node['when'])} ? {inner} : {found})" if "when" in node else inner
    return found


def main(given: dict[str, Any]) -> None:
    document = given["document"]
    rules = ", ".join(criteria(rule["when"]) for rule in document["rules"])
    numbers = category_numbers(document["categories"])
    tree = category(document["categories"], numbers, numbers[document["defaultCategory"]])
    compiled = zen.compile_expression(f"[[{rules}], {tree}]")
    items = given["items"]  # JSON: quicker for it than a dict

    def decide(item: str) -> tuple[list[bool], int]:
        flags, number = compiled.evaluate(item)
        return flags, number

    answer(decide, items, given["seconds"])


main(json.load(sys.stdin))
