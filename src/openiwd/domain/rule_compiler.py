"""Turns the checked rules and categories of a rule set into one Python function, built as a syntax tree.

No text of a user becomes code: constants lie in a table of generated names. Where rules are many, the quick
variant reads off an index which of them are possible and goes through those alone, in their order.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.action import joined
from openiwd.domain.condition import Criterion
from openiwd.domain.criteria_code import PARAMETERS, CriteriaCode
from openiwd.domain.program import CompiledRule, Node, Program
from openiwd.domain.rule_index import MAX_RULES, Indexed, index_rules
from openiwd.domain.syntax import (
    NONE,
    ConstantTable,
    assign,
    attribute_of,
    call,
    compare,
    load,
    member,
    unpack,
)

NOWHERE: Final = -1
REJECTED: Final = -2

Decide = Callable[[Any, int, Any, int, int], int]
"""(facts, now, verdict, named, fallback) → index of the category, NOWHERE or REJECTED.

`named` is the index of the category that the source has named and that is believed, `fallback` that of the
default category; NOWHERE for none. Runs the actions on the verdict. Raises RuleError.
"""


class _Case(Struct, frozen=True):
    """What is done if a criterion holds; `plain` is the same as a constant, where that is enough."""

    criterion: Criterion | None
    body: list[ast.stmt]
    plain: Any = None


def compile_program(program: Program) -> Decide:
    """The function of a rule set version."""
    table = ConstantTable()
    careful = _Writer(program, table, quick=False).function("careful")
    quick = _Writer(program, table, quick=True).function("quick")
    names = table.values
    names["careful"] = FunctionType(_code(careful), names)
    return FunctionType(_code(quick), names)


def syntax_tree(program: Program) -> list[ast.FunctionDef]:
    """The trees of both variants, for inspection."""
    table = ConstantTable()
    return [
        _Writer(program, table, quick=False).function("careful"),
        _Writer(program, table, quick=True).function("quick"),
    ]


def _code(function: ast.FunctionDef) -> CodeType:
    module = ast.fix_missing_locations(ast.Module(body=[function], type_ignores=[]))
    code = compile(module, "<rule set>", "exec", dont_inherit=True, optimize=0)
    return next(c for c in code.co_consts if isinstance(c, CodeType))


class _Writer:
    """Writes one variant of the function."""

    def __init__(self, program: Program, table: ConstantTable, *, quick: bool) -> None:
        self._program = program
        self._table = table
        self._quick = quick
        self._criteria = CriteriaCode(program, table, quick=quick)

    def function(self, name: str) -> ast.FunctionDef:
        body = self._criteria.fetched()
        body += self._rules(self._program.rules)
        for rows in self._program.tables:
            body += self._decision_table(rows)
        chosen = [*self._chain(self._program.roots, "named"), ast.Return(load("named"))]
        body.append(ast.If(compare(load("named"), ast.GtE, ast.Constant(0)), chosen, []))
        body += self._tree(self._program.roots)
        body.append(
            ast.Assign([ast.Attribute(load("verdict"), "fell_back", ast.Store())], ast.Constant(True))
        )
        body += self._chain(self._program.roots, "fallback")
        body.append(ast.Return(load("fallback")))
        parameters = [ast.arg(arg=p) for p in PARAMETERS]
        arguments = ast.arguments(posonlyargs=parameters, args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        return ast.FunctionDef(name=name, args=arguments, body=body, decorator_list=[], returns=None)

    def _rules(self, rules: Sequence[CompiledRule]) -> list[ast.stmt]:
        """Every rule whose criteria hold acts, in order."""
        cases = [_Case(r.criterion, self._deeds(r), self._plain(r)) for r in rules]
        parts = self._indexed(cases)
        if parts is None:
            return [s for case in cases for s in self._if(case)]
        return [s for part, indexed in parts for s in self._walk(part, indexed, self._plain_deeds())]

    def _decision_table(self, rows: Sequence[CompiledRule]) -> list[ast.stmt]:
        """The first row whose criteria hold acts: leaving the loop is how it ends the table."""
        cases = [_Case(r.criterion, [*self._deeds(r), ast.Break()], self._plain(r)) for r in rows]
        parts = self._indexed(cases)
        if parts is None:
            body = [s for case in cases for s in self._if(case)]
            return [ast.While(ast.Constant(True), [*body, ast.Break()], [])] if rows else []
        following: list[ast.stmt] = []
        for part, indexed in reversed(parts):
            following = self._walk(part, indexed, [*self._plain_deeds(), ast.Break()], following)
        return following

    def _tree(self, nodes: Sequence[Node]) -> list[ast.stmt]:
        """Siblings in order: the first that matches is entered and never left again."""
        cases: list[_Case] = []
        for node in nodes:
            if not node.archived:
                children = self._tree(node.children)
                inner = [*self._rules(node.rules), *children, ast.Return(ast.Constant(node.index))]
                cases.append(_Case(node.criterion, inner, None if node.rules or children else node.index))
                if node.criterion is None:
                    break
        parts = self._indexed(cases)
        if parts is None:
            return [s for case in cases for s in self._if(case)]
        return [s for part, found in parts for s in self._walk(part, found, [ast.Return(load("plain"))])]

    def _chain(self, nodes: Sequence[Node], chosen: str) -> list[ast.stmt]:
        """The rules of a category that is known already, and of its parents, the topmost first."""
        body: list[ast.stmt] = []
        for node in nodes:
            inner = [*self._rules(node.rules), *self._chain(node.children, chosen)]
            if inner:
                low, high = ast.Constant(node.index), ast.Constant(node.last)
                test = ast.Compare(low, [ast.LtE(), ast.LtE()], [load(chosen), high])
                body.append(ast.If(test, inner, []))
        return body

    def _if(self, case: _Case) -> list[ast.stmt]:
        if case.criterion is None:
            return case.body
        return [ast.If(self._criteria.test(case.criterion), case.body, [])]

    def _deeds(self, rule: CompiledRule) -> list[ast.stmt]:
        acted = attribute_of(member("verdict", "acted"), "append")
        body: list[ast.stmt] = [ast.Expr(call(acted, self._table.name(rule.id)))]
        for action in rule.actions:
            values = ast.Tuple([self._criteria.raw_value(a) for a in action.reads], ast.Load())
            body.append(ast.Expr(call(self._table.name(action.run), load("verdict"), values)))
            if action.rejects:
                body.append(ast.Return(self._table.name(REJECTED)))
                break
            for written in action.writes:
                body += self._criteria.refreshed(written)
        return body

    def _plain(self, rule: CompiledRule) -> Any:
        """The rule as a constant, if its actions read nothing, change nothing that is read, and do not reject."""
        for action in rule.actions:
            if action.rejects or action.reads or any(self._criteria.refreshed(w) for w in action.writes):
                return None
        return (rule.id, joined([action.run for action in rule.actions]))

    def _plain_deeds(self) -> list[ast.stmt]:
        """What `_deeds` does, for a rule as a constant."""
        return [
            unpack(("rule", "run"), load("plain")),
            ast.Expr(call(attribute_of(member("verdict", "acted"), "append"), load("rule"))),
            ast.Expr(call(load("run"), load("verdict"), ast.Tuple([], ast.Load()))),
        ]

    def _indexed(self, cases: list[_Case]) -> list[tuple[list[_Case], Indexed]] | None:
        """The cases in parts with an index each; None where they are better asked one after the other."""
        if not self._quick:
            return None
        parts: list[tuple[list[_Case], Indexed]] = []
        count = -(-len(cases) // MAX_RULES)
        for n in range(count):
            part = cases[n * len(cases) // count : (n + 1) * len(cases) // count]
            indexed = index_rules([case.criterion for case in part], self._criteria.settled)
            if indexed is None:
                return None
            parts.append((part, indexed))
        return parts or None

    def _walk(
        self, cases: list[_Case], indexed: Indexed, plainly: list[ast.stmt], after: Sequence[ast.stmt] = ()
    ) -> list[ast.stmt]:
        """Goes through the cases that the indexes leave: those that are plain by constant, the others by code.

        `left` is a set of bits, the first case the highest; `after` follows unless the loop is broken.
        """
        sets = [self._criteria.left_by(index) for index in indexed.indexes]
        left = sets[0]
        for one in sets[1:]:
            left = ast.BinOp(left, ast.BitAnd(), one)
        coded: list[tuple[int, list[ast.stmt]]] = []
        plain: list[Any] = [None] * (len(cases) + 1)
        for place, (case, rest) in enumerate(zip(cases, indexed.rests, strict=True)):
            height = len(cases) - place
            if rest is None and case.plain is not None:
                plain[height] = case.plain
            else:
                coded.append((height, self._if(_Case(rest, case.body))))
        bits = [0, *(1 << n for n in range(len(cases)))]
        body = [assign("place", call(attribute_of(load("left"), "bit_length")))]
        if len(coded) < len(cases):
            body.append(unpack(("bit", "plain"), self._at(list(zip(bits, plain, strict=True)))))
        else:
            body.append(assign("bit", self._at(bits)))
        body.append(assign("left", ast.BinOp(load("left"), ast.BitXor(), load("bit"))))
        if not coded:
            body += plainly
        elif len(coded) == len(cases):
            body += _search(coded[::-1])
        else:
            body.append(ast.If(compare(load("plain"), ast.IsNot, NONE), plainly, _search(coded[::-1])))
        return [assign("left", left), ast.While(load("left"), body, list(after))]

    def _at(self, values: list[Any]) -> ast.expr:
        return ast.Subscript(self._table.name(tuple(values)), load("place"), ast.Load())


def _search(coded: list[tuple[int, list[ast.stmt]]]) -> list[ast.stmt]:
    """The code of a place, by halves; the places ascend."""
    if len(coded) == 1:
        return coded[0][1]
    half = len(coded) // 2
    test = compare(load("place"), ast.Lt, ast.Constant(coded[half][0]))
    return [ast.If(test, _search(coded[:half]), _search(coded[half:]))]
