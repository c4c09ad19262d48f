"""Turns the checked rules and categories of a rule set into one Python function, built as a syntax tree.

No text of a user becomes code: constants lie in a table of generated names. The variant `quick` checks types
once per item and compares in line; `careful` asks each condition in full, to raise the error of the right one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC
from types import CodeType, FunctionType
from typing import Any, Final

from openiwd.domain.action import BUSINESS_VALUE, DUE
from openiwd.domain.attribute import (
    BAD,
    Attribute,
    Family,
    Root,
    dig,
    overlap,
    overlay,
    read_decimal,
    read_instant,
)
from openiwd.domain.condition import (
    PRESENCE,
    AllOf,
    AnyOf,
    Condition,
    Criterion,
    Moment,
    NotOf,
    Operator,
    holds,
)
from openiwd.domain.instant import from_micros
from openiwd.domain.program import CompiledRule, Node, Program
from openiwd.domain.syntax import NONE, all_of, assign, attribute_of, call, compare, load, member, presence

NOWHERE: Final = -1
REJECTED: Final = -2

Decide = Callable[[Any, int, Any, int, int], int]
"""(facts, now, verdict, named, fallback) → index of the category, NOWHERE or REJECTED.

`named` is the index of the category that the source has named and that is believed, `fallback` that of the
default category; NOWHERE for none. Runs the actions on the verdict. Raises RuleError.
"""


HAND_OVER: Final = call(load("careful"), *(load(p) for p in ("facts", "now", "verdict", "named", "fallback")))
_PLAIN_TYPES: Final[dict[Family, tuple[type, ...]]] = {
    Family.TEXT: (str,),
    Family.INTEGER: (int,),
    Family.NUMBER: (int, float),
    Family.BOOLEAN: (bool,),
    Family.LIST: (list,),
}
_COMPARISONS: Final[dict[Operator, type[ast.cmpop]]] = {
    Operator.LT: ast.Lt,
    Operator.LE: ast.LtE,
    Operator.GT: ast.Gt,
    Operator.GE: ast.GtE,
    Operator.BEFORE: ast.Lt,
    Operator.AFTER: ast.Gt,
}
_EVERYWHERE: Final[dict[Operator, type[ast.cmpop]]] = {
    Operator.EQ: ast.Eq,
    Operator.NE: ast.NotEq,
    Operator.IN: ast.In,
    Operator.NOT_IN: ast.NotIn,
}
"""Operators that already say the right thing of None: a missing value equals nothing and is in no list."""


def compile_program(program: Program) -> Decide:
    """The function of a rule set version."""
    table = _Table()
    careful = _Writer(program, table, quick=False).function("careful")
    quick = _Writer(program, table, quick=True).function("quick")
    names = table.values
    names["careful"] = FunctionType(_code(careful), names)
    return FunctionType(_code(quick), names)


def syntax_tree(program: Program) -> list[ast.FunctionDef]:
    """The trees of both variants, for inspection."""
    table = _Table()
    return [
        _Writer(program, table, quick=False).function("careful"),
        _Writer(program, table, quick=True).function("quick"),
    ]


def _code(function: ast.FunctionDef) -> CodeType:
    module = ast.fix_missing_locations(ast.Module(body=[function], type_ignores=[]))
    code = compile(module, "<rule set>", "exec", dont_inherit=True, optimize=0)
    return next(c for c in code.co_consts if isinstance(c, CodeType))


class _Table:
    """The global names of the generated function: K0, K1, … and nothing else, no builtins either."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"__builtins__": {}}
        self._known: dict[int, str] = {}

    def name(self, value: Any) -> ast.expr:
        key = id(value)
        name = self._known.get(key)
        if name is None:
            name = self._known[key] = f"K{len(self.values)}"
            self.values[name] = value  # also keeps it alive, so that its id stays its own
        return load(name)


class _Writer:
    """Writes one variant of the function."""

    def __init__(self, program: Program, table: _Table, *, quick: bool) -> None:
        self._program = program
        self._table = table
        self._quick = quick
        rules = program.all_rules()
        conditions = program.all_conditions()
        self._zone = conditions[0].zone if conditions else UTC
        actions = [action for rule in rules for action in rule.actions]
        read_by_action = [a for action in actions for a in action.reads]
        read_raw = [c.attribute for c in conditions] + [r.attribute for c in conditions for r in c.refs]
        self._written = {a.name: a for action in actions for a in action.writes}
        attributes = {a.name: a for a in [*read_raw, *read_by_action]}
        self._numbers = {name: i for i, name in enumerate(attributes)}
        self._attributes = attributes
        self._forms = {name: self._form(a, conditions) for name, a in attributes.items()} if quick else {}
        self._folded = {
            c.attribute.name
            for c in conditions
            if c.ignore_case and self._forms.get(c.attribute.name) is Family.TEXT
        }
        inline = {id(c) for c in conditions if self._inlined(c)}
        full = [c for c in conditions if id(c) not in inline]
        self._raw = {
            a.name
            for a in [
                *read_by_action,
                *(c.attribute for c in full),
                *(r.attribute for c in full for r in c.refs),
            ]
        }

    def function(self, name: str) -> ast.FunctionDef:
        used = {a.root for a in self._attributes.values()}
        roots = [r.value for r in (Root.EXT, Root.DATA, Root.CONTACT) if r in used]
        body: list[ast.stmt] = [assign(root, member("facts", root)) for root in roots]
        for attribute in self._attributes.values():
            body += self._fetch(attribute)
        for rule in self._program.rules:
            body += self._rule(rule)
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
        parameters = [ast.arg(arg=p) for p in ("facts", "now", "verdict", "named", "fallback")]
        arguments = ast.arguments(posonlyargs=parameters, args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        return ast.FunctionDef(name=name, args=arguments, body=body, decorator_list=[], returns=None)

    def _form(self, attribute: Attribute, conditions: list[Condition]) -> Family | None:
        """The one family in which all conditions compare the attribute; None = decide at each condition."""
        if attribute.name in self._written and attribute.root is not Root.ITEM:
            return None
        own = [c for c in conditions if c.attribute.name == attribute.name]
        if not own:
            return None
        families = {c.family for c in own if c.operator not in PRESENCE} or {attribute.family}
        family = families.pop()
        return None if families or family is Family.ANY else family

    def _inlined(self, c: Condition) -> bool:
        form = self._forms.get(c.attribute.name)
        if form is None or c.refs or c.clock is not None:
            return False
        return form is not Family.LIST or (
            c.operator in PRESENCE or (not c.ignore_case and isinstance(c.operands[0], str))
        )

    def _raw_name(self, attribute: Attribute) -> str:
        return f"a{self._numbers[attribute.name]}"

    def _form_name(self, attribute: Attribute) -> str:
        """The local that holds the value in comparable form."""
        form = self._forms.get(attribute.name)
        number = self._numbers[attribute.name]
        return f"f{number}" if form in (Family.INSTANT, Family.DECIMAL) else f"a{number}"

    def _fetch(self, attribute: Attribute) -> list[ast.stmt]:
        raw, name = self._raw_name(attribute), attribute.name
        form = self._forms.get(name)
        if attribute.family is Family.INSTANT and attribute.root in (Root.ITEM, Root.NOW):
            return self._fetch_instant(attribute)
        statements: list[ast.stmt] = [assign(raw, self._value(attribute))]
        if form in (Family.INSTANT, Family.DECIMAL):
            compared = self._form_name(attribute)
            if form is Family.DECIMAL:
                reading = call(self._table.name(read_decimal), load(raw))
            else:
                reading = call(self._table.name(read_instant), load(raw), self._table.name(self._zone))
            statements.append(assign(compared, reading))
            bad = compare(load(compared), ast.Is, self._table.name(BAD))
            statements.append(ast.If(bad, [ast.Return(HAND_OVER)], []))
        elif form is not None and attribute.root is not Root.ITEM:
            statements.append(self._type_check(raw, _PLAIN_TYPES[form]))
        if name in self._folded:
            folded = ast.IfExp(
                compare(load(raw), ast.Is, NONE), NONE, call(attribute_of(load(raw), "casefold"))
            )
            statements.append(assign(f"c{self._numbers[name]}", folded))
        return statements

    def _fetch_instant(self, attribute: Attribute) -> list[ast.stmt]:
        """Instants of the item itself are microseconds; a datetime is made only where somebody needs one."""
        source = load("now") if attribute.root is Root.NOW else member("facts", attribute.keys[0])
        form = f"f{self._numbers[attribute.name]}"
        statements: list[ast.stmt] = [assign(form, source)]
        if attribute.name in self._raw:
            statements.append(assign(self._raw_name(attribute), self._moment(form)))
        return statements

    def _moment(self, name: str) -> ast.expr:
        made = call(self._table.name(from_micros), load(name))
        return ast.IfExp(compare(load(name), ast.Is, NONE), NONE, made)

    def _type_check(self, raw: str, types: tuple[type, ...]) -> ast.stmt:
        kind = attribute_of(load(raw), "__class__")
        strange = [compare(kind, ast.IsNot, self._table.name(t)) for t in types]
        test = ast.BoolOp(ast.And(), [compare(load(raw), ast.IsNot, NONE), *strange])
        return ast.If(test, [ast.Return(HAND_OVER)], [])

    def _value(self, attribute: Attribute) -> ast.expr:
        root, keys = attribute.root, attribute.keys
        if root is Root.ITEM:
            return member("facts", keys[0])
        if len(keys) > 1:
            return call(self._table.name(dig), load(root.value), self._table.name(keys))
        getting = call(attribute_of(load(root.value), "get"), self._table.name(keys[0]))
        if root is Root.CONTACT:
            return ast.IfExp(compare(load("contact"), ast.Is, NONE), NONE, getting)
        return getting

    def _test(self, criterion: Criterion) -> ast.expr:
        match criterion:
            case AllOf():
                return all_of([self._test(part) for part in criterion.parts])
            case AnyOf():
                parts = [self._test(part) for part in criterion.parts]
                return parts[0] if len(parts) == 1 else ast.BoolOp(ast.Or(), parts)
            case NotOf():
                return ast.UnaryOp(ast.Not(), self._test(criterion.part))
            case Condition():
                return self._in_line(criterion) if self._inlined(criterion) else self._in_full(criterion)

    def _in_full(self, c: Condition) -> ast.expr:
        others = ast.Tuple([load(self._raw_name(r.attribute)) for r in c.refs], ast.Load())
        raw = load(self._raw_name(c.attribute))
        return call(self._table.name(holds), self._table.name(c), raw, others, load("now"))

    def _in_line(self, c: Condition) -> ast.expr:
        form = self._forms[c.attribute.name]
        local = self._form_name(c.attribute)
        if c.operator in PRESENCE:
            return presence(
                local, wanted=c.operator is Operator.IS_SET, truth=form in (Family.TEXT, Family.LIST)
            )
        if c.operator is Operator.MATCHES:
            found = compare(call(self._table.name(c.pattern), load(local)), ast.IsNot, NONE)
            return all_of([compare(load(local), ast.IsNot, NONE), found])
        if c.ignore_case:
            local = f"c{self._numbers[c.attribute.name]}"
        operands = [self._operand(o) for o in c.operands]
        if c.operator in _EVERYWHERE:
            return compare(load(local), _EVERYWHERE[c.operator], operands[0])
        if c.operator is Operator.BETWEEN:
            test: ast.expr = ast.Compare(operands[0], [ast.LtE(), ast.LtE()], [load(local), operands[1]])
        elif c.operator is Operator.CONTAINS:
            test = compare(operands[0], ast.In, load(local))
        elif c.operator is Operator.STARTS_WITH:
            test = call(attribute_of(load(local), "startswith"), operands[0])
        elif c.operator is Operator.ENDS_WITH:
            test = call(attribute_of(load(local), "endswith"), operands[0])
        elif c.operator is Operator.OLDER_THAN:
            test = compare(ast.BinOp(load("now"), ast.Sub(), load(local)), ast.Gt, operands[0])
        else:
            test = compare(load(local), _COMPARISONS[c.operator], operands[0])
        return all_of([compare(load(local), ast.IsNot, NONE), test])

    def _operand(self, operand: Any) -> ast.expr:
        if isinstance(operand, Moment):
            return ast.BinOp(load("now"), ast.Add(), self._table.name(operand.offset))
        return self._table.name(operand)

    def _rule(self, rule: CompiledRule) -> list[ast.stmt]:
        body = self._deeds(rule)
        return body if rule.criterion is None else [ast.If(self._test(rule.criterion), body, [])]

    def _deeds(self, rule: CompiledRule) -> list[ast.stmt]:
        acted = attribute_of(attribute_of(load("verdict"), "acted"), "append")
        body: list[ast.stmt] = [ast.Expr(call(acted, self._table.name(rule.id)))]
        for action in rule.actions:
            values = ast.Tuple([load(self._raw_name(a)) for a in action.reads], ast.Load())
            body.append(ast.Expr(call(self._table.name(action.run), load("verdict"), values)))
            if action.rejects:
                body.append(ast.Return(self._table.name(REJECTED)))
                break
            for written in action.writes:
                body += self._refresh(written)
        return body

    def _refresh(self, written: Attribute) -> list[ast.stmt]:
        """The locals that an action may have changed, read anew."""
        if written.name == BUSINESS_VALUE:
            if BUSINESS_VALUE not in self._attributes:
                return []
            return [assign(self._raw_name(written), member("verdict", "business_value"))]
        if written.name == DUE:
            if DUE not in self._attributes:
                return []
            form = f"f{self._numbers[DUE]}"
            statements: list[ast.stmt] = [assign(form, member("verdict", "due_at"))]
            if DUE in self._raw:
                statements.append(assign(self._raw_name(written), self._moment(form)))
            return statements
        changes = []
        for read in self._attributes.values():
            if read.root is written.root and overlap(read.keys, written.keys):
                raw = self._raw_name(read)
                overlaid = call(
                    self._table.name(overlay),
                    load(raw),
                    self._table.name(read),
                    self._table.name(written),
                    member("verdict", "set_attributes"),
                )
                changes.append(assign(raw, overlaid))
        return list(changes)

    def _decision_table(self, rows: tuple[CompiledRule, ...]) -> list[ast.stmt]:
        """A loop that never loops: leaving it is how the first matching row ends the table."""
        body: list[ast.stmt] = []
        for row in rows:
            deeds = [*self._deeds(row), ast.Break()]
            body += deeds if row.criterion is None else [ast.If(self._test(row.criterion), deeds, [])]
        return [ast.While(ast.Constant(True), [*body, ast.Break()], [])] if rows else []

    def _tree(self, nodes: tuple[Node, ...]) -> list[ast.stmt]:
        """Siblings in order: the first that matches is entered and never left again."""
        body: list[ast.stmt] = []
        for node in nodes:
            if node.archived:
                continue
            inner = [s for rule in node.rules for s in self._rule(rule)]
            inner += self._tree(node.children)
            inner.append(ast.Return(ast.Constant(node.index)))
            if node.criterion is None:
                return body + inner
            body.append(ast.If(self._test(node.criterion), inner, []))
        return body

    def _chain(self, nodes: tuple[Node, ...], chosen: str) -> list[ast.stmt]:
        """The rules of a category that is known already, and of its parents, the topmost first."""
        body: list[ast.stmt] = []
        for node in nodes:
            inner = [s for rule in node.rules for s in self._rule(rule)]
            inner += self._chain(node.children, chosen)
            if inner:
                low, high = ast.Constant(node.index), ast.Constant(node.last)
                test = ast.Compare(low, [ast.LtE(), ast.LtE()], [load(chosen), high])
                body.append(ast.If(test, inner, []))
        return body
