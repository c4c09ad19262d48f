"""Random rule sets and items, and an interpreter that reads the document itself, slowly and plainly."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from openiwd.domain.judgement import Facts, Outcome
from tests.factories.rule_set import document, facts

DECLARED = [
    {"name": "text"},
    {"name": "amount", "type": "decimal"},
    {"name": "flag", "type": "boolean"},
    {"name": "day", "type": "date"},
    {"name": "items", "type": "list"},
]
TYPES = {
    "subject": "text",
    "channel": "text",
    "businessValue": "number",
    "ext.customerSegment": "text",
    "tags": "list",
    "data.text": "text",
    "data.amount": "decimal",
    "data.flag": "boolean",
    "data.day": "date",
    "data.items": "list",
    "data.free": None,
    "data.o.x": None,
    "createdDateTime": "date",
    "contact.language": "text",
}
WORDS = ("a", "A", "ab", "b", "straße", "")
DAYS = ("2026-03-04T10:00:00Z", "2026-03-04", "2026-03-05T09:00:00+02:00")


class Wrong(Exception):  # noqa: N818 - the interpreter's word for a rule error
    """Raised with the path of the condition."""


def natural(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "object"


def as_type(value: Any, wanted: str, path: str) -> Any:
    kind = natural(value)
    if wanted == "date" and kind == "text":
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise Wrong(path) from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if wanted == "decimal" and kind == "number":
        return Decimal(str(value))
    if wanted == "decimal" and kind == "text" and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return Decimal(value)
    if kind != wanted or wanted in ("date", "decimal"):
        raise Wrong(path)
    return value


def fetch(item: dict[str, Any], name: str) -> Any:
    value: Any = item
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def interpret(c: dict[str, Any], item: dict[str, Any], path: str) -> bool:
    if "all" in c:
        return all(interpret(part, item, f"{path}.all[{i}]") for i, part in enumerate(c["all"]))
    if "any" in c:
        return any(interpret(part, item, f"{path}.any[{i}]") for i, part in enumerate(c["any"]))
    if "not" in c:
        return not interpret(c["not"], item, f"{path}.not")
    name, operator, wanted = c["attribute"], c["operator"], c.get("value")
    value = fetch(item, name)
    if operator in ("isSet", "isNotSet"):
        return bool(value not in (None, "", [])) is (operator == "isSet")
    if isinstance(wanted, dict):
        wanted = fetch(item, wanted["attribute"])
        if wanted is None:
            return operator in ("ne", "notIn")
    if value is None:
        return operator in ("ne", "notIn")
    return compare(value, operator, wanted, TYPES[name], path, fold=c.get("ignoreCase", False))


def compare(value: Any, operator: str, wanted: Any, kind: str | None, path: str, *, fold: bool) -> bool:
    def cased(x: Any) -> Any:
        return x.casefold() if fold and isinstance(x, str) else x

    if operator == "contains":
        if kind != "text" and natural(value) == "list":
            return any(natural(e) == natural(wanted) and cased(e) == cased(wanted) for e in value)
        if kind == "list" or natural(value) != "text" or natural(wanted) != "text":
            raise Wrong(path)
        return bool(cased(wanted) in cased(value))
    if operator in ("in", "notIn"):
        kind = kind or natural(wanted[0])
        left = as_type(value, kind, path)
        return (cased(left) in [cased(as_type(w, kind, path)) for w in wanted]) == (operator == "in")
    if operator in ("startsWith", "endsWith", "matches"):
        text = as_type(value, "text", path)
        if operator == "matches":
            return re.search(wanted, text, re.IGNORECASE if fold else 0) is not None
        return bool(
            (str.startswith if operator == "startsWith" else str.endswith)(cased(text), cased(wanted))
        )
    if operator in ("before", "after"):
        kind = "date"
    if operator == "between":
        kind = kind or natural(wanted[0])
        low, high = (as_type(w, kind, path) for w in wanted)
        return bool(low <= as_type(value, kind, path) <= high)
    kind = kind or natural(wanted)
    left, right = cased(as_type(value, kind, path)), cased(as_type(wanted, kind, path))
    operations: dict[str, Callable[[Any, Any], bool]] = {
        "eq": lambda a, b: a == b,
        "ne": lambda a, b: a != b,
        "lt": lambda a, b: a < b,
        "before": lambda a, b: a < b,
        "le": lambda a, b: a <= b,
        "gt": lambda a, b: a > b,
        "after": lambda a, b: a > b,
        "ge": lambda a, b: a >= b,
    }
    return operations[operator](left, right)


texts, numbers, booleans = st.sampled_from(WORDS), st.sampled_from((0, 1, 2, 1.5, 0.1)), st.booleans()
CONSTANTS: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "number": numbers,
    "decimal": numbers,
    "boolean": booleans,
    "date": st.sampled_from(DAYS),
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(TYPES)))
    declared = TYPES[name]
    kind = declared or draw(st.sampled_from(("text", "number", "boolean")))
    operators = ["isSet", "isNotSet"]
    if kind == "list":
        operators += ["contains"] * 3
    else:
        operators += ["eq", "ne", "in", "notIn"]
    if kind == "text":
        operators += ["contains", "startsWith", "endsWith", "matches"]
    if kind in ("number", "decimal", "date"):
        operators += ["lt", "le", "gt", "ge", "between"]
    if kind == "date":
        operators += ["before", "after"]
    operator = draw(st.sampled_from(operators))
    condition: dict[str, Any] = {"attribute": name, "operator": operator}
    if operator in ("isSet", "isNotSet"):
        return condition
    constants = CONSTANTS.get(kind, st.one_of(texts, numbers, booleans))
    if operator in ("in", "notIn"):
        condition["value"] = draw(st.lists(constants, min_size=1, max_size=3))
    elif operator == "between":
        condition["value"] = [draw(constants), draw(constants)]
    elif operator == "matches":
        condition["value"] = draw(st.sampled_from(("a", "^a$", "A|b", "^$")))
    else:
        condition["value"] = draw(constants)
        same = [n for n, t in TYPES.items() if t == declared and t is not None and t != "list"]
        if same and operator in ("eq", "ne", "lt", "before") and draw(st.booleans()):
            condition["value"] = {"attribute": draw(st.sampled_from(same))}
    if kind in ("text", "list") and draw(st.booleans()):
        condition["ignoreCase"] = True
    return condition


criteria: st.SearchStrategy[dict[str, Any]] = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=4,
)
anything = st.one_of(st.none(), texts, numbers, booleans, st.sampled_from(DAYS), st.lists(texts, max_size=2))
right = st.fixed_dictionaries(
    {},
    optional={
        "text": st.one_of(st.none(), texts),
        "amount": st.one_of(numbers, st.just("0.10")),
        "flag": booleans,
        "day": st.sampled_from(DAYS),
        "items": st.lists(st.one_of(texts, numbers, booleans), max_size=3),
        "free": anything,
        "o": st.one_of(texts, st.fixed_dictionaries({}, optional={"x": anything})),
    },
)
wrong = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("text", "amount", "flag", "day", "items", "free"), anything)
)


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "subject": draw(st.one_of(st.none(), texts)),
        "channel": draw(st.one_of(st.none(), texts)),
        "businessValue": draw(st.integers(0, 2)),
        "tags": draw(st.lists(texts, max_size=2)),
        "ext": draw(st.fixed_dictionaries({}, optional={"customerSegment": texts})),
        "data": draw(st.one_of(right, right, wrong)),
        "contact": draw(st.one_of(st.none(), st.fixed_dictionaries({}, optional={"language": texts}))),
        "createdDateTime": DAYS[0],
    }


ACTIONS = st.sampled_from(
    [
        {"raiseBusinessValue": 1},
        {"setBusinessValue": {"attribute": "data.free"}},
        {"setAttribute": {"name": "data.free", "value": "ab"}},
        {"setAttribute": {"name": "data.o.x", "value": 1}},
        {"setAttribute": {"name": "data.o", "value": {"x": 1}}},
        {"setAttribute": {"name": "data.o", "value": "a"}},
        {"setAttribute": {"name": "data.text", "value": {"attribute": "data.free"}}},
        {"setAttribute": {"name": "ext.customerSegment", "value": "b"}},
        {"reject": "no"},
    ]
)
one_rule = st.tuples(st.none() | criteria, st.lists(ACTIONS, max_size=2))
rules = st.lists(one_rule, max_size=4)
trees = st.recursive(
    st.tuples(st.none() | criteria, st.just([])),
    lambda inner: st.tuples(st.none() | criteria, st.lists(inner, max_size=3)),
    max_leaves=5,
)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """A decision table; a column asks one attribute in one way, and a cell gives the value or says any."""
    columns = draw(st.lists(conditions().filter(lambda c: "value" in c), min_size=1, max_size=3))
    rows = [
        {
            "when": [draw(st.one_of(st.none(), st.just(c["value"]), cells(c))) for c in columns],
            "then": draw(st.lists(ACTIONS, max_size=1)),
        }
        for _ in range(draw(st.integers(1, 6)))
    ]
    return {"columns": [{k: v for k, v in c.items() if k != "value"} for c in columns], "rows": rows}


def cells(column: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Another value of the kind that the column compares with."""
    value = column["value"]
    if isinstance(value, list | dict) or column["operator"] == "matches":
        return st.just(value)
    kind = TYPES[column["attribute"]] or natural(value)
    return CONSTANTS.get(kind, st.just(value))


class Rejected(Exception):  # noqa: N818 - not an error either
    pass


def act(action: dict[str, Any], item: dict[str, Any], path: str) -> None:
    ((name, what),) = action.items()
    if name == "reject":
        raise Rejected
    if name == "raiseBusinessValue":
        item["businessValue"] += what
    elif name == "setBusinessValue":
        value = fetch(item, what["attribute"])
        if value is not None:
            if natural(value) != "number" or isinstance(value, float):
                raise Wrong(path)
            item["businessValue"] = value
    else:
        value = what["value"]
        if isinstance(value, dict) and set(value) == {"attribute"}:
            value = fetch(item, value["attribute"])
            if value is None:
                return
            if natural(value) != "text":
                raise Wrong(path)
        root, *keys = what["name"].split(".")
        node = item[root] = dict(item[root])
        for key in keys[:-1]:
            node[key] = dict(node[key]) if isinstance(node.get(key), dict) else {}
            node = node[key]
        node[keys[-1]] = value


def row_holds(table: dict[str, Any], when: list[Any], item: dict[str, Any], path: str) -> bool:
    return all(
        cell is None or interpret({**column, "value": cell}, item, f"{path}.when[{j}]")
        for j, (column, cell) in enumerate(zip(table["columns"], when, strict=True))
    )


def expected(
    all_rules: list[Any], all_tables: list[Any], tree: list[Any], item: dict[str, Any]
) -> tuple[Any, ...]:
    """(outcome, rules that acted, category path or path of the error, business value)."""
    acted: list[str] = []
    start = item["businessValue"]
    try:
        for i, (when, then) in enumerate(all_rules):
            if when is None or interpret(when, item, f"rules[{i}].when"):
                acted.append(f"r{i}")
                for j, action in enumerate(then):
                    act(action, item, f"rules[{i}].then[{j}]")
        for t, table in enumerate(all_tables):
            for i, row in enumerate(table["rows"]):
                at = f"decisionTables[{t}].rows[{i}]"
                if row_holds(table, row["when"], item, at):
                    acted.append(f"t{t}[{i + 1}]")
                    for j, action in enumerate(row["then"]):
                        act(action, item, f"{at}.then[{j}]")
                    break
        place, path, siblings, base = "", "", tree, "categories"
        while True:
            for k, (when, children) in enumerate(siblings):
                if when is None or interpret(when, item, f"{base}[{k}].when"):
                    path, place = (f"{path}/C{k}" if path else f"C{k}"), f"{base}[{k}]"
                    siblings, base = children, f"{place}.children"
                    break
            else:
                break
    except Rejected:
        return Outcome.REJECTED, tuple(acted), None, item["businessValue"]
    except Wrong as error:
        return Outcome.ERRORHELD, tuple(acted), str(error), start
    if not path:
        return Outcome.ERRORHELD, tuple(acted), "no category", start
    return Outcome.CLASSIFIED, tuple(acted), path, item["businessValue"]


def as_document(all_rules: list[Any], all_tables: list[Any], tree: list[Any]) -> dict[str, Any]:
    counter = iter(range(10_000))

    def node(when: Any, children: list[Any], place: int) -> dict[str, Any]:
        config = {"id": f"n{next(counter)}", "name": f"C{place}", "schema": "s", "queue": "q"}
        if when is not None:
            config["when"] = when
        return {**config, "children": [node(w, c, k) for k, (w, c) in enumerate(children)]}

    return document(
        attributes=DECLARED,
        rules=[
            {"id": f"r{i}", "then": then} | ({} if when is None else {"when": when})
            for i, (when, then) in enumerate(all_rules)
        ],
        decisionTables=[{"id": f"t{t}", **table} for t, table in enumerate(all_tables)],
        categories=[node(when, children, k) for k, (when, children) in enumerate(tree)],
    )


def as_facts(item: dict[str, Any]) -> Facts:
    return facts(
        subject=item["subject"],
        channel=item["channel"],
        business_value=item["businessValue"],
        tags=item["tags"],
        ext=item["ext"],
        data=item["data"],
        contact=item["contact"],
    )
