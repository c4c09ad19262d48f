"""Writes criteria, and the reading of what they ask, as code of the generated function.

The variant `quick` checks types once per item and compares in line; `careful` asks each condition in full, to
raise the error of the right one. Text of a user enters as a constant of the table, never as code.
"""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from datetime import UTC
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
    EMPTY,
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
from openiwd.domain.program import Program
from openiwd.domain.rule_index import ByAnswer, ByRange, ByValue, Index, Place, Settled
from openiwd.domain.syntax import (
    NONE,
    ConstantTable,
    all_of,
    assign,
    attribute_of,
    call,
    compare,
    load,
    member,
    presence,
)

PARAMETERS: Final = ("facts", "now", "verdict", "named", "fallback")
HAND_OVER: Final = call(load("careful"), *(load(p) for p in PARAMETERS))
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


class CriteriaCode:
    """The expressions and statements of one variant."""

    def __init__(self, program: Program, table: ConstantTable, *, quick: bool) -> None:
        self._table = table
        self._quick = quick
        conditions = program.all_conditions()
        self._zone = conditions[0].zone if conditions else UTC
        actions = [action for rule in program.all_rules() for action in rule.actions]
        read_by_action = [a for action in actions for a in action.reads]
        read_raw = [c.attribute for c in conditions] + [r.attribute for c in conditions for r in c.refs]
        self._written = {a.name: a for action in actions for a in action.writes}
        self._attributes = {a.name: a for a in [*read_raw, *read_by_action]}
        self._numbers = {name: i for i, name in enumerate(self._attributes)}
        self._forms: dict[str, Family | None] = {}
        if quick:
            self._forms = {name: self._form(a, conditions) for name, a in self._attributes.items()}
        self._folded = {
            c.attribute.name
            for c in conditions
            if c.ignore_case and self._forms.get(c.attribute.name) is Family.TEXT
        }
        raw = [c for c in conditions if not self._inlined(c) or self._forms[c.attribute.name] is None]
        self._raw = {
            a.name
            for a in [
                *read_by_action,
                *(c.attribute for c in raw),
                *(r.attribute for c in raw for r in c.refs),
            ]
        }

    def fetched(self) -> list[ast.stmt]:
        """Reads every attribute that anybody asks for, once; quick hands over where a type is not the right one."""
        used = {a.root for a in self._attributes.values()}
        roots = [r.value for r in (Root.EXT, Root.DATA, Root.CONTACT) if r in used]
        fetches = [s for attribute in self._attributes.values() for s in self._fetch(attribute)]
        return [*(assign(root, member("facts", root)) for root in roots), *fetches]

    def raw_value(self, attribute: Attribute) -> ast.expr:
        """The value as actions get it."""
        return load(self._raw_name(attribute))

    def settled(self, c: Condition) -> Settled | None:
        """What an index may rely on; None where asking may raise an error."""
        if not self._inlined(c):
            return None
        return Settled(self._forms[c.attribute.name], self._steady(c.attribute))

    def left_by(self, index: Index) -> ast.expr:
        """The set of rules that an index leaves of the item."""
        match index:
            case ByValue():
                local = self._compared(index.attribute, folded=index.folded)
                getting = attribute_of(self._table.name(index.sets), "get")
                return call(getting, load(local), self._table.name(index.other))
            case ByRange():
                value = load(self._form_name(index.attribute))
                found = ast.Subscript(self._table.name(index.sets), self._place(index, value), ast.Load())
                return ast.IfExp(compare(value, ast.Is, NONE), self._table.name(index.missing), found)
            case ByAnswer():
                answer = self._in_line(index.condition)
                return ast.IfExp(answer, self._table.name(index.yes), self._table.name(index.no))

    def _place(self, index: ByRange, value: ast.expr) -> ast.expr:
        bounds = self._table.name(index.bounds)
        below = call(self._table.name(bisect_left), bounds, value)
        not_above = call(self._table.name(bisect_right), bounds, value)
        match index.place:
            case Place.BELOW:
                return below
            case Place.NOT_ABOVE:
                return not_above
            case Place.BOTH:
                return ast.BinOp(below, ast.Add(), not_above)

    def _steady(self, attribute: Attribute) -> bool:
        """Whether no rule changes the attribute, or anything on the way to it."""
        return not any(
            w.root is attribute.root and overlap(w.keys, attribute.keys) for w in self._written.values()
        )

    def _form(self, attribute: Attribute, conditions: list[Condition]) -> Family | None:
        """The one family in which all conditions compare the attribute; None = decide at each condition."""
        if attribute.root is not Root.ITEM and not self._steady(attribute):
            return None
        own = [c for c in conditions if c.attribute.name == attribute.name]
        if not own:
            return None
        families = {c.family for c in own if c.operator not in PRESENCE} or {attribute.family}
        family = families.pop()
        return None if families or family is Family.ANY else family

    def _inlined(self, c: Condition) -> bool:
        form = self._forms.get(c.attribute.name)
        if self._quick and c.operator in PRESENCE:
            return True
        if form is None or c.refs or c.clock is not None:
            return False
        return form is not Family.LIST or (not c.ignore_case and isinstance(c.operands[0], str))

    def _raw_name(self, attribute: Attribute) -> str:
        return f"a{self._numbers[attribute.name]}"

    def _form_name(self, attribute: Attribute) -> str:
        """The local that holds the value in comparable form."""
        form = self._forms.get(attribute.name)
        number = self._numbers[attribute.name]
        return f"f{number}" if form in (Family.INSTANT, Family.DECIMAL) else f"a{number}"

    def _compared(self, attribute: Attribute, *, folded: bool) -> str:
        return f"c{self._numbers[attribute.name]}" if folded else self._form_name(attribute)

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
        """Hands over unless the value is of the types or missing, and equal to itself (not a number is not).

        Most values are there and of the first type: that is asked first.
        """
        kind = attribute_of(load(raw), "__class__")
        tests: list[ast.expr] = []
        for one in types:
            strange = compare(kind, ast.IsNot, self._table.name(one))
            if one is float:
                strange = ast.BoolOp(ast.Or(), [strange, compare(load(raw), ast.NotEq, load(raw))])
            tests.append(strange)
        tests.insert(1, compare(load(raw), ast.IsNot, NONE))
        return ast.If(all_of(tests), [ast.Return(HAND_OVER)], [])

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

    def test(self, criterion: Criterion) -> ast.expr:
        match criterion:
            case AllOf():
                return all_of([self.test(part) for part in criterion.parts])
            case AnyOf():
                parts = [self.test(part) for part in criterion.parts]
                return parts[0] if len(parts) == 1 else ast.BoolOp(ast.Or(), parts)
            case NotOf():
                return ast.UnaryOp(ast.Not(), self.test(criterion.part))
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
            wanted = c.operator is Operator.IS_SET
            if form is None:
                return self._filled(c.attribute, wanted=wanted)
            return presence(local, wanted=wanted, truth=form in (Family.TEXT, Family.LIST))
        if c.operator is Operator.MATCHES:
            found = compare(call(self._table.name(c.pattern), load(local)), ast.IsNot, NONE)
            return all_of([compare(load(local), ast.IsNot, NONE), found])
        local = self._compared(c.attribute, folded=c.ignore_case)
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

    def _filled(self, attribute: Attribute, *, wanted: bool) -> ast.expr:
        """Whether a value of any type is set, or is not."""
        raw, empty = self.raw_value(attribute), self._table.name(EMPTY)
        if wanted:
            return all_of([compare(raw, ast.IsNot, NONE), compare(raw, ast.NotIn, empty)])
        return ast.BoolOp(ast.Or(), [compare(raw, ast.Is, NONE), compare(raw, ast.In, empty)])

    def _operand(self, operand: Any) -> ast.expr:
        if isinstance(operand, Moment):
            return ast.BinOp(load("now"), ast.Add(), self._table.name(operand.offset))
        return self._table.name(operand)

    def refreshed(self, written: Attribute) -> list[ast.stmt]:
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
