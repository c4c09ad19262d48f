from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openiwd.domain.condition import Operator
from openiwd.domain.errors import RuleSetError
from openiwd.domain.instant import DAY, HOUR, to_micros
from openiwd.domain.judgement import Outcome, judge
from tests.factories.rule_set import NOW, compiled, document, facts, judged

DECLARED = [
    {"name": "text"},
    {"name": "count", "type": "integer"},
    {"name": "amount", "type": "decimal"},
    {"name": "flag", "type": "boolean"},
    {"name": "day", "type": "date"},
    {"name": "items", "type": "list"},
    {"name": "product", "allowed": ["motor", "home"]},
]


def truth(condition: dict[str, Any], **values: Any) -> bool | str:
    """Whether the condition holds; the error's text where it is an error."""
    raw = document(attributes=DECLARED, rules=[{"id": "r", "when": condition, "then": []}])
    result = judged(raw, **values)
    if result.outcome is Outcome.ERRORHELD:
        assert result.error is not None
        return result.error
    return result.trace == ("r",)


def on(attribute: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    given = {} if value is None else {"value": value}
    return {"attribute": attribute, "operator": operator, **given, **more}


@pytest.mark.parametrize(
    ("condition", "data", "expected"),
    [
        (on("data.text", "eq", "a"), {"text": "a"}, True),
        (on("data.text", "eq", "a"), {"text": "A"}, False),
        (on("data.text", "eq", "STRASSE", ignoreCase=True), {"text": "straße"}, True),
        (on("data.text", "ne", "a"), {"text": "b"}, True),
        (on("data.text", "in", ["a", "b"]), {"text": "b"}, True),
        (on("data.text", "in", ["A", "B"], ignoreCase=True), {"text": "b"}, True),
        (on("data.text", "notIn", ["a", "b"]), {"text": "b"}, False),
        (on("data.text", "contains", "ell"), {"text": "hello"}, True),
        (on("data.text", "contains", "ELL", ignoreCase=True), {"text": "hello"}, True),
        (on("data.text", "startsWith", "he"), {"text": "hello"}, True),
        (on("data.text", "endsWith", "he"), {"text": "hello"}, False),
        (on("data.text", "matches", "l+o$"), {"text": "hello"}, True),
        (on("data.text", "matches", "^L"), {"text": "line"}, False),
        (on("data.text", "matches", "^L", ignoreCase=True), {"text": "line"}, True),
        (on("data.count", "gt", 3), {"count": 4}, True),
        (on("data.count", "between", [3, 5]), {"count": 5}, True),
        (on("data.count", "between", [3, 5]), {"count": 6}, False),
        (on("data.amount", "eq", "0.30"), {"amount": 0.3}, True),
        (on("data.amount", "eq", 0.3), {"amount": "0.300"}, True),
        (on("data.amount", "le", 0.1), {"amount": "0.1000000000000000055"}, False),
        (on("data.flag", "eq", True), {"flag": True}, True),
        (on("data.day", "before", "2026-03-04"), {"day": "2026-03-03T23:59:59Z"}, True),
        (on("data.day", "eq", "2026-03-04T01:00:00+01:00"), {"day": "2026-03-04"}, True),
        (on("data.day", "before", "now+2h"), {"day": "2026-03-04T11:59:59Z"}, True),
        (on("data.day", "after", "now - 1d"), {"day": "2026-03-03T10:00:00Z"}, False),
        (on("data.day", "between", ["now-1d", "now"]), {"day": "2026-03-04T10:00:00Z"}, True),
        (on("data.day", "olderThan", "1h"), {"day": "2026-03-04T09:00:00Z"}, False),
        (on("data.day", "olderThan", "1h"), {"day": "2026-03-04T08:59:59.999999Z"}, True),
        (on("data.day", "withinBusinessTime", "office"), {"day": "2026-03-04T15:59:59Z"}, True),
        (on("data.day", "withinBusinessTime", "office"), {"day": "2026-03-04T16:00:00Z"}, False),
        (on("now", "withinBusinessTime", "office"), {}, True),
        (on("data.items", "contains", "a"), {"items": ["b", "a"]}, True),
        (on("data.items", "contains", 1), {"items": [True]}, False),
        (on("data.items", "contains", "A", ignoreCase=True), {"items": ["a"]}, True),
        (on("data.free", "contains", "a"), {"free": ["a"]}, True),
        (on("data.free", "contains", "a"), {"free": "bar"}, True),
        (on("data.free.deep", "eq", 1), {"free": {"deep": 1.0}}, True),
        (on("data.free.deep", "eq", 1), {"free": "text"}, False),
        (on("data.free", "gt", 1), {"free": 1.5}, True),
        (on("data.free", "before", "2026-01-02"), {"free": "2026-01-01"}, True),
        (on("data.text", "eq", {"attribute": "data.free"}), {"text": "a", "free": "a"}, True),
        (on("data.amount", "lt", {"attribute": "data.count"}), {"amount": "2.5", "count": 3}, True),
        (on("data.text", "in", {"attribute": "data.items"}), {"text": "a", "items": ["a"]}, True),
        (on("data.items", "contains", {"attribute": "data.text"}), {"text": "a", "items": ["a"]}, True),
        (on("data.free", "eq", {"attribute": "data.other"}), {"free": 1, "other": 1}, True),
        (on("data.day", "lt", {"attribute": "createdDateTime"}), {"day": "2026-03-04"}, True),
    ],
)
def test_operators(condition: dict[str, Any], data: dict[str, Any], *, expected: bool) -> None:
    assert truth(condition, data=data) is expected
    assert truth({"not": condition}, data=data) is not expected


@pytest.mark.parametrize(
    "operator",
    [o.value for o in Operator],
)
@pytest.mark.parametrize("data", [{}, {"x": None}])
def test_a_missing_attribute_makes_conditions_false_but_for_three(
    operator: str, data: dict[str, Any]
) -> None:
    value: Any = {
        "in": ["a"],
        "notIn": ["a"],
        "lt": 1,
        "le": 1,
        "gt": 1,
        "ge": 1,
        "between": [1, 2],
        "before": "now",
        "after": "now",
        "olderThan": "1h",
        "withinBusinessTime": "office",
        "isSet": None,
        "isNotSet": None,
    }.get(operator, "a")
    expected = operator in {"isNotSet", "ne", "notIn"}
    assert truth(on("data.x", operator, value), data=data) is expected
    if operator in {"eq", "ne"}:
        assert truth(on("data.a", operator, {"attribute": "data.x"}), data={**data, "a": "b"}) is expected


@pytest.mark.parametrize("empty", ["", [], None])
def test_empty_text_and_lists_are_not_set(empty: Any) -> None:
    assert truth(on("data.x", "isSet"), data={"x": empty}) is False
    assert truth(on("data.x", "isNotSet"), data={"x": empty}) is True
    assert truth(on("subject", "isSet"), subject=None if empty == [] else empty) is False
    assert truth(on("tags", "isNotSet"), tags=[]) is True
    assert truth(on("data.x", "isSet"), data={"x": 0}) is True


@pytest.mark.parametrize(
    ("condition", "data", "told"),
    [
        (on("data.text", "eq", "a"), {"text": 7}, "needs text, but data.text is a number"),
        (on("data.free", "eq", "a"), {"free": 7}, "needs text, but data.free is a number"),
        (on("data.free", "eq", 1), {"free": True}, "needs a number, but data.free is true or false"),
        (on("data.count", "gt", 1), {"count": "7"}, "needs a number, but data.count is text"),
        (on("data.amount", "gt", 1), {"amount": "much"}, "needs a decimal number, but data.amount is text"),
        (on("data.day", "before", "now"), {"day": "soon"}, "needs a date, but data.day is text"),
        (on("data.items", "contains", "a"), {"items": "a"}, "needs a list, but data.items is text"),
        (on("data.flag", "eq", True), {"flag": {}}, "needs true or false, but data.flag is an object"),
        (
            on("data.text", "eq", {"attribute": "data.free"}),
            {"text": "a", "free": 1},
            "but data.free is a number",
        ),
        (
            on("data.free", "lt", {"attribute": "data.o"}),
            {"free": "a", "o": "b"},
            "needs a number, but data.free",
        ),
        (on("data.free", "contains", 1), {"free": "1"}, "needs a list, but data.free is text"),
    ],
)
def test_a_wrong_type_is_an_error_that_names_rule_and_condition(
    condition: dict[str, Any], data: dict[str, Any], told: str
) -> None:
    error = truth({"all": [condition]}, data=data)
    assert isinstance(error, str)
    assert "rule 'r': condition" in error
    assert "(rules[0].when.all[0])" in error
    assert told in error


def test_a_condition_that_is_not_reached_raises_no_error() -> None:
    guarded = {"all": [on("data.flag", "eq", True), on("data.text", "eq", "a")]}
    assert truth(guarded, data={"flag": False, "text": 7}) is False
    assert isinstance(truth(guarded, data={"flag": True, "text": 7}), str)


def test_item_fields_contacts_tags_and_ext_can_be_asked() -> None:
    assert truth(on("contact.language", "eq", "de"), contact={"language": "de"})
    assert truth(on("contact.emails", "contains", "a@b.c"), contact={"emails": ["a@b.c"]})
    assert truth(on("contact.language", "isNotSet"), contact=None)
    assert truth(on("categoryPath", "startsWith", "Claims/"), category="Claims/Motor")
    assert truth(on("tags", "contains", "vip"), tags=["vip"])
    assert truth(on("businessValue", "ge", 10), business_value=10)
    assert truth(on("createdDateTime", "olderThan", "2h"), created_at=NOW - 2 * HOUR - 1)
    assert truth(
        on("ext.sourceDueDateTime", "before", "now"), ext={"sourceDueDateTime": "2026-03-04T09:00:00Z"}
    )
    assert truth(
        on("dueDateTime", "before", {"attribute": "data.day"}), due_at=NOW - DAY, data={"day": "2026-03-04"}
    )


def test_dates_without_an_offset_are_local_to_the_tenant() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    raw = document(
        rules=[{"id": "r", "when": on("createdDateTime", "ge", "2026-07-01")}], attributes=DECLARED
    )
    rules = compiled(raw, berlin)
    midnight = to_micros(datetime(2026, 6, 30, 22, 0, tzinfo=UTC))
    assert judge(rules, facts(created_at=midnight), NOW, {}).trace == ("r",)
    assert judge(rules, facts(created_at=midnight - 1), NOW, {}).trace == ()


@pytest.mark.parametrize(
    ("condition", "field", "told"),
    [
        (on("data", "isSet"), "attribute", "no attribute 'data'"),
        (on("sujbect", "isSet"), "attribute", "no attribute 'sujbect'"),
        (on("ext.segment", "isSet"), "attribute", "no attribute"),
        (on("subject", "equals", "a"), "operator", "no operator 'equals'"),
        (on("subject", "gt", 1), "value", "text cannot be compared with a number"),
        (on("subject", "gt", "a"), "operator", "needs numbers or dates"),
        (on("subject", "eq"), "value", "needs a value"),
        (on("subject", "isSet", "x"), "value", "takes no value"),
        (on("subject", "matches", "("), "value", "pattern cannot be read"),
        (on("subject", "matches", "(?=x)"), "value", "pattern cannot be read"),
        (on("subject", "matches", "a" * 1001), "value", "up to 1000 characters"),
        (on("subject", "olderThan", "1h"), "operator", "needs a date"),
        (on("createdDateTime", "olderThan", "soon"), "value", "not a duration"),
        (on("createdDateTime", "before", "soon"), "value", "is not a date"),
        (on("now", "withinBusinessTime", "offcie"), "value", "no calendar"),
        (on("data.count", "between", [1]), "value", "needs two values"),
        (on("data.count", "between", [1, "x"]), "value[1]", "cannot be compared"),
        (on("data.text", "in", "a"), "value", "needs a list"),
        (on("data.text", "in", ["a", 1]), "value[1]", "cannot be compared"),
        (on("data.items", "eq", ["a"]), "operator", "not compared as a whole"),
        (on("data.items", "in", ["a"]), "operator", "is a list"),
        (on("data.product", "eq", "boat"), "value", "not an allowed value"),
        (on("data.product", "in", ["home", "boat"]), "value[1]", "not an allowed value"),
        (on("data.flag", "eq", 1), "value", "cannot be compared"),
        (on("data.count", "eq", 1, ignoreCase=True), "ignoreCase", "says nothing"),
        (on("data.text", "eq", {"attribute": "nope"}), "value.attribute", "no attribute 'nope'"),
        (on("data.text", "eq", {"attribut": "nope"}), "value", "plain or"),
        (on("data.text", "eq", {"attribute": "data.count"}), "value", "cannot be compared"),
    ],
)
def test_faults_are_found_when_compiling(condition: dict[str, Any], field: str, told: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        compiled(document(attributes=DECLARED, rules=[{"id": "r", "when": {"any": [condition]}}]))
    assert caught.value.field == f"rules[0].when.any[0].{field}"
    assert told in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("criteria", "field"),
    [
        ({}, "rules[0].when"),
        ({"all": []}, "rules[0].when.all"),
        ({"any": [{"all": [], "any": []}]}, "rules[0].when.any[0]"),
        ({"not": {}}, "rules[0].when.not"),
        ({"all": [on("subject", "isSet")], "operator": "eq"}, "rules[0].when"),
    ],
)
def test_malformed_trees_are_refused(criteria: dict[str, Any], field: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        compiled(document(rules=[{"id": "r", "when": criteria}]))
    assert caught.value.field == field


def test_nesting_is_bounded() -> None:
    criteria = on("subject", "isSet")
    for _ in range(25):
        criteria = {"not": criteria}
    with pytest.raises(RuleSetError, match="nested deeper"):
        compiled(document(rules=[{"id": "r", "when": criteria}]))


def test_a_hostile_pattern_runs_in_linear_time() -> None:
    assert truth(on("subject", "matches", "(a+)+$"), subject="a" * 500 + "b") is False
