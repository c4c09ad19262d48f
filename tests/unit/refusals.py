"""The sentences that the code refuses with, read from its source: each with `{}` for every value in it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

PACKAGE: Final = Path(__file__).parents[2] / "src" / "openiwd"
TOLD: Final = frozenset({"message", "hint", "remedy", "told"})
"""Names of parameters, fields and keys that hold such a sentence."""
_MAY_TELL: Final = re.compile(rf"Error\(|notes|problems|fault|\b({'|'.join(TOLD)})\b")
"""A module without any of these words tells nothing, and need not be parsed."""
_VALUE: Final = re.compile(r"\{[^{}]*\}")
_DEPTH: Final = 4
"""How many names and functions are followed to find a sentence."""


class Refusal(NamedTuple):
    room: str
    """The module, from the package on."""
    form: str


Scopes = tuple[ast.AST, ...]


class Module(NamedTuple):
    room: str
    tree: ast.Module
    definitions: list[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]
    speaking: list[tuple[ast.Call | ast.Dict, Scopes]]
    """What may hold sentences, with the functions around it, the innermost first, and the module."""


def modules(rooms: Iterable[str]) -> list[Module]:
    """The modules below folders of the package, or single files of it, that may hold sentences."""
    texts = {path: path.read_text(encoding="utf-8") for room in rooms for path in _paths(PACKAGE / room)}
    return [
        _module(path.relative_to(PACKAGE).as_posix(), ast.parse(text))
        for path, text in texts.items()
        if _MAY_TELL.search(text)
    ]


def refusals(found: list[Module]) -> set[Refusal]:
    """What errors are raised with, and what faults and findings say, by the parameters that take it."""
    places = _places(found)
    return {
        Refusal(module.room, form)
        for module in found
        for form in _Sentences(module, places).all()
        if " " in form.strip("{} ")
    }


def _module(room: str, tree: ast.Module) -> Module:
    module = Module(room, tree, [], [])
    stack: list[tuple[ast.AST, Scopes]] = [(tree, (tree,))]
    while stack:
        node, scopes = stack.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                module.definitions.append(node)
                scopes = (node, *scopes)
            case ast.ClassDef():
                module.definitions.append(node)
            case ast.Call() | ast.Dict():
                module.speaking.append((node, scopes))
            case ast.Name() | ast.Constant():
                continue
        stack.extend((child, scopes) for child in ast.iter_child_nodes(node))
    return module


def _paths(room: Path) -> Iterable[Path]:
    return [room] if room.suffix else room.rglob("*.py")


def _places(found: list[Module]) -> dict[str, set[int]]:
    """Function or class → the positions of its sentences."""
    places: dict[str, set[int]] = defaultdict(set)
    bases: dict[str, set[str]] = {}
    for module in found:
        for node in module.definitions:
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
                names = list(_fields(node))
            else:
                names = [a.arg for a in node.args.args if a.arg not in ("self", "cls")]
            for place, name in enumerate(names):
                if name in TOLD:
                    places[node.name].add(place)
    for name in _below("OpenIwdError", bases):
        places[name] = {0}
    return places


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            yield one.target.id


def _below(root: str, bases: dict[str, set[str]]) -> set[str]:
    known, before = {root}, 0
    while len(known) > before:
        before = len(known)
        known |= {name for name, above in bases.items() if above & known}
    return known


class _Sentences:
    """Of one module. A name stands for all that it is given in the function around it, or else in the module."""

    def __init__(self, module: Module, places: dict[str, set[int]]) -> None:
        self._module = module
        self._places = places
        self._given: dict[ast.AST, dict[str, list[ast.expr]]] = {}

    def all(self) -> Iterator[str]:
        for node, scopes in self._module.speaking:
            for expression in self._told(node):
                yield from self._forms(expression, scopes, _DEPTH)

    def _told(self, node: ast.Call | ast.Dict) -> Iterator[ast.expr]:
        """The expressions that stand where a sentence is expected."""
        if isinstance(node, ast.Call):
            at = self._places.get(_name(node.func), ()) if not _is_noting(node.func) else (0,)
            yield from (argument for i, argument in enumerate(node.args) if i in at)
            yield from (keyword.value for keyword in node.keywords if keyword.arg in TOLD)
        else:
            pairs = zip(node.keys, node.values, strict=True)
            yield from (v for k, v in pairs if isinstance(k, ast.Constant) and k.value in TOLD)

    def _forms(self, node: ast.expr, scopes: Scopes, depth: int) -> list[str]:
        """All sentences that an expression can be; a part that nothing is known of is a value."""
        several: list[ast.expr] = []
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return ["".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                one, other = self._forms(left, scopes, depth), self._forms(right, scopes, depth)
                return [a + b for a, b in product(one or ["{}"], other or ["{}"])]
            case ast.Call(func=ast.Attribute(value=text, attr="format")):
                return [_VALUE.sub("{}", form) for form in self._forms(text, scopes, depth)]
            case ast.IfExp(body=one_way, orelse=other_way):
                several = [one_way, other_way]
            case ast.BoolOp(values=values) | ast.Dict(values=values):
                several = values
            case ast.Call(func=ast.Name(id=name)):
                several, depth = self._returned(name), depth - 1
            case (
                ast.Name(id=name)
                | ast.Subscript(value=ast.Name(id=name))
                | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get"))
            ):
                several, depth = self._meant(name, scopes), depth - 1
        return [form for part in several if depth for form in self._forms(part, scopes, depth)]

    def _meant(self, name: str, scopes: Scopes) -> list[ast.expr]:
        for scope in scopes:
            if scope not in self._given:
                self._given[scope] = _given(scope)
            if name in self._given[scope]:
                return self._given[scope][name]
        return []

    def _returned(self, name: str) -> list[ast.expr]:
        return [
            inner.value
            for node in self._module.tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
            for inner in ast.walk(node)
            if isinstance(inner, ast.Return) and inner.value is not None
        ]


def _is_noting(called: ast.expr) -> bool:
    """`notes.append`: what was odd about an email."""
    match called:
        case ast.Attribute(value=ast.Attribute(attr=kept) | ast.Name(id=kept), attr="append"):
            return kept.endswith("notes")
    return False


def _name(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def _given(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """Name → what it is set to there."""
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in scope.body if isinstance(scope, ast.Module) else ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name].append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name].append(value)
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                found[name].append(value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for one, value in zip(names, values, strict=False):
                    if isinstance(one, ast.Name):
                        found[one.id].append(value)
    return dict(found)
