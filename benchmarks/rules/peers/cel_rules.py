"""Run by the Python of common-expression-language: all rules and the category tree as one compiled program."""

from __future__ import annotations

import json
import sys
from typing import Any

import cel  # type: ignore[import-not-found]
from timing import answer, category_numbers  # type: ignore[import-not-found]


def text(value: Any) -> str:
    return json.dumps(value)


def condition(c: dict[str, Any]) -> str:
    """CEL refuses to read what is missing: `has` is asked first."""
    name, operator = f"item.{c['attribute']}", c["operator"]
    value: Any = c.get("value")
    there = f"has({name})"
    match operator:
        case "eq":
            return f"({there} && {name} == {text(value)})"
        case "ne":
            return f"(!{there} || {name} != {text(value)})"
        case "in":
            return f"({there} && {name} in {text(value)})"
        case "notIn":
            return f"(!{there} || !({name} in {text(value)}))"
        case "gt" | "ge" | "lt" | "le":
            sign = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}[operator]
            return f"({there} && {name} {sign} {text(value)})"
        case "between":
            return f"({there} && {name} >= {value[0]} && {name} <= {value[1]})"
        case "isSet":
            return f'({there} && {name} != "")'
        case "isNotSet":
            return f'(!{there} || {name} == "")'
        case "startsWith":
            return f"({there} && {name}.startsWith({text(value)}))"
        case "contains" if c["attribute"] == "tags":
            return f"({there} && {text(value)} in {name})"
        case "contains":
            return f"({there} && {name}.contains({text(value)}))"
    raise AssertionError(operator)


def criteria(when: dict[str, Any]) -> str:
    return "(" + " && ".join(condition(c) for c in when["all"]) + ")"


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
    compiled = cel.compile(f"[[{rules}], [{tree}]]")
    items = [cel.Context({"item": json.loads(item)}) for item in given["items"]]

    def decide(item: Any) -> tuple[list[bool], int]:
        flags, (number,) = compiled.execute(item)
        return flags, number

    answer(decide, items, given["seconds"])


main(json.load(sys.stdin))
