"""A rule set as YAML: exported, imported and exported again it is the same bytes, and judges the same."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.judgement import judge
from openiwd.domain.rule_set import parse_document
from openiwd.usecases.rule_set import read_source, to_yaml
from tests.factories.rule_set import NOW, OFFICE, compiled, document, facts

# What people and programs write, and what YAML has a habit of reading as something else.
ODD = st.sampled_from(
    ["yes", "no", "on", "null", "~", "1:30", "12:30:45", "0x1F", "010", "1e3", ".5", "-", "=", "<<", "2026-05-01",
     "2026-05-01T08:00:00+02:00", "true", "# no comment", "a: b", "- a", "{a}", "[a]", "'quoted'", '"quoted"', "%TAG",
     "&a", "*a", "!tag", "|", ">", "a\nb", "a\n\nb\n", " leading", "trailing ", "tab\there", "ÄÖÜ ß €", "🛠", "\u2028",
     "\u0085", "\ufeffx", "x" * 200, ("word " * 60).strip(), "", "?", "@", "`", "a#b", "a #b", ":", "::", ",", "1_000"]
)  # fmt: skip
TEXT = st.one_of(
    ODD,
    st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
)
NAMES = TEXT.filter(lambda t: t.strip() != "" and "/" not in t and len(t) <= 200)
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,12}", fullmatch=True)
NUMBERS = st.one_of(
    st.integers(-(2**31), 2**31 - 1), st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 4))
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
CONDITIONS = st.one_of(
    st.builds(lambda v: {"attribute": "subject", "operator": "eq", "value": v}, TEXT),
    st.builds(
        lambda v: {"attribute": "subject", "operator": "contains", "value": v, "ignoreCase": True},
        TEXT.filter(bool),
    ),
    st.builds(lambda v: {"attribute": "data.amount", "operator": "ge", "value": v}, NUMBERS),
    st.builds(
        lambda v: {"attribute": "channel", "operator": "in", "value": v},
        st.lists(TEXT, min_size=1, max_size=3),
    ),
    st.just({"attribute": "createdDateTime", "operator": "before", "value": "2026-05-01T08:00:00+02:00"}),
    st.just({"attribute": "description", "operator": "isSet"}),
)
CRITERIA = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=4,
)
ACTIONS = st.one_of(
    st.builds(lambda n: {"raiseBusinessValue": n}, st.integers(-100, 100)),
    st.builds(lambda v: {"setAttribute": {"name": "data.note", "value": v}}, SCALARS),
    st.builds(lambda n: {"setDue": {"after": f"{n}h", "clock": "office"}}, st.integers(1, 40)),
    st.builds(lambda t: {"reject": t}, TEXT.filter(lambda t: 0 < len(t) <= 512)),
)
TESTS = st.lists(
    st.fixed_dictionaries(
        {"id": IDS},
        optional={
            "name": TEXT,
            "item": st.fixed_dictionaries({"data": st.dictionaries(TEXT, VALUES, max_size=3)}),
            "expect": st.fixed_dictionaries(
                {},
                optional={
                    "category": st.none() | TEXT,
                    "due": st.none() | st.just("2026-05-01T08:00:00+02:00"),
                    "priority": st.lists(
                        st.builds(lambda p: {"age": "4h", "priority": p}, NUMBERS), max_size=2
                    ),
                    "attributes": st.dictionaries(TEXT, VALUES, max_size=2),
                },
            ),
        },
    ),
    max_size=3,
    unique_by=lambda t: str(t["id"]),
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(IDS, min_size=1, max_size=4, unique=True))
    rules = [
        {
            "id": f"r{n}",
            "name": draw(TEXT),
            "when": draw(CRITERIA),
            "then": draw(st.lists(ACTIONS, max_size=2)),
        }
        for n in range(draw(st.integers(0, 3)))
    ]
    shown = draw(
        st.lists(
            NAMES.filter(lambda name: name != "All"), min_size=len(names), max_size=len(names), unique=True
        )
    )
    categories = [
        {"id": name, "name": told, "schema": "s", "queue": "q",
         "when": draw(CRITERIA), "attachedData": draw(st.dictionaries(TEXT, VALUES, max_size=2)),
         "description": draw(TEXT)}
        for name, told in zip(names, shown, strict=True)
    ]  # fmt: skip
    points = [
        {"age": "0h", "priority": draw(st.integers(0, 100))},
        {
            "age": draw(st.sampled_from(["4h", "90m", 7200])),
            "priority": draw(st.sampled_from([1.5, 200, 0.125])),
        },
    ]
    schema = {
        "id": "s",
        "name": draw(TEXT),
        "points": points,
        "valueWeight": draw(st.sampled_from([0, 1, 0.5, 0.1])),
    }
    return document(
        name=draw(TEXT),
        calendars=[{**OFFICE, "exceptions": [{"date": "2026-12-24", "hours": [], "name": draw(TEXT)}]}],
        schemas=[schema],
        rules=rules,
        categories=[*categories, {"id": "all-the-rest", "name": "All", "schema": "s", "queue": "q"}],
        tests=draw(TESTS),
    )


@settings(max_examples=50, deadline=None)
@given(documents())
def test_export_import_export_is_the_same_bytes(raw: dict[str, Any]) -> None:
    first = to_yaml(parse_document(raw))
    again = parse_document(read_source(first))
    assert to_yaml(again) == first
    assert again == parse_document(raw)


ITEMS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "subject": TEXT,
            "channel": TEXT,
            "description": TEXT,
            "data": st.fixed_dictionaries({}, optional={"amount": NUMBERS}),
        },
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=20, deadline=None)
@given(documents(), ITEMS)
def test_what_was_exported_and_imported_judges_the_same(
    raw: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    before = compiled(raw)
    after = compiled(msgspec.to_builtins(parse_document(read_source(to_yaml(parse_document(raw))))))
    for values in items:
        assert judge(before, facts(**values), NOW, {}) == judge(after, facts(**values), NOW, {})
