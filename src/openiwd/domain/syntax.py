"""Small builders for the syntax tree of the generated function, and its constants. They know nothing of rules."""

from __future__ import annotations

import ast
from typing import Any, Final

NONE: Final = ast.Constant(None)


def load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def unpack(names: tuple[str, ...], value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Tuple([ast.Name(n, ast.Store()) for n in names], ast.Store())], value)


def attribute_of(value: ast.expr, name: str) -> ast.expr:
    return ast.Attribute(value, name, ast.Load())


def member(name: str, attribute: str) -> ast.expr:
    return attribute_of(load(name), attribute)


def call(function: ast.expr, *arguments: ast.expr) -> ast.expr:
    return ast.Call(function, list(arguments), [])


def compare(left: ast.expr, operator: type[ast.cmpop], right: ast.expr) -> ast.expr:
    return ast.Compare(left, [operator()], [right])


def all_of(parts: list[ast.expr]) -> ast.expr:
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)


def presence(local: str, *, wanted: bool, truth: bool) -> ast.expr:
    """Text and lists are set unless empty; anything else unless missing."""
    if not truth:
        return compare(load(local), ast.IsNot if wanted else ast.Is, NONE)
    return load(local) if wanted else ast.UnaryOp(ast.Not(), load(local))


class ConstantTable:
    """The global names of the generated function: K0, K1, … and nothing else, no builtins either."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"__builtins__": {}}
        self._known: dict[int, str] = {}

    def name(self, value: Any) -> ast.expr:
        """The value by its name in the table: whatever it is, it never becomes code."""
        key = id(value)
        name = self._known.get(key)
        if name is None:
            name = self._known[key] = f"K{len(self.values)}"
            self.values[name] = value  # also keeps it alive, so that its id stays its own
        return load(name)
