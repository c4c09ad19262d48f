"""Run by the Python of datalogic-py: all rules and the category tree as one compiled rule of JSONLogic."""

from __future__ import annotations

import json
import sys
from typing import Any

import datalogic_py  # type: ignore[import-not-found]
from timing import answer, category_numbers  # type: ignore[import-not-found]


def condition(c: dict[str, Any]) -> Any:
    """JSONLogic reads what is missing as null, which counts as 0: whether it is there is asked first."""
    operator = c["operator"]
    value: Any = c.get("value")
    read = {"var": c["attribute"]}
    there = {"!==": [read, None]}
    match operator:
        case "eq":
            return {"===": [read, value]}
        case "ne":
            return {"!==": [read, value]}
        case "in":
            return {"and": [there, {"in": [read, value]}]}
        case "notIn":
            return {"or": [{"===": [read, None]}, {"!": [{"in": [read, value]}]}]}
        case "gt" | "ge" | "lt" | "le":
            sign = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}[operator]
            return {"and": [there, {sign: [read, value]}]}
        case "between":
            return {"and": [there, {"<=": [value[0], read, value[1]]}]}
        case "isSet":
            return {"and": [there, {"!==": [read, ""]}]}
        case "isNotSet":
            return {"or": [{"===": [read, None]}, {"===": [read, ""]}]}
        case "startsWith":
            return {"and": [there, {"starts_with": [read, value]}]}
        case "contains":
            return {"and": [there, {"in": [value, read]}]}
    raise AssertionError(operator)


def criteria(when: dict[str, Any]) -> Any:
    return {"and": [condition(c) for c in when["all"]]}


def category(nodes: list[dict[str, Any]], numbers: dict[str, int], otherwise: int) -> Any:
    found: Any = otherwise
    for node in reversed(nodes):
        inner = category(node.get("children", []), numbers, numbers[node["id"]])
        found = {"if": [criteria(node["when"]), inner, found]} if "when" in node else inner
    return found


def main(given: dict[str, Any]) -> None:
    document = given["document"]
    numbers = category_numbers(document["categories"])
    tree = category(document["categories"], numbers, numbers[document["defaultCategory"]])
    engine = datalogic_py.Engine()
    compiled = engine.compile([*(criteria(rule["when"]) for rule in document["rules"]), tree])
    session = engine.session()
    items = [datalogic_py.DataHandle(json.loads(item)) for item in given["items"]]

    def decide(item: Any) -> tuple[list[bool], int]:
        *flags, number = session.evaluate_data(compiled, item)
        return flags, number

    answer(decide, items, given["seconds"])


main(json.load(sys.stdin))
