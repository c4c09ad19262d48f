from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from openiwd.domain.judgement import Judgement, Outcome, judge
from openiwd.domain.rule_index import MAX_RULES
from tests.factories.rule_set import NOW, compiled, document, facts


def on(attribute: str, operator: str, value: Any) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, "value": value}


def judged_twice(raw: dict[str, Any], **values: Any) -> Judgement:
    """By the quick variant; the careful one, which asks each rule, must judge alike."""
    version = compiled(raw)
    generated: Any = version.decide
    result = judge(version, facts(**values), NOW, {})
    careful = structs.replace(version, decide=generated.__globals__["careful"])
    assert result == judge(careful, facts(**values), NOW, {})
    return result


def constants(raw: dict[str, Any]) -> list[Any]:
    generated: Any = compiled(raw).decide
    return list(generated.__globals__.values())


def rules(*criteria: dict[str, Any]) -> dict[str, Any]:
    return document(rules=[{"id": f"r{n}", "when": when} for n, when in enumerate(criteria)])


RANGES = [
    on("data.n", "gt", 5),
    on("data.n", "ge", 5),
    on("data.n", "lt", 5),
    on("data.n", "le", 5.5),
    on("data.n", "eq", 5.5),
    on("data.n", "ne", 5),
    on("data.n", "in", [4, 5.5]),
    on("data.n", "between", [5, 6]),
    {"any": [on("data.n", "lt", 5), on("data.n", "gt", 6)]},
    {"not": on("data.n", "notIn", [5])},
]


@pytest.mark.parametrize(
    ("value", "acting"),
    [
        (4, {2, 3, 5, 6, 8}),
        (5, {1, 3, 7, 9}),
        (5.25, {0, 1, 3, 5, 7}),
        (5.5, {0, 1, 3, 4, 5, 6, 7}),
        (6, {0, 1, 5, 7}),
        (10**400, {0, 1, 5, 8}),
        (None, {5}),
        (float("nan"), {5}),
    ],
)
def test_numbers_are_told_apart_at_and_between_all_bounds(value: Any, acting: set[int]) -> None:
    raw = rules(*RANGES)
    assert any(isinstance(c, tuple) and 5.5 in c for c in constants(raw))
    assert judged_twice(raw, data={"n": value}).trace == tuple(f"r{n}" for n in sorted(acting))


@pytest.mark.parametrize("operator", ["gt", "ge", "lt", "le"])
@pytest.mark.parametrize("value", [-1, 0, 0.5, 7, 7.5, 8, None])
def test_bounds_of_one_kind_are_looked_up_once_and_rightly(operator: str, value: Any) -> None:
    raw = rules(*(on("data.n", operator, n) for n in range(9)))
    judged_twice(raw, data={"n": value})


def test_what_comes_after_a_condition_that_may_fail_is_not_asked_before_it() -> None:
    """The first condition meets a wrong type; the second alone would rule the rule out."""
    risky = on("data.a", "eq", {"attribute": "data.b"})
    raw = rules(*({"all": [on("data.k", "eq", "k"), risky, on("data.n", "eq", n)]} for n in range(10)))
    failed = judged_twice(raw, data={"k": "k", "a": "text", "b": 1, "n": 99})
    assert failed.outcome is Outcome.ERRORHELD
    assert "rules[0].when.all[1]" in (failed.error or "")
    assert judged_twice(raw, data={"k": "other", "a": "text", "b": 1}).outcome is Outcome.CLASSIFIED


def test_a_rule_that_changes_what_later_ones_read_is_seen_by_them() -> None:
    change = {
        "id": "x",
        "then": [{"setAttribute": {"name": "data.k", "value": "k7"}}, {"raiseBusinessValue": 7}],
    }
    asks = [
        {"id": f"r{n}", "when": {"all": [on("data.k", "eq", f"k{n}"), on("businessValue", "ge", n)]}}
        for n in range(20)
    ]
    raw = document(rules=[*asks[:10], change, *asks[10:], {"id": "again", "when": on("data.k", "eq", "k7")}])
    assert judged_twice(raw, data={"k": "k0"}).trace == ("r0", "x", "again")


def test_the_first_row_of_a_long_table_acts_and_the_memory_grows_with_its_rows() -> None:
    count = 3 * MAX_RULES
    rows = [{"when": [f"k{n}", n % 7], "then": [{"raiseBusinessValue": 1}]} for n in range(count)]
    table = {
        "id": "t",
        "columns": [{"attribute": "data.k"}, {"attribute": "data.n", "operator": "ge"}],
        "rows": [*rows, {"when": [None, None], "then": []}, {"when": ["k9", 0], "then": []}],
    }
    raw = document(decisionTables=[table])
    for place in (0, 6, MAX_RULES - 1, MAX_RULES, count - 1):
        result = judged_twice(raw, data={"k": f"k{place}", "n": 6})
        assert (result.trace, result.business_value) == ((f"t[{place + 1}]",), 1)
    assert judged_twice(raw, data={"k": "k6", "n": 5}).trace == (f"t[{count + 1}]",)
    by_text = [c for c in constants(raw) if isinstance(c, dict) and "k9" in c]
    assert all(left.bit_length() <= MAX_RULES for sets in by_text for left in sets.values())


def test_siblings_are_tried_in_order() -> None:
    names = [f"c{n}" for n in range(30)]
    raw = document(
        categories=[
            {"id": c, "name": c, "schema": "s", "queue": "q", "when": on("data.k", "in", [c, names[-1]])}
            for c in names
        ]
    )
    assert judged_twice(raw, data={"k": "c17"}).category_id == "c17"
    assert judged_twice(raw, data={"k": "c29"}).category_id == "c0"
    assert judged_twice(raw, data={"k": "none"}).outcome is Outcome.ERRORHELD


def test_a_number_far_out_costs_no_more_than_others() -> None:
    far = [on("data.n", "lt", f"{n}e999999999") for n in range(1, 11)]
    raw = {**rules(*far), "attributes": [{"name": "n", "type": "decimal"}]}
    assert judged_twice(raw, data={"n": "5e999999999"}).trace == tuple(f"r{n}" for n in range(5, 10))
    assert judged_twice(raw, data={"n": 7}).trace == tuple(f"r{n}" for n in range(10))
